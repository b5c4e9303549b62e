"""The user's own pairs of pictures: what is given, and what it shall become."""

from pathlib import Path

from gen_ai_examples.common.errors import InputError
from gen_ai_examples.common.sources.image import ImageSet, folder

FEWEST = 10


def own_pairs(path: str | Path, size: int, channels: int = 1) -> tuple[ImageSet, ImageSet]:
    """Read `path`/input and `path`/target, whose files have equal names but for the ending.

    Args:
        path: the folder that holds the two; each is read as by `image.folder`.
        size: height and width of the result.
        channels: of the inputs, 1 or 3; targets have 3.

    Returns:
        Inputs (N, size, size, channels) and targets (N, size, size, 3), in the same order.

    Raises:
        InputError: a folder is missing, holds no pictures, or a picture has no partner; fewer than
            ten pairs.
    """
    given = folder(Path(path) / "input", size, channels)
    wanted = folder(Path(path) / "target", size, 3)
    names, partners = ([Path(name).with_suffix("") for name in s.captions] for s in (given, wanted))
    alone = sorted({*names} ^ {*partners})
    if alone:
        where = "input" if alone[0] in names else "target"
        raise InputError(
            f"{len(alone)} picture(s) in {path} have no partner of the same name, such as "
            f"{alone[0]} in {where}: input and target must hold the same names."
        )
    if names != partners:
        raise InputError(
            f"Two pictures in {path} have the same name but for the ending: rename one of them."
        )
    if len(given) < FEWEST:
        raise InputError(f"{path} holds {len(given)} pairs: give at least {FEWEST}.")
    return given, wanted
