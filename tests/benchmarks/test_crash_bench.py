"""A short form of the crash test: nothing acknowledged is lost, whatever is killed, on either database."""

from pathlib import Path

import pytest

from benchmarks import crash_bench
from tests.serving.conftest import empty_database_url, postgres_server

__all__ = ("empty_database_url", "postgres_server")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # pynetdicom leaves sockets that nobody answered
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nothing_acknowledged_is_lost(empty_database_url: str, tmp_path: Path) -> None:
    url = empty_database_url if empty_database_url.startswith("postgresql") else ""
    figures = crash_bench.run(tmp_path, kills=4, studies=4, instances=160, seed=3, database_url=url, tell=print)
    assert crash_bench.is_sound(figures), figures
    assert figures["acknowledged"] == figures["rows"] == 160
    assert sum(figures["kills"].values()) == 4
