"""`shard`: a packaged source, or a folder of the user's own pictures, as TFRecord shards."""

import pathlib
import sys

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.running import native_stderr_muted

SOURCES = ("brain", "digits", "emoji", "mnist", "speech")


def shard(source: str, folder: pathlib.Path, n_shards: int, size: int):
    """Write a source as shards, pictures as PNG of 8 bits; returns their `ShardIndex`.

    Args:
        source: one of `SOURCES`, or a folder of pictures, whose subfolders are the classes.
        folder: to write into; what was interrupted there goes on.
        n_shards: files.
        size: height and width that the user's own pictures get.

    Raises:
        InputError: no such source; and as `write_shards`.
        KeyboardInterrupt: Ctrl-C; says what is written.
    """
    if source not in SOURCES and not pathlib.Path(source).expanduser().is_dir():
        raise InputError(
            f"There is no source {source!r}: choose {', '.join(SOURCES)}, or a folder of pictures."
        )
    with native_stderr_muted():
        from gen_ai_examples.common.shards import write_shards
    columns = _packaged(source) if source in SOURCES else _own(source, size)
    png = [name for name, column in columns.items() if column.dtype.name == "uint8"]
    return write_shards(columns, folder, n_shards, source, png)


def _packaged(source):
    import numpy as np

    from gen_ai_examples.common.media import to_uint8
    from gen_ai_examples.common.sources import audio, brain, image

    match source:
        case "brain":
            return {"images": brain.heads().first[..., None]}
        case "emoji":
            line, colour = image.emoji_pairs()
            return {
                "line": to_uint8(line.images),
                "colour": to_uint8(colour.images),
                "labels": colour.labels,
            }
        case "speech":
            pieces = [audio.excerpts(wave, audio.RATE) for wave in audio.bundled_speech().values()]
            speakers = np.repeat(np.arange(len(pieces)), [len(its) for its in pieces])
            return {"waves": np.concatenate(pieces), "speakers": speakers}
    data = getattr(image, source)()
    return {"images": to_uint8(data.images), "labels": data.labels}


def _own(source, size):
    from gen_ai_examples.common.media import to_uint8
    from gen_ai_examples.common.sources import image

    data = image.folder(source, size)
    print(f"{len(data)} pictures of {len(data.names)} classes.", file=sys.stderr)
    return {"images": to_uint8(data.images), "labels": data.labels}
