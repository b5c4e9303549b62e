"""Byte-pair encoding: a text as numbers of frequent pieces, and back without loss.

Sennrich et al. 2016, https://aclanthology.org/P16-1162/, by SentencePiece (Kudo & Richardson 2018,
https://arxiv.org/abs/1808.06226). The pieces are learned from a text that is given, so a model that
is tested on another text must learn them from its training part alone.
"""

import io
from collections import Counter

import numpy as np
import sentencepiece

from gen_ai_examples.common.errors import InputError

_BLANK = "\u2581"  # how SentencePiece writes a blank; one in the text is spelled by its bytes
_LONGEST = 1000  # characters that are learned from in a row


class BytePairs:
    """Pieces of text, each with a number from 0 to `vocabulary` - 1.

    A piece is within a line and a word, whose blank before it belongs to it. The 256 bytes, which
    spell whatever has no piece of its own, are among them: every text can be encoded.

    Args:
        text: to learn from.
        pieces: how many to learn, single characters included.

    Raises:
        InputError: the text does not have so many pieces.
    """

    def __init__(self, text: str, pieces: int):
        model = io.BytesIO()
        lines = [
            line[at : at + _LONGEST]
            for line in text.split("\n")
            for at in range(0, len(line), _LONGEST)
        ]
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=model,
                model_type="bpe",
                # And those of its own: what is unknown, the end of a line, the bytes.
                vocab_size=1 + 1 + 256 + pieces,
                character_coverage=_coverage("".join(lines), pieces // 2),
                byte_fallback=True,
                user_defined_symbols=["\n"],
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                bos_id=-1,
                eos_id=-1,
                num_threads=1,
                minloglevel=3,
            )
        except (RuntimeError, ValueError) as error:
            raise InputError(f"A text of {len(text):,} characters has no {pieces} pieces.") from error
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        self.vocabulary = self._processor.get_piece_size()
        self._bytes = [self._spelled(i) for i in range(self.vocabulary)]

    def _spelled(self, i):
        piece = self._processor.id_to_piece(i)
        if self._processor.is_byte(i):
            return bytes([int(piece[1:-1], 16)])
        return piece.replace(_BLANK, " ").encode() * (not self._processor.is_unknown(i))

    def encode(self, text: str) -> np.ndarray:
        """Numbers (N,) int32 of the pieces that spell a text."""
        blank = [self._processor.piece_to_id(f"<0x{byte:02X}>") for byte in _BLANK.encode()]
        first, *parts = [self._processor.encode(part) for part in text.split(_BLANK)]
        numbers = first + [number for part in parts for number in blank + part]
        return np.array(numbers, np.int32)

    def decode(self, numbers: np.ndarray) -> str:
        """The text of pieces (N,); bytes that make no character become U+FFFD."""
        return b"".join(self._bytes[number] for number in numbers).decode(errors="replace")


def _coverage(text, most):
    """The share of a text that its `most` frequent characters make up."""
    counts = Counter(text)
    return sum(n for _, n in counts.most_common(most)) / max(len(text), 1)
