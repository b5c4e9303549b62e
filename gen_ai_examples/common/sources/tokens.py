"""A text as numbers: of its characters, or of its frequent pieces.

Byte-pair encoding: Sennrich et al. 2016, https://aclanthology.org/P16-1162/, by SentencePiece (Kudo
& Richardson 2018, https://aclanthology.org/D18-2012/). Both are learned from the text that is
given: for a model that is tested on another text, from its training part alone.
"""

import io
from collections import Counter

import numpy as np
import sentencepiece

from gen_ai_examples.common.errors import InputError

_BLANK = "\u2581"  # how SentencePiece writes a blank; one that is in the text goes by its bytes
_LONGEST = 1000  # characters that are learned from in a row


class Characters:
    """Each character of a text, numbered from 0 on, and one number for all others.

    What it costs to tell which of the others one is stays out of any measure.

    Args:
        text: to learn from.
        at_least: how often a character must be in it. With 1, nothing unknown is in the text
            itself, so a model of it takes unknown characters for impossible.
    """

    def __init__(self, text: str, at_least: int = 1):
        self._characters = sorted(c for c, n in Counter(text).items() if n >= at_least)
        self._numbers = {character: i for i, character in enumerate(self._characters)}
        self.unknown = len(self._characters)
        self.vocabulary = self.unknown + 1

    def encode(self, text: str) -> np.ndarray:
        """Numbers (N,) int32, one for each character."""
        return np.array([self._numbers.get(c, self.unknown) for c in text], np.int32)

    def decode(self, numbers: np.ndarray) -> str:
        """The text; unknown characters become U+FFFD."""
        return "".join([*self._characters, "\ufffd"][number] for number in numbers)


class BytePairs:
    """Pieces of text, each with a number from 0 to `vocabulary` - 1.

    A piece is part of one word, to which the blank before it belongs. Among the pieces are the 256
    bytes, which spell whatever has no piece of its own: every text can be encoded.

    Args:
        text: to learn from.
        pieces: how many to learn, single characters included; of those, at most half as many as
            this, the most frequent ones.

    Raises:
        InputError: the text does not have so many pieces.
    """

    def __init__(self, text: str, pieces: int):
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(_stretches(text, pieces // 2)),
                model_writer=model,
                model_type="bpe",
                vocab_size=1 + 1 + 256 + pieces,  # the unknown, the end of a line, the bytes
                character_coverage=1.0,
                byte_fallback=True,
                user_defined_symbols=["\n"],
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                bos_id=-1,
                eos_id=-1,
                num_threads=1,  # or the order of equally frequent pairs could depend on it
                minloglevel=3,
            )
        except (RuntimeError, OSError) as error:
            raise InputError(
                f"{pieces} pieces cannot be learned from a text of {len(text):,} characters."
            ) from error
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        self.vocabulary = self._processor.get_piece_size()
        self._bytes = [self._spelled(number) for number in range(self.vocabulary)]
        self._blank = [self._processor.piece_to_id(f"<0x{b:02X}>") for b in _BLANK.encode()]

    def encode(self, text: str) -> np.ndarray:
        """Numbers (N,) int32 of the pieces that spell a text."""
        # One by one: for a list, the library starts threads at every call.
        first, *parts = (self._processor.encode(part) for part in text.split(_BLANK))
        return np.array(first + [n for part in parts for n in self._blank + part], np.int32)

    def decode(self, numbers: np.ndarray) -> str:
        """The text of pieces (N,); bytes that make no character become U+FFFD."""
        return b"".join(self._bytes[number] for number in numbers).decode(errors="replace")

    def _spelled(self, number):
        piece = self._processor.id_to_piece(number)
        if self._processor.is_byte(number):
            return bytes([int(piece[1:-1], 16)])
        return b"" if self._processor.is_unknown(number) else piece.replace(_BLANK, " ").encode()


def _stretches(text, most):
    """Parts of lines, without what is to be spelled by bytes: all but the `most` characters."""
    counts = Counter(text)
    rare = dict.fromkeys(map(ord, counts - Counter(dict(counts.most_common(most)))), "\n")
    lines = text.translate(rare | {ord(_BLANK): "\n"}).split("\n")
    return [line[at : at + _LONGEST] for line in lines for at in range(0, len(line), _LONGEST)]
