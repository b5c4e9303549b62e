"""Can a network learn from a quarter of an hour of recordings to say sentences never recorded?

A small network in the manner of FastSpeech 2 (Ren et al. 2020, https://arxiv.org/abs/2006.04558)
turns phones into durations and, all frames at once, into spectral envelope, pitch and voicing; a
vocoder of harmonics and noise makes them sound. Departures: times of the phones come from a
recogniser, PocketSphinx; dilated convolutions instead of attention; no mel spectrogram and no
neural vocoder, which needs days. Averages sound muffled, so half of the spread that regression
loses is put back (global variance, Toda & Tokuda 2007,
https://doi.org/10.1093/ietisy/e90-d.5.816).

The article calls an LSTM with one sigmoid "a simple audio generation model", and for speech from
text shows code that takes sound in: an untrained classifier, without a loss for sound or a
waveform at its end.

    gen-ai-examples run audio.speech_synthesis --steps 900

The voice is Allison Smith's, telephone prompts, (c) 2003-2010, CC BY-SA 3.0: what is made of them
must name her and stay under that licence. Held out are forty phrases, or a fifth if there are few;
whatever shares half of its words with one of them is left out of training, so that many words are
new. Rivals: the recording whose text is most like it; the mean frame of each phone for its median
duration; and unit selection, which glues recorded words, and parts of words where a word was never
recorded. `--text "..."` says a sentence of yours. `--audio DIR` takes your own voice, English:
NAME.wav and NAME.txt.

What to expect: a buzzing voice with her melody and rhythm, whose words can be followed. The
recogniser agrees in part: it prefers glued recordings, whose every sound is real, and it is a weak
judge. It hears a third of the words of the real recordings wrong, since telephones cut off the hiss
of "s", although it knows all words of the prompts and the order of those in training. By spectrum
the network and glued recordings are level; rhythm it has learned. What seemed to matter: embeddings
of unit size, without which it learned positions before phones; a vocoder driven by pitch, which
keeps harmonics sharp. Averaged weights gained nothing. The hiss that the recogniser is given in
place of what telephones cut off was set by phrases that may be among those held out; it is the same
for all methods.

Limits: 8 kHz; one voice, which reads menus; English words of CMUdict. Speak in nobody's voice
without consent, and say of synthetic speech that it is: a voice is a person's, and this is how
calls are forged.
"""

import keras
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.fit import fit
from gen_ai_examples.common.media import Sound, Text
from gen_ai_examples.common.methods.speaking import Speaking, build_speaker
from gen_ai_examples.common.methods.sphinx import SILENCE, Recogniser, pronunciation, words_of
from gen_ai_examples.common.methods.unit_selection import UnitSelection
from gen_ai_examples.common.methods.vocoder import analyse, synthesise
from gen_ai_examples.common.methods.voice import AverageVoice, NeuralVoice, corpus
from gen_ai_examples.common.metrics.speech import (
    edit_distance,
    mel_cepstral_distortion,
    word_error_rate,
)
from gen_ai_examples.common.sources.audio import RATE
from gen_ai_examples.common.sources.prompts import (
    KNOWN,
    bundled_prompts,
    hold_out,
    own_phrases,
)
from gen_ai_examples.common.spectrograms import spectrograms
from gen_ai_examples.common.strategy import precision, strategy

ANSWERS = ("Q15.5", "Q24.1", "Q8.3")
CPU_REPLICAS = 2  # train faster than one: see `share_cpu`
SMOKE = dict(steps=2, batch_size=2, width=8, blocks=1, held_out=2, dtype="float32")

NEAREST, AVERAGE, GLUED = "nearest recording", "mean of each phone", "unit selection"
OURS, VOCODED, REAL = "network", "recording through the vocoder", "recording"
SHOWN, PICTURED = 4, 2


def main(
    steps=900,
    batch_size=16,
    length=160,
    width=160,
    blocks=6,
    learning_rate=2e-3,
    held_out=40,
    dtype="auto",
    seed=0,
    text: str | None = None,
    audio: str | None = None,
) -> Answer:
    own = None if text is None else sounds_of(words_of(text))
    keras.utils.set_random_seed(seed)
    recorded = own_phrases(audio) if audio else bundled_prompts()
    # Of few recordings a fifth at most: there must be something to learn from.
    train, test = hold_out(recorded, min(held_out, len(recorded) // 5))
    data = corpus(train, RATE)
    test = [p for p in test if {*p.phones, *sounds_of(p.words)[0]} <= {*data.inventory}]
    if not test:
        raise InputError("No recording has five words that others have not: record more sentences.")
    if own and not {*own[0]} <= {*data.inventory}:
        raise InputError("The text has sounds that the recordings have not: take other words.")
    with strategy().scope(), precision(dtype):
        model = Speaking(build_speaker(2 * len(data.inventory) + 1, width, blocks))
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-2))
        model.optimizer.build(model.network.trainable_variables)
    fit(model, batches(data.excerpts(length), batch_size, seed), steps)

    voice, average = NeuralVoice(model, data), AverageVoice(data)
    glued = UnitSelection(train, data.spectra())
    said = [phrase.words for phrase in test]
    texts = [sounds_of(words) for words in said]
    made = {
        NEAREST: [min(train, key=lambda p: edit_distance(p.words, w)).wave for w in said],
        AVERAGE: [average.speak(phones, RATE) for phones, _ in texts],
        GLUED: [glued.speak(*pair) for pair in texts],
        OURS: [voice.speak(*pair, RATE) for pair in texts],
        VOCODED: [synthesise(**analyse(phrase.wave, RATE), rate=RATE) for phrase in test],
        REAL: [phrase.wave for phrase in test],
    }
    vocabulary = sorted({word for phrase in recorded for word in phrase.words})
    recognise = Recogniser([phrase.words for phrase in train], vocabulary, KNOWN)
    heard = {name: [recognise(wave, RATE) for wave in waves] for name, waves in made.items()}
    errors = {name: word_error_rate(words, said) for name, words in heard.items()}
    distances = {
        name: float(np.mean([mel_cepstral_distortion(*pair, RATE) for pair in pairs]))
        for name, waves in made.items()
        if name != REAL and (pairs := list(zip(waves, made[REAL], strict=True)))
    }
    rhythm = {
        OURS: duration_error(test, lambda p: voice.durations(p.phones, p.starts_word)),
        AVERAGE: duration_error(test, lambda p: average.durations(p.phones)),
    }

    def claim(statement, ours, scores, rivals, unit, best=None):
        beaten = {name: scores[name] for name in rivals}
        return Claim(statement, scores[ours], unit, beaten, "lower", best)

    media = {
        "spectrograms": spectrograms(
            {
                f"{i + 1}: {' '.join(said[i][:4])} ...": {
                    name: made[name][i] for name in (AVERAGE, GLUED, OURS, REAL)
                }
                for i in range(min(PICTURED, len(test)))
            },
            RATE,
        ),
        "heard": Text(
            "\n\n".join(
                "\n".join(
                    [f"said: {' '.join(words)}"]
                    + [f"  {name}: {' '.join(its[i])}" for name, its in heard.items()]
                )
                for i, words in enumerate(said)
            )
        ),
    }
    if own:
        media["own_text"] = Sound(quiet(voice.speak(*own, RATE)), RATE)
    for i in range(min(SHOWN, len(test))):
        for number, (name, waves) in enumerate(made.items(), start=1):
            title = f"speech_{i + 1}_{number}_{name}".replace(" ", "_")
            media[title] = Sound(quiet(waves[i]), RATE)
    return Answer(
        claims=[
            claim(
                "Sentences it has never heard are understood better from the network than from the "
                "most similar recording, or from the mean sound of each phone.",
                *(OURS, errors, (NEAREST, AVERAGE), "% of words heard wrong", errors[REAL]),
            ),
            claim(
                "The recogniser understands glued pieces of recordings better than the network.",
                *(GLUED, errors, (OURS, NEAREST, AVERAGE)),
                *("% of words heard wrong", errors[REAL]),
            ),
            claim(
                "The network's spectra are nearer to how the sentence was really said than both "
                "trivial ways, and about as near as glued pieces of recordings.",
                *(OURS, distances, (NEAREST, AVERAGE)),
                *("dB mel-cepstral distortion", distances[VOCODED]),
            ),
            claim(
                "It has learned rhythm: how long a phone lasts here, not just on average.",
                *(OURS, rhythm, (AVERAGE,), "ms error of a phone's duration", 0.0),
            ),
        ],
        metrics={f"words heard wrong, {name}, %": value for name, value in errors.items()}
        | {f"mel-cepstral distortion, {name}, dB": value for name, value in distances.items()},
        media=media,
    )


def duration_error(phrases, durations):
    """Mean absolute error in milliseconds, silence apart."""
    pairs = [(durations(p), p.frames, np.array(p.phones) != SILENCE) for p in phrases]
    return float(np.mean(np.concatenate([10 * np.abs(d - f)[spoken] for d, f, spoken in pairs])))


def quiet(wave):
    return wave / max(1.0, np.abs(wave).max())


def sounds_of(words):
    """Phones of a sentence, silence around them, and which of them begin a word."""
    phones, starts = [SILENCE], [False]
    for spoken in pronunciation(words, KNOWN):
        phones += spoken
        starts += [True] + [False] * (len(spoken) - 1)
    return [*phones, SILENCE], np.array([*starts, False])


if __name__ == "__main__":
    run_as_command(main)
