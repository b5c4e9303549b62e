"""A U-Net over frequency with dilated convolutions over time, for masks on a spectrogram."""

import keras
from keras import layers


def spectrogram_unet(width: int, tcn_width: int = 128, bins: int = 128) -> keras.Model:
    """Features (B, frames, bins, 3) to (B, frames, bins, 2), zero before it is trained.

    Four strided convolutions halve the frequencies and keep the frames; residual blocks of dilated
    convolutions over the frames look 66 frames to each side, a second at 16 ms; four transposed
    convolutions lead back, each after the sum with what had its size.

    Args:
        width: channels of the first convolution; the fourth has three times as many.
        tcn_width: channels of the blocks over time.
        bins: a multiple of 16.

    Source: after the convolutional recurrent network of Tan & Wang 2018,
    https://doi.org/10.21437/Interspeech.2018-1405, with a temporal convolutional network (Bai et
    al. 2018, https://arxiv.org/abs/1803.01271) instead of its LSTM.
    """
    spectrum = x = keras.Input((None, bins, 3))
    widths = [width, width * 3 // 2, width * 2, width * 3]
    skips = []
    for n in widths:
        x = layers.Conv2D(n, (3, 4), (1, 2), padding="same", activation="silu")(x)
        skips.append(x)
    shape = (-1, bins // 16, widths[-1])
    h = layers.Dense(tcn_width)(layers.Reshape((-1, shape[1] * shape[2]))(x))
    for dilation in (1, 2, 4, 8, 16) * 2:
        y = layers.LayerNormalization()(h)
        y = layers.Conv1D(tcn_width, 3, padding="same", dilation_rate=dilation, activation="silu")(
            y
        )
        h = h + layers.Dense(tcn_width)(y)
    x = layers.Reshape(shape)(layers.Dense(shape[1] * shape[2])(h))
    for n, skip in zip([*widths[-2::-1], width], reversed(skips), strict=True):
        x = layers.Conv2DTranspose(n, (1, 4), (1, 2), padding="same", activation="silu")(x + skip)
    mask = layers.Conv2D(2, 1, kernel_initializer="zeros", dtype="float32")(x)
    return keras.Model(spectrum, mask, name="spectrogram_unet")
