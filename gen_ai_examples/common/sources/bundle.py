"""The data files that come with the project: found, checked, never unpickled."""

import functools
import hashlib
from pathlib import Path

from gen_ai_examples.common.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[2]
# An installed wheel carries data/ inside the package, a checkout beside it.
_FOLDERS = (_PACKAGE / "data", _PACKAGE.parent / "data")


def bundled(name: str) -> Path:
    """Find a bundled data file and check it against `SHA256SUMS`, once per process.

    Args:
        name: as listed in `data/SHA256SUMS`, e.g. "mnist_5k.npz".

    Returns:
        The path of the file, whose content is what the project shipped. Open it without
        unpickling (`np.load(..., allow_pickle=False)`).

    Raises:
        InputError: the data folder or the file is missing, or the content differs.

    Origin, licence and build script of every file: `data/README.md`.
    """
    folder = next((f for f in _FOLDERS if (f / "SHA256SUMS").is_file()), None)
    if folder is None:
        places = " nor in ".join(map(str, _FOLDERS))
        raise InputError(f"The bundled data are neither in {places}: install gen_ai_examples anew.")
    sums = _read_sums(folder / "SHA256SUMS")
    if name not in sums:
        raise InputError(f"No bundled data file is called {name!r}: choose from {sorted(sums)}.")
    path = folder / name
    if not path.is_file():
        raise InputError(f"{path} is missing: restore it, or install gen_ai_examples anew.")
    if _sha256(path) != sums[name]:
        raise InputError(
            f"{path} is not the file that was shipped (its sha256 differs from SHA256SUMS): "
            "restore it, or install gen_ai_examples anew."
        )
    return path


def _read_sums(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.removeprefix("*"): digest for digest, name in pairs}


@functools.cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
