"""DOC?

    gen-ai-examples run audio.speech_synthesis --steps 1000
"""

import keras
import numpy as np

from gen_ai_examples.cli import run_as_command
from gen_ai_examples.common.answer import Answer, Claim
from gen_ai_examples.common.batches import batches
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
SMOKE = dict(steps=2, batch_size=2, width=8, blocks=1, held_out=4, phrases=120)

OURS, AVERAGE, GLUED = "network", "mean of each phone", "unit selection"
NEAREST, VOCODED, REAL = "nearest recording", "vocoder, no text", "real recording"


def main(
    steps=1000,
    batch_size=16,
    length=160,
    width=160,
    blocks=6,
    learning_rate=2e-3,
    held_out=40,
    phrases=1000,
    dtype="auto",
    seed=0,
    text: str | None = None,
    audio: str | None = None,
) -> Answer:
    own = sounds_of(words_of(text)) if text is not None else None
    keras.utils.set_random_seed(seed)
    recorded = (own_phrases(audio) if audio else bundled_prompts())[:phrases]
    train, test = hold_out(recorded, held_out)
    data = corpus(train, RATE)
    with strategy().scope(), precision(dtype):
        model = Speaking(build_speaker(2 * len(data.inventory) + 1, width, blocks))
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-2, global_clipnorm=1.0))
        model.optimizer.build(model.network.trainable_variables)
    fit(model, batches(data.excerpts(length), batch_size, seed), steps)

    voice, average = NeuralVoice(model, data), AverageVoice(data)
    glued = UnitSelection(train, data.spectra())
    said = [phrase.words for phrase in test]
    texts = [sounds_of(words) for words in said]  # as a reader of the text knows them
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
        name: float(
            np.mean(
                [
                    mel_cepstral_distortion(wave, phrase.wave, RATE)
                    for wave, phrase in zip(waves, test, strict=True)
                ]
            )
        )
        for name, waves in made.items()
        if name != REAL
    }
    rhythm = {name: [] for name in (OURS, AVERAGE)}
    for phrase in test:
        spoken = np.array(phrase.phones) != SILENCE
        for name, frames in (
            (OURS, voice.durations(phrase.phones, phrase.starts_word)),
            (AVERAGE, average.durations(phrase.phones)),
        ):
            rhythm[name].extend(10 * np.abs(frames - phrase.frames)[spoken])
    rhythm = {name: float(np.mean(values)) for name, values in rhythm.items()}
    print(errors, distances, rhythm)
    return errors, distances, rhythm, made, heard, test


def sounds_of(words):
    """Phones of a sentence, silence around them, and which of them begin a word."""
    phones, starts = [SILENCE], [False]
    for spoken in pronunciation(words, KNOWN):
        phones += spoken
        starts += [True] + [False] * (len(spoken) - 1)
    return [*phones, SILENCE], np.array([*starts, False])


if __name__ == "__main__":
    run_as_command(main)
