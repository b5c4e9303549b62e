# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Audio: taking noise off speech
#
# Sound is a row of numbers, eight thousand a second here, and hardly any network works on them as they are. This notebook goes from the
# waveform to the spectrogram and back, shows what is lost when the phase is left out, and trains a small network to clean speech
# recorded amid noise. There is something to listen to at every step. It takes about four minutes on two cores.

# %% tags=["parameters"] small="steps, width, n_test = 2, 4, 8"
steps, width, n_test = 1500, 16, 96

# %%
import keras
import librosa
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio, Image, display

from gen_ai_examples.audio.denoising import mixing, recordings
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.methods.denoising import decision_directed, log_mmse_gain
from gen_ai_examples.common.methods.enhancement import SpeechEnhancement
from gen_ai_examples.common.metrics.audio import si_sdr, stoi
from gen_ai_examples.common.nets.spectrogram import spectrogram_unet
from gen_ai_examples.common.sources.audio import RATE, at_speeds
from gen_ai_examples.common.sources.mixtures import mixtures, waveforms
from gen_ai_examples.common.spectrograms import spectrograms
from gen_ai_examples.common.strategy import precision, strategy

(speech, noises), held_out = recordings(None)
print("speakers to learn from:", *speech)
print("held out:              ", *held_out[0])
print("noises to learn from:  ", *noises)
print("held out:              ", *held_out[1])


def hear(**sounds):
    for title, wave in sounds.items():
        print(title.replace("_", " "))
        display(Audio(wave, rate=RATE))


# %% [markdown]
# Speakers *and* noises are held out: a network that knows the voice or the engine proves nothing.
#
# ## From a waveform to a picture
#
# A short-time Fourier transform takes 32 thousandths of a second at a time and asks how much of each frequency is in it. The picture of
# its magnitudes is the *spectrogram*: time to the right, pitch upwards. The stripes are the voice's overtones, the gaps are pauses.

# %%
clean = next(iter(held_out[0].values()))[: 3 * RATE]
noise = next(iter(held_out[1].values()))[: 3 * RATE]
shown = spectrograms({"held out": {"noise": noise, "speech": clean}}, RATE)
Image(data=shown.encode())

# %%
hear(speech=clean, noise=noise)

# %% [markdown]
# ## What the picture leaves out
#
# Each number of the transform has a magnitude and a *phase*, and the picture shows the magnitude alone. Back to a waveform one needs
# both. With the true phase the way back is exact; with a random one the same picture sounds like this:

# %%
transform = librosa.stft(clean, n_fft=256, hop_length=64)
magnitude, phase = np.abs(transform), np.angle(transform)
rng = np.random.default_rng(0)


def back(phase):
    return librosa.istft(magnitude * np.exp(1j * phase), hop_length=64, length=len(clean))


guessed = librosa.griffinlim(magnitude, hop_length=64, n_fft=256, length=len(clean), random_state=0)
versions = {
    "true phase": back(phase),
    "random phase": back(rng.uniform(-np.pi, np.pi, phase.shape)),
    "phase by Griffin-Lim": guessed,
}
for name, wave in versions.items():
    print(f"{name:<22} SI-SDR {si_sdr(wave[None], clean[None])[0]:6.1f} dB")
hear(random_phase=versions["random phase"], Griffin_Lim=guessed)

# %% [markdown]
# [Griffin and Lim (1984)](https://doi.org/10.1109/TASSP.1984.1164317) look for a phase that goes with the picture: it sounds right and,
# measured sample by sample, is as wrong as before. Remember this when you judge sounds: **SI-SDR** (how much of the result is a multiple
# of the original, in dB) asks for the same waveform, **STOI** (0 to 1) asks whether words can be understood.
#
# ## A mask
#
# Noise and speech lie in different places of the picture. So one multiplies each place by a *mask*: near 1 where speech is, near 0 where
# noise is. If we knew both, the best mask would be easy:

# %%
mixed = clean + noise * np.sqrt(np.mean(clean**2) / np.mean(noise**2))  # equally loud: 0 dB
loud = [np.abs(librosa.stft(x, n_fft=256, hop_length=64)) for x in (clean, noise)]
mask = loud[0] ** 2 / (loud[0] ** 2 + loud[1] ** 2 + 1e-9)
ideal = librosa.istft(
    mask * librosa.stft(mixed, n_fft=256, hop_length=64), hop_length=64, length=len(clean)
)
plt.figure(figsize=(6, 2.2))
plt.imshow(mask, origin="lower", aspect="auto", extent=(0, 3, 0, RATE / 2000), cmap="gray")
plt.xlabel("seconds")
plt.ylabel("kHz")
plt.colorbar(label="mask")
plt.show()
for name, wave in (("mixed", mixed), ("by the ideal mask", ideal)):
    print(f"{name:<18} SI-SDR {si_sdr(wave[None], clean[None])[0]:5.1f} dB")

# %% [markdown]
# Denoising is guessing that mask from the mixture alone. The classical way, of which *log-MMSE* is the best known, tracks how
# loud the noise is in each band, and compares; it fails when the noise changes as fast as speech. A network can learn what speech
# looks like.
#
# ## Train a network to guess it
#
# Pairs cost nothing: mix clean speech and noise at random, at random loudness, as often as we like. The network sees the spectrum and
# answers with a *complex* mask, which can turn the phase as well.

# %%
keras.utils.set_random_seed(0)
examples = at_speeds(speech.values(), (0.8, 0.9, 1.0, 1.12, 1.25), 2 * RATE, hop=RATE)
loud = at_speeds(noises.values(), (0.75, 1.0, 1.3), 2 * RATE, hop=RATE // 2)
with strategy().scope(), precision("auto"):
    model = SpeechEnhancement(spectrogram_unet(width), RATE)
    decay = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.AdamW(decay, weight_decay=1e-3))
    model.optimizer.build(model.network.trainable_variables)
data = batches({"clean": examples}, 8, 0, mixing(loud))
history = fit(model, data, steps, progress=False).history

# %%
test = mixtures(*held_out, (-5, 0, 5, 10), n_test, 4 * RATE)
noisy, truth = waveforms(test)
results = {
    "noisy": noisy,
    "log-MMSE": decision_directed(noisy, log_mmse_gain, floor_db=-12, excess=1.4),
    "network": model.enhance_all(noisy),
}
for name, waves in results.items():
    print(
        f"{name:<10} SI-SDR {si_sdr(waves, truth).mean():5.2f} dB"
        f"   STOI {stoi(waves, truth, RATE).mean():.3f}"
    )

# %%
i = next(i for i, its in enumerate(test) if its.snr == 5)
row = {name: its[i] for name, its in results.items()} | {"clean": truth[i]}
Image(data=spectrograms({test[i].noise: row}, RATE).encode())

# %%
hear(noisy=noisy[i], network=results["network"][i], clean=truth[i])

# %% [markdown]
# ## Vary one thing: how loud the noise is

# %%
ratios = sorted({its.snr for its in test})
plt.figure(figsize=(6, 3))
for name, waves in results.items():
    scores = si_sdr(waves, truth)
    means = [scores[[its.snr == ratio for its in test]].mean() for ratio in ratios]
    plt.plot(ratios, means, marker="o", label=name)
plt.xlabel("speech to noise, dB")
plt.ylabel("SI-SDR, dB")
plt.legend()
plt.show()

# %% [markdown]
# Most is gained where speech and noise are about equally loud. Where speech drowns there is little to hold on to, and where it is clear
# there is little to gain. `audio.denoising` chooses the settings of three classical methods by each measure, and says for which noises
# the network does *not* win.
#
# ## Exercises
#
# 1. Clean speech should come out as it went in. What do both methods do to `truth`?
# 2. STOI may fall while SI-SDR rises. For how many of the mixtures does that happen, and with which noise?
#
# The solutions are in the folded cells below.

# %% jupyter={"source_hidden": true}
# Solution 1. Above 20 dB the ear hardly notices.
for name, waves in (
    ("log-MMSE", decision_directed(truth, log_mmse_gain, floor_db=-12, excess=1.4)),
    ("network", model.enhance_all(truth)),
):
    print(f"{name:<10} SI-SDR {si_sdr(waves, truth).mean():5.1f} dB of clean speech")

# %% jupyter={"source_hidden": true}
# Solution 2. With every noise: what takes noise off takes some of the speech along.
gain = [
    measure(results["network"]) - measure(noisy)
    for measure in (lambda x: si_sdr(x, truth), lambda x: stoi(x, truth, RATE))
]
worse = (gain[0] > 0) & (gain[1] < 0)
print(f"{worse.sum()} of {len(test)}:", *sorted({test[i].noise for i in np.flatnonzero(worse)}))
