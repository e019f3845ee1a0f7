"""The version of the code that a verdict was made by."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_JUDGES = (
    "qc_models/**/*.py",
    "inference/**/*.py",
    "configs/*.py",
    "configs/dose_references.yaml",
    "configs/vocabulary.yaml",
)


@cache
def code_version() -> str:
    """The installed version of the distribution, and 8 characters that change with whatever measures or judges.

    Catalogue, policy and models have digests of their own. `source` stands for a version where it was not installed.
    """
    try:
        release = version("touchstone-qc")
    except PackageNotFoundError:
        release = "source"
    return f"{release}+{_digest()[:8]}"


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _JUDGES for path in _ROOT.glob(pattern)):
        digest.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
