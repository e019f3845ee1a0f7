"""The version of the code that a verdict was made by."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def code_version() -> str:
    """The installed version of the distribution; `source` when run from a checkout that was not installed."""
    try:
        return version("touchstone-qc")
    except PackageNotFoundError:
        return "source"
