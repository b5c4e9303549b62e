"""How good will a large model be, and what will it cost, before you have paid for it?

A plan for a large model begins with a requirement (here: predict a novel in fewer bits than
n-grams), goes on to the data that it takes, and ends in an evaluation that decides. What is between
them need not be guessed. Small GPTs, read along their training, give a scaling law of the loss
(Hoffmann et al. 2022, https://arxiv.org/abs/2203.15556) and one of the seconds of a step; both
foretell a model several times as large as any of them, which is then trained, to see. The learning
rate is constant and weights are averaged, so that every look at a training stands for a training
that ended there (Hägele et al. 2024, https://arxiv.org/abs/2405.18392).

The article's model for large scale is one dense layer, printed with a shape that does not fit;
nothing in it is large or distributed. It evaluates by FID and IS, which are for pictures alone.

    gen-ai-examples run training.large_scale

What to expect: the loss of the large model is foretold to less than a tenth of a bit, and the time
of its steps to within a third; neither the number of weights nor the peak of the machine tells
that. The requirement is not met: after these steps the large model is still nearly a tenth of a bit
behind the n-grams. More text of the same book is worth more than more reading of the same text: the
number of tokens that were read is not the number of tokens that there are.

What mattered: an optimizer whose learning rate suits all sizes (Muon, see `common/methods/
language_model.py`); the rate was chosen on a part of the training text. What a step costs has to be
fitted with what it costs at least, which is most of it for the small ones.

Limits: sizes differ by tens here, and by thousands where it matters; a law that is followed so far
says how its error grows, not that it is small. It holds for one kind of model, text and training,
and knows nothing of what a model can do that no loss shows. Beyond a few readings of a text its
tokens are not new (Muennighoff et al. 2023, https://arxiv.org/abs/2305.16264), as the last claim
shows.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import Text
from gen_ai_examples.common.methods.autoregressive import Autoregressive
from gen_ai_examples.common.methods.language_model import windows
from gen_ai_examples.common.methods.ngram import KneserNey
from gen_ai_examples.common.metrics.scaling import (
    fit_scaling_law,
    fit_step_cost,
    on_line,
    on_power_law,
    tokens_needed,
    transformer_flops,
)
from gen_ai_examples.common.metrics.text import bits_per_character, surprise
from gen_ai_examples.common.nets.gpt import GPT
from gen_ai_examples.common.scaling_pictures import forecasts
from gen_ai_examples.common.sources.text import moby_dick, read_text, split_text
from gen_ai_examples.common.sources.tokens import BytePairs, Characters
from gen_ai_examples.common.strategy import strategy
from gen_ai_examples.common.timing import take_turns

ANSWERS = ("Q7.1", "Q7.2", "Q7.6")
SMOKE = dict(steps=4, looks=4, batch_size=2, small=2, large_dim=64, depth=1, timed_steps=1)

DIMS = (16, 24, 32, 48)
SHARES = {"a quarter": 1 / 4, "a sixteenth": 1 / 16}  # of the text, to see what the rest is worth
CONTEXT, PIECES, ORDER = 64, 512, 6


def build(vocabulary, dim, depth, rate):
    """Every head has 16 features, whatever the size, so that the sizes differ in one thing."""
    with strategy().scope():
        model = Autoregressive(GPT(vocabulary, CONTEXT, dim=dim, depth=depth, heads=dim // 16))
        model.compile(
            keras.optimizers.Muon(
                rate,
                weight_decay=0.1,
                exclude_layers=["head"],
                adam_lr_ratio=0.4,
                adam_beta_1=0.8,
                adam_beta_2=0.95,
                adam_weight_decay=0.0,
                use_ema=True,
                ema_momentum=0.98,
            )
        )
    return model


def train(model, text, bits, steps, looks, batch_size, seed):
    """Bits per held-out character of the averaged weights, at `looks` evenly spaced moments."""
    examples = windows(text, CONTEXT, batch_size, model.network.mask_shape, 0.0, seed)
    averages = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)  # while they are looked at
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(bits=bits(model))
    )
    one_device = strategy().num_replicas_in_sync == 1
    return np.array(
        fit(
            model, examples, steps, callbacks=[averages, look], steps_per_epoch=steps // looks,
            jit_compile=one_device,
        ).history["bits"]
    )  # fmt: skip


def state_of(model):
    return [*model.variables, *model.optimizer.variables]


def weights_of(network):
    """How many weights are multiplied with features: all but the table of embeddings."""
    table = network.tokens.count_params()
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables) - table


def step_operations(network, depth, batch_size):
    return transformer_flops(weights_of(network), batch_size * CONTEXT, depth, CONTEXT, network.dim)


def time_steps(models, text, batch_size, turns):
    """Median seconds of a step by width, and operations per second of a large matrix product."""
    tokens = tf.constant(text[: batch_size * CONTEXT].reshape(batch_size, CONTEXT))
    calls = {str(dim): loss_of_step(model, tokens) for dim, model in models.items()}
    side = 1024
    square = tf.random.normal((side, side), seed=0)
    calls["peak"] = lambda _: tf.matmul(square, square).numpy()[0, 0]
    seconds, _ = take_turns(calls, range(turns))
    peak = 2 * side**3 / seconds.pop("peak")
    return {dim: seconds[str(dim)] for dim in models}, peak


def loss_of_step(model, tokens):
    """A call that trains `model` for a step, and waits for its loss."""
    one_device = strategy().num_replicas_in_sync == 1
    step = tf.function(
        lambda: model.train_step({"tokens": tokens})["loss"],
        jit_compile=one_device,
        autograph=False,
    ).get_concrete_function()
    step()  # compiles
    return lambda _: step().numpy()


def main(
    steps=800,
    looks=8,
    batch_size=16,
    small=4,
    large_dim=128,
    depth=2,
    learning_rate=0.02,
    timed_steps=31,
    seed=0,
    text: str | None = None,
) -> Answer:
    keras.utils.set_random_seed(seed)
    known, held_out = split_text(read_text(text, 300_000) if text else moby_dick())
    pieces = BytePairs(known, PIECES)
    tokens, unseen = pieces.encode(known), pieces.encode(held_out)

    def bits(model):
        of_window = vars(model).setdefault(
            "_of_window",
            tf.function(
                model.nats, jit_compile=strategy().num_replicas_in_sync == 1, autograph=False
            ),
        )
        return bits_per_character(surprise(of_window, unseen, CONTEXT, CONTEXT // 2), held_out)

    def trained(model, part=tokens):
        return train(model, part, bits, steps, looks, batch_size, seed)

    dims = [*DIMS[-small:], large_dim]
    models = {dim: build(pieces.vocabulary, dim, depth, learning_rate) for dim in dims}
    largest = dims[-2]
    fresh = [variable.numpy() for variable in state_of(models[largest])]
    losses = {dim: trained(model) for dim, model in models.items()}
    sizes = {dim: weights_of(model.network) for dim, model in models.items()}
    read = batch_size * CONTEXT * (steps // looks) * np.arange(1, looks + 1.0)
    settled = slice(1, None)  # the first look is at a model that has hardly begun
    law = fit_scaling_law(
        np.repeat([sizes[dim] for dim in dims[:-1]], looks - 1),
        np.tile(read[settled], len(dims) - 1),
        np.concatenate([losses[dim][settled] for dim in dims[:-1]]),
    )
    of_law = {dim: functools.partial(law, sizes[dim]) for dim in dims}
    measured = losses[large_dim][settled]

    of_small = list(sizes.values()), [losses[dim][settled] for dim in dims[:-1]]

    def miss(foretold):
        return float(np.mean(np.abs(foretold - measured)))

    of_part = {}
    for name, share in SHARES.items():
        for variable, value in zip(state_of(models[largest]), fresh, strict=True):
            variable.assign(value)  # anew, without tracing it again
        of_part[name] = trained(models[largest], tokens[: int(len(tokens) * share)])
    work = {dim: step_operations(models[dim].network, depth, batch_size) for dim in dims}
    seconds, peak = time_steps(models, tokens, batch_size, timed_steps)
    cost = fit_step_cost(*zip(*[(work[dim], seconds[dim]) for dim in dims[:-1]], strict=True))
    took = seconds[large_dim]
    by_weights = seconds[largest] * sizes[large_dim] / sizes[largest]

    letters = Characters(known)
    ngram = KneserNey(letters.encode(known), letters.vocabulary, ORDER)
    mark = bits_per_character(ngram.nats(letters.encode(held_out)), held_out)
    needed = tokens_needed(of_law[large_dim], mark)
    minutes = needed / (batch_size * CONTEXT) * cost(work[large_dim]) / 60
    names = {dim: f"{sizes[dim]:,}" for dim in dims}
    return Answer(
        claims=[
            Claim(
                "A scaling law of models that are at most a fifth as large foretells the loss of "
                "the large model nearer than a straight line, or a law that falls for ever.",
                miss(of_law[large_dim](read[settled])),
                "bits per character, mean error",
                {
                    "the largest of the small ones": miss(losses[largest][settled]),
                    "a straight line through the two largest": miss(on_line(*of_small)),
                    "a power law without a floor": miss(on_power_law(*of_small)),
                },
                better="lower",
            ),
            Claim(
                "What a step of it costs follows from the steps of the small ones, and neither "
                "from its number of weights nor from the peak of the machine.",
                100 * abs(cost(work[large_dim]) / took - 1),
                "per cent, error of the seconds per step",
                {
                    "in proportion to the weights": 100 * abs(by_weights / took - 1),
                    "at the peak of matrix products": 100 * abs(work[large_dim] / peak / took - 1),
                },
                better="lower",
            ),
            Claim(
                "The tokens that there are count, not those that were read: after as many steps, "
                "all of the text leaves less loss than a part that is read more often.",
                float(losses[largest][-1]),
                "bits per held-out character",
                {f"{share} of the text": float(its[-1]) for share, its in of_part.items()},
                better="lower",
            ),
        ],
        metrics={
            "floor of the loss": law.floor,
            "exponent of the weights": law.alpha,
            "exponent of the tokens": law.beta,
            "share of the peak, large model": work[large_dim] / took / peak,
            "n-grams, bits per character": mark,
            "large model, bits per character": float(losses[large_dim][-1]),
        }
        | {f"milliseconds per step, {names[dim]} weights": 1e3 * seconds[dim] for dim in dims},
        media={
            "forecasts": forecasts(
                {names[dim]: (read, losses[dim], of_law[dim]) for dim in dims},
                {names[dim]: (work[dim], seconds[dim]) for dim in dims},
                cost,
                peak,
                names[large_dim],
                (f"Kneser-Ney {ORDER}-gram of characters", mark),
            ),
            "plan": Text(plan(names[large_dim], mark, needed, minutes, len(tokens))),
        },
    )


def plan(size, mark, needed, minutes, there):
    """What the laws say of the requirement, in words."""
    lines = [f"Requirement: fewer than {mark:.3f} bits per held-out character, as n-grams have."]
    if needed == float("inf"):
        lines.append(f"By the law no reading brings {size} weights there: more weights are needed.")
    else:
        lines += [
            f"By the law {size} weights are there after {needed:,.0f} tokens, "
            f"{needed / there:.1f} times all that there are for training,",
            f"and by the cost of a step that takes {minutes:.1f} minutes on this machine.",
        ]
    lines.append(
        "The law takes every token for a new one. What is read over and over is worth less and "
        "less, so the more often the text is read, the later it will be."
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run_as_command(main)
