"""A PostgreSQL server of one's own in a temporary folder, gone at its end: ordinary for benchmarks, quick for tests."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import create_engine

_ORDINARY = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "1GB",
    "wal_level": "minimal",  # tables emptied and filled at once need no log
    "max_wal_senders": "0",
}


@contextmanager
def private_postgres() -> Iterator[str]:
    """The URL of an empty database on an ordinary small server; UsageError where PostgreSQL is not installed."""
    with private_server(_ORDINARY) as url:
        engine = create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE touchstone")
        engine.dispose()
        yield url.format("touchstone")


@contextmanager
def private_server(settings: Mapping[str, str]) -> Iterator[str]:
    """The URL of a server, `{}` where a database is named; it listens on a socket in its folder, which TMPDIR says the place of.

    UsageError where PostgreSQL is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(programs[-1]) if programs else shutil.which("initdb")
    if found is None:
        raise click.UsageError("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="touchstone-pg-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        command = [str(Path(found).parent / program), "-D", str(folder / "data"), *arguments]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL, **who)

    try:
        run("initdb", "--username=touchstone", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        told = {"listen_addresses": "", "unix_socket_directories": str(folder), **settings}
        options = " ".join(f"-c {name}='{value}'" for name, value in told.items())
        run("pg_ctl", "start", "--wait", "--log", str(folder / "log"), "--options", options)
        try:
            yield f"postgresql+psycopg://touchstone@/{{}}?host={folder}"
        finally:
            run("pg_ctl", "stop", "--mode", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
