"""Calls `touchstone` as a person would: its commands and options are a decision, and an error is one line and an exit code."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

import serving.score_command
from qc_models.errors import ConfigError, InputError, ModelError, QcError, ServiceError
from qc_models.model_bundle import SHIPPED
from serving.command_line import COMMANDS, touchstone
from tests.written_dicom import axial_slices, write_instances

ROOT = Path(__file__).resolve().parents[1]

# Frozen on purpose: whoever adds a command or an option of `score` writes it here and in the README.
COMMAND_NAMES = [
    "score",
    "items",
    "explain",
    "simulate",
    "serve",
    "database",
    "accounts",
    "retention",
    "archive",
    "backup",
    "restore",
    "audit",
    "outbox",
    "token",
    "labels",
    "replay",
    "demo",
    "train",
    "bench",
]
SCORE_OPTIONS = {
    "PATH...",
    "--item",
    "--catalogue",
    "--as-of",
    "--format",
    "--out",
    "--workers",
    "--no-pixels",
    "--no-models",
}


def call(*arguments: str) -> Result:
    return CliRunner().invoke(touchstone, arguments, prog_name="touchstone")


def test_commands_are_those_decided() -> None:
    assert list(COMMANDS) == COMMAND_NAMES


def test_options_of_score_are_those_decided() -> None:
    words = set()
    with click.Context(touchstone) as context:
        for parameter in command("score").params:
            words |= set(parameter.opts) if isinstance(parameter, click.Option) else {parameter.make_metavar(context)}
    assert words == SCORE_OPTIONS


def test_released_models_are_asked_unless_no_models_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_instances(tmp_path, axial_slices(1))
    asked: list[Path | None] = []
    monkeypatch.setattr(serving.score_command, "score_studies", lambda _, settings, *__: asked.append(settings.models))
    for options in ((), ("--no-models",)):
        call("score", str(tmp_path), *options)
    assert asked == [SHIPPED, None]


@pytest.mark.parametrize("name", COMMAND_NAMES)
def test_every_command_is_where_the_table_says(name: str) -> None:
    assert command(name).name == name
    result = call(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: touchstone {name}")


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys\n"
        "from serving.command_line import touchstone\n"
        "touchstone(['--help'], standalone_mode=False)\n"
        "print('imported', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    text, _, imported = printed.partition("imported ")
    assert [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines() if line] == COMMAND_NAMES
    heavy = {"numpy", "torch", "ray", "pydicom", "pydantic", "yaml", "rich", "inference", "training", "benchmarks"}
    assert not heavy & set(imported.split())


def test_version_is_that_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert call("--version").stdout == f"touchstone {version}\n"


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ModelError("bundle quality: digest differs;\ninstall it again"), 1),
        (ServiceError("disk full"), 1),
        (QcError("anything else"), 1),
        (ConfigError("items.yaml: limit: unknown key"), 2),
        (InputError("scan.dcm: is cut short; send it again"), 3),
    ],
)
def test_error_raised_on_purpose_is_one_line_and_an_exit_code(
    error: QcError, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = call_raising(error, monkeypatch)
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.stderr == f"touchstone: {' '.join(str(error).split())}\n"


def test_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    result = call_raising(KeyboardInterrupt(), monkeypatch)
    assert (result.exit_code, result.stderr) == (130, "touchstone: interrupted\n")


def test_our_own_mistake_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    mistake = ZeroDivisionError("ours")
    assert call_raising(mistake, monkeypatch).exception is mistake


def test_unknown_command_and_unknown_option_are_2() -> None:
    for arguments in (["praise"], ["score", "--praise"]):
        result = call(*arguments)
        assert result.exit_code == 2
        assert "raise" in result.stderr.splitlines()[-1]


def command(name: str) -> click.Command:
    found = touchstone.get_command(click.Context(touchstone), name)
    assert found is not None
    return found


def call_raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Calls a command that does nothing but raise."""

    @click.command()
    def fail() -> None:
        raise error

    module = ModuleType("failing_command")
    module.__dict__["fail"] = fail
    monkeypatch.setitem(sys.modules, "failing_command", module)
    monkeypatch.setitem(COMMANDS, "fail", ("failing_command:fail", "Fail."))
    return call("fail")
