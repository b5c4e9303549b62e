"""The networks of `families.py` in PyTorch: the same layers, weights, losses and optimizers.

Images are (B, C, H, W) here. `copy_weights` takes the weights of the Keras network over; with them
the outputs are the same, which the tests check. Nothing here imports TensorFlow, so that start-up
and memory can be measured. PyTorch is no dependency of this project:
`pip install -e .[bench]`.
"""

import collections
import contextlib
import sys
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

if "tensorflow" in sys.modules:
    # Its compiler for GPUs, which no CPU needs, crashes the process beside TensorFlow's compiler.
    sys.modules.setdefault("triton", None)

LATENT, CLASSES = 16, 10
MIN_TIME_LEFT = 0.05  # as families.py
EPSILON = 1e-10  # as families.py


class MLP(nn.Sequential):
    def __init__(self, width):
        layers = [nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        super().__init__(*layers, nn.Linear(width, 10))


class Generator(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width
        self.dense = nn.Linear(LATENT, 8 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 4, 2, 1)
        self.norm = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
        self.up2 = nn.ConvTranspose2d(width, 1, 4, 2, 1)

    def forward(self, z):
        x = F.relu(self.dense(z)).view(-1, 2, 2, 2 * self.width).permute(0, 3, 1, 2)
        return torch.tanh(self.up2(F.relu(self.norm(self.up1(x)))))


class Discriminator(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.down1 = nn.Conv2d(1, width, 4, 2, 1)
        self.down2 = nn.Conv2d(width, 2 * width, 4, 2, 1)
        self.dense = nn.Linear(8 * width, 1)

    def forward(self, x):
        x = F.leaky_relu(self.down2(F.leaky_relu(self.down1(x), 0.2)), 0.2)
        return self.dense(x.permute(0, 2, 3, 1).flatten(1))


class Down(nn.Conv2d):
    """Halves; pads below and to the right only, as TensorFlow does at even sizes."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 3, 2)

    def forward(self, x):
        return super().forward(F.pad(x, (0, 1, 0, 1)))


class ResidualBlock(nn.Module):
    def __init__(self, inputs, channels, condition_dim):
        super().__init__()
        self.norm1 = nn.GroupNorm(8, inputs, eps=1e-3)
        self.conv1 = nn.Conv2d(inputs, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, channels, eps=1e-3)
        self.scale_shift = nn.Linear(condition_dim, 2 * channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, channels, 1) if inputs != channels else nn.Identity()

    def forward(self, x, condition):
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        scale, shift = self.scale_shift(condition)[:, :, None, None].chunk(2, 1)
        h = h * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(F.silu(h))


class UNet(nn.Module):
    def __init__(self, width, condition_dim=128):
        super().__init__()
        half = condition_dim // 2
        frequencies = torch.tensor(np.geomspace(1, 100, half, dtype=np.float32))
        self.register_buffer("frequencies", frequencies)
        self.time = nn.Linear(condition_dim, condition_dim)
        self.classes = nn.Embedding(CLASSES + 1, condition_dim)
        self.mix = nn.Linear(condition_dim, condition_dim)
        self.stem = Down(1, width)
        self.block1 = ResidualBlock(width, width, condition_dim)
        self.down = Down(width, 2 * width)
        self.block2 = ResidualBlock(2 * width, 2 * width, condition_dim)
        self.middle = ResidualBlock(2 * width, 2 * width, condition_dim)
        self.block3 = ResidualBlock(4 * width, 2 * width, condition_dim)
        self.block4 = ResidualBlock(3 * width, width, condition_dim)
        self.norm = nn.GroupNorm(8, width, eps=1e-3)
        self.head = nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, x, times, labels):
        angles = times[:, None] * self.frequencies
        condition = F.silu(self.time(torch.cat([angles.sin(), angles.cos()], 1)))
        condition = F.silu(self.mix(condition + self.classes(labels)))
        skip1 = self.block1(self.stem(x), condition)
        skip2 = self.block2(self.down(skip1), condition)
        x = self.middle(skip2, condition)
        x = self.block3(torch.cat([x, skip2], 1), condition)
        x = F.interpolate(x, scale_factor=2)
        x = self.block4(torch.cat([x, skip1], 1), condition)
        return F.pixel_shuffle(self.head(F.silu(self.norm(x))).float(), 2)


def normalise(x):
    return F.rms_norm(x, x.shape[-1:], eps=1e-6)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name in ("queries", "keys", "values", "output"):
            setattr(self, name, nn.Linear(dim, dim, bias=False))
        self.hidden = nn.Linear(dim, 4 * dim, bias=False)
        self.narrow = nn.Linear(4 * dim, dim, bias=False)

    def forward(self, x, memory, cos, sin):
        def parts(features):
            return features.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        h = normalise(x)
        queries = rotate(normalise(parts(self.queries(h))), cos, sin)
        keys = rotate(normalise(parts(self.keys(h))), cos, sin)
        values = parts(self.values(h))
        if memory is not None:
            keys = torch.cat([memory[0], keys], 2)
            values = torch.cat([memory[1], values], 2)
        mixed = F.scaled_dot_product_attention(
            queries.to(values.dtype),
            keys.to(values.dtype),
            values,
            is_causal=memory is None,
            scale=0.3,
        )
        x = x + self.output(mixed.transpose(1, 2).flatten(2))
        return x + self.narrow(F.relu(self.hidden(normalise(x))).square()), (keys, values)


class GPT(nn.Module):
    def __init__(self, width, length, vocabulary, depth, heads):
        super().__init__()
        self.vocabulary = vocabulary
        self.tokens = nn.Embedding(vocabulary + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.head = nn.Linear(width, vocabulary, bias=False)
        size = width // heads
        rates = 1000.0 ** -(torch.arange(size // 2) / (size // 2))
        angles = torch.arange(length)[:, None] * rates
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, tokens):
        return self.extend(tokens, None)[0]

    def extend(self, tokens, memory):
        read = 0 if memory is None else memory[0][0].shape[2]
        cos, sin = (x[read : read + tokens.shape[1]] for x in (self.cos, self.sin))
        x = normalise(self.tokens(tokens))
        kept = []
        for i, block in enumerate(self.blocks):
            x, now = block(x, memory and memory[i], cos, sin)
            kept.append(now)
        return self.head(normalise(x)), kept


class SpectrogramUNet(nn.Module):
    def __init__(self, width, tcn_width=128, bins=128):
        super().__init__()
        widths = [width, width * 3 // 2, width * 2, width * 3]
        inner = bins // 16 * widths[-1]
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, (3, 4), (1, 2), 1)
            for a, b in zip([3, *widths[:-1]], widths, strict=True)
        )
        self.narrow = nn.Linear(inner, tcn_width)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [
                    nn.LayerNorm(tcn_width, eps=1e-3),
                    nn.Conv1d(tcn_width, tcn_width, 3, padding=dilation, dilation=dilation),
                    nn.Linear(tcn_width, tcn_width),
                ]
            )
            for dilation in (1, 2, 4, 8, 16) * 2
        )
        self.widen = nn.Linear(tcn_width, inner)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, (1, 4), (1, 2), (0, 1))
            for a, b in zip(widths[::-1], [*widths[-2::-1], width], strict=True)
        )
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        skips = []
        for layer in self.down:
            x = F.silu(layer(x))
            skips.append(x)
        h = self.narrow(x.permute(0, 2, 3, 1).flatten(2))
        for norm, conv, dense in self.blocks:
            y = F.silu(conv(norm(h).transpose(1, 2)))
            h = h + dense(y.transpose(1, 2))
        x = self.widen(h).unflatten(-1, (-1, skips[-1].shape[1])).permute(0, 3, 1, 2)
        for layer, skip in zip(self.up, reversed(skips), strict=True):
            x = F.silu(layer(x + skip))
        return self.head(x).float()


NETWORKS: dict[str, list[Callable[..., nn.Module]]] = {
    "mlp": [MLP],
    "dcgan": [Generator, Discriminator],
    "unet": [UNet],
    "gpt": [GPT],
    "audio": [SpectrogramUNet],
}


def as_tensors(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Channels first, whole numbers as PyTorch's losses want them."""

    def tensor(value):
        if np.issubdtype(value.dtype, np.integer):
            return torch.tensor(value, dtype=torch.int64)
        return torch.tensor(np.moveaxis(value, -1, 1).copy() if value.ndim == 4 else value)

    return {name: tensor(value) for name, value in batch.items()}


class Training:
    """One network of NETWORKS in training.

    Args:
        name, sizes: see `families.py`.
        tuned: what PyTorch's own guide to speed advises on a CPU: `torch.compile`, channels last,
            the fused optimizer. Otherwise all is PyTorch's default.
        bfloat16: autocast.
    """

    def __init__(self, name: str, sizes: dict[str, int], tuned=False, bfloat16=False):
        self.name = name
        self.networks = [build(**sizes) for build in NETWORKS[name]]
        self.bfloat16 = bfloat16
        if tuned:
            self.networks = [net.to(memory_format=torch.channels_last) for net in self.networks]
        fused = {"fused": True} if tuned else {}
        adam, rest = torch.optim.AdamW, dict(lr=1e-3, weight_decay=0.01)
        if name == "mlp":
            adam, rest = torch.optim.Adam, dict(lr=1e-3)
        if name == "dcgan":
            adam, rest = torch.optim.Adam, dict(lr=2e-4, betas=(0.5, 0.999))
        self.optimizers = [
            adam(net.parameters(), eps=EPSILON, **rest, **fused) for net in self.networks
        ]
        self.called = [torch.compile(net) if tuned else net for net in self.networks]

    def _precision(self):
        if self.bfloat16:
            return torch.autocast("cpu", torch.bfloat16)
        return contextlib.nullcontext()

    def step(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Train on `batch`; return the loss, for the GAN the generator's."""
        if self.name == "dcgan":
            return self._gan_step(batch)
        with self._precision():
            loss = getattr(self, f"_{self.name}_loss")(batch)
        self._update(self.optimizers[0], loss)
        return loss

    def _update(self, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def _mlp_loss(self, batch):
        return F.cross_entropy(self.called[0](batch["rows"]), batch["labels"])

    def _unet_loss(self, batch):
        t = batch["times"][:, None, None, None]
        x_t = (1 - t) * batch["noise"] + t * batch["images"]
        image = self.called[0](x_t, batch["times"], batch["labels"])
        velocity = (image - x_t) / (1 - t).clamp(min=MIN_TIME_LEFT)
        return F.mse_loss(velocity, batch["images"] - batch["noise"])

    def _gpt_loss(self, batch):
        tokens = batch["tokens"]
        starts = torch.full_like(tokens[:, :1], self.networks[0].vocabulary)
        logits = self.called[0](torch.cat([starts, tokens[:, :-1]], 1))
        return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())

    def _audio_loss(self, batch):
        return F.mse_loss(self.called[0](batch["features"]), batch["residual"])

    def _gan_step(self, batch):
        generator, discriminator = self.called
        with self._precision():
            fake = generator(batch["latents"])
            real_logits, fake_logits = discriminator(batch["images"]), discriminator(fake.detach())
            d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        self._update(self.optimizers[1], d_loss)
        self.networks[1].requires_grad_(False)  # its gradients would be thrown away
        with self._precision():
            g_loss = F.softplus(-discriminator(fake)).mean()
        self._update(self.optimizers[0], g_loss)
        self.networks[1].requires_grad_(True)
        return g_loss

    def train(self, batch: dict[str, torch.Tensor], steps: int) -> float:
        """The loss of the last of so many steps."""
        for net in self.networks:
            net.train()
        for _ in range(steps):
            loss = self.step(batch)
        return loss.item()

    @torch.inference_mode()
    def sample(self, n: int) -> torch.Tensor:
        """As the `sample` of the family draws."""
        net = self.networks[0].eval()
        if self.name == "mlp":
            return net(torch.ones(n, 64))
        if self.name == "dcgan":
            return net(torch.ones(n, LATENT))
        if self.name == "audio":
            return net(torch.ones(n, 3, 126, 128))
        if self.name == "unet":
            return self._draw_flow(torch.randn(n, 1, 32, 32), torch.arange(n) % CLASSES, 8)
        return self._draw_tokens(n, 64)

    def _draw_flow(self, x, labels, steps):
        for i in range(steps):
            times = torch.full((len(x),), i / steps)
            image = self.networks[0](x, times, labels)
            x = x + (image - x) / (1 - i / steps) / steps
        return x

    def _draw_tokens(self, n, length):
        token = torch.full((n, 1), self.networks[0].vocabulary)
        memory, drawn = None, []
        for _ in range(length):
            logits, memory = self.networks[0].extend(token, memory)
            token = torch.multinomial(logits[:, -1].softmax(-1), 1)
            drawn.append(token)
        return torch.cat(drawn, 1)

    def parameters(self) -> int:
        return sum(p.numel() for net in self.networks for p in net.parameters())


_KINDS = {
    nn.Linear: "Dense",
    nn.Conv2d: "Conv2D",
    nn.ConvTranspose2d: "Conv2DTranspose",
    nn.Conv1d: "Conv1D",
    nn.GroupNorm: "GroupNormalization",
    nn.LayerNorm: "LayerNormalization",
    nn.BatchNorm2d: "BatchNormalization",
    nn.Embedding: "Embedding",
}
_ORDERS = {"Dense": (1, 0), "Conv2D": (3, 2, 0, 1), "Conv2DTranspose": (3, 2, 0, 1)} | {
    "Conv1D": (2, 1, 0)
}


def copy_weights(network: nn.Module, layers: list[tuple[str, list[np.ndarray]]]) -> None:
    """Give `network` the weights of Keras layers: (class name, weights), in order of creation.

    Layers of one kind are in the same order in both; what is left over is a ValueError.
    """
    left = collections.defaultdict(list)
    for kind, weights in layers:
        left[kind].append(weights)
    for module in network.modules():
        kind = next((name for cls, name in _KINDS.items() if isinstance(module, cls)), None)
        if kind is None:
            continue
        first, *rest = left[kind].pop(0)
        first = np.transpose(first, _ORDERS.get(kind, range(first.ndim)))
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(first.copy()))
            if rest:
                module.bias.copy_(torch.from_numpy(rest[0].copy()))
    if any(left.values()):
        raise ValueError(f"The twin has no place for {sum(map(len, left.values()))} layers.")
