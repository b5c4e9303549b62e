"""A U-Net that names the class of every pixel, and its loss.

Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, with padded convolutions, so that the
result is as large as the picture, and batch normalisation, which it did not know yet.
"""

import keras
import numpy as np
from keras import layers, ops


def build_segmenting_unet(
    n_classes: int, widths: tuple[int, ...] = (16, 32, 64), channels: int = 1
) -> keras.Model:
    """Pictures of any size to logits per pixel.

    Args:
        n_classes: of the pixels.
        widths: channels per level, each level at half the resolution of the one before.
        channels: of the picture.

    Returns:
        A model from (B, H, W, channels), H and W multiples of 2 ** (len(widths) - 1), to
        (B, H, W, n_classes) float32.
    """
    image = keras.Input((None, None, channels))
    x, skips = image, []
    for level, width in enumerate(widths):
        if level:
            skips.append(x)
            x = layers.MaxPooling2D()(x)
        x = _two_convolutions(x, width)
    for width, skip in zip(widths[-2::-1], reversed(skips), strict=True):
        x = layers.Conv2DTranspose(width, 2, strides=2)(x)
        x = _two_convolutions(layers.Concatenate()([skip, x]), width)
    logits = layers.Conv2D(n_classes, 1, dtype="float32")(x)
    return keras.Model(image, logits, name="segmentation")


def _two_convolutions(x, width):
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        # Synchronized, or replicas would normalise by a part of the batch each.
        x = layers.BatchNormalization(momentum=0.9, synchronized=True)(x)
        x = layers.Activation("relu")(x)
    return x


def overlap_and_entropy(classes, logits, weights: tuple[float, ...], smooth: float = 10.0):
    """Weighted cross-entropy plus 1 - Dice of every class but the first, per picture: (B,).

    Args:
        classes: (B, H, W) int.
        logits: (B, H, W, n_classes) float32.
        weights: of the pixels of each class in the entropy, so that a rare one is learned at all.
        smooth: pixels added to the common area and to both areas, so that a picture without a class
            asks for none of it and not for division by zero.

    Source: of the sum, Isensee et al. 2021, https://arxiv.org/abs/1809.10486.
    """
    truth = ops.one_hot(ops.cast(classes, "int32"), logits.shape[-1])
    entropy = ops.categorical_crossentropy(truth, logits, from_logits=True)
    entropy = ops.mean(entropy * ops.sum(truth * np.float32(weights), axis=-1), axis=(1, 2))
    shares = ops.softmax(logits)
    common = ops.sum(truth * shares, axis=(1, 2))[:, 1:]
    both = ops.sum(truth + shares, axis=(1, 2))[:, 1:]
    return entropy + ops.mean(1 - (2 * common + smooth) / (both + smooth), axis=-1)


def class_probabilities(network: keras.Model, picture: np.ndarray) -> np.ndarray:
    """Of every pixel of a picture of any size, averaged over its eight orientations.

    Args:
        network: as `build_segmenting_unet` returns it, of one channel.
        picture: (H, W) float32.

    Returns:
        (H, W, n_classes) float32.
    """
    multiple = 32
    height, width = picture.shape
    padded = np.pad(picture, [(0, -n % multiple) for n in (height, width)], mode="reflect")
    flips = [np.s_[::down, ::right] for down in (1, -1) for right in (1, -1)]
    total = 0.0
    for transpose in (False, True):
        turned = padded.T if transpose else padded
        four = np.stack([turned[flip] for flip in flips])[..., None]
        shares = ops.convert_to_numpy(ops.softmax(network(four, training=False)))
        mean = np.mean([share[flip] for share, flip in zip(shares, flips, strict=True)], axis=0)
        total = total + (mean.swapaxes(0, 1) if transpose else mean)
    return total[:height, :width] / 2
