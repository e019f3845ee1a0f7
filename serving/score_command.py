"""`touchstone score`: from files to verdicts on the command line."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qc_models.errors import ConfigError, InputError

if TYPE_CHECKING:
    from inference.pipeline import Examined, Settings
    from inference.reading import ReadResult

DEFAULT_CATALOGUE = Path(__file__).resolve().parents[1] / "configs" / "exam_items"
DEFAULT_POLICY = DEFAULT_CATALOGUE.parent / "policy.yaml"
HTML_NAME, JSON_NAME = "report.html", "reports.jsonl"

PASSED, NOT_PASSED, NOTHING_READABLE = 0, 1, 3


@click.command(
    epilog="""\b
Examples:
  touchstone score study_folder
  touchstone score *.zip --format json > verdicts.jsonl
  find archive -name '*.dcm' | touchstone score - --no-pixels
  touchstone score study --format html --out report

\b
Exit status: 0 every study passed; 1 at least one goes to review or is rejected;
2 wrong usage or configuration; 3 nothing readable."""
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--item", "item_ids", multiple=True, metavar="ID", help="Judge as this exam item instead of matching one."
)
@click.option(
    "--catalogue",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_CATALOGUE,
    help="Folder of exam items; the default catalogue otherwise.",
)
@click.option("--as-of", metavar="DATE", help="The day of the verdict, YYYY-MM-DD; today otherwise.")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "html"]), default="table", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write reports into this folder.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Decoding threads; as many as there are processors otherwise."
)
@click.option("--no-pixels", is_flag=True, help="Headers only: fast, and review at best.")
def score(
    paths: Sequence[str],
    item_ids: Sequence[str],
    catalogue: Path,
    as_of: str | None,
    output_format: str,
    out: Path | None,
    workers: int | None,
    no_pixels: bool,
) -> None:
    """Score studies: files, folders, zip archives, or - for a list of paths on standard input."""
    settings = make_settings(catalogue, item_ids, as_of, workers, pixels=not no_pixels)
    read = _read(paths)
    _tell_homeless(read)
    if not read.studies:
        click.echo(f"nothing readable in {read.num_files} files", err=True)
        sys.exit(NOTHING_READABLE)
    examined = _examine(read, settings)
    verdicts = _write(examined, output_format, out)
    passed = all(verdict == "pass" for verdict in verdicts) and not read.homeless
    sys.exit(PASSED if passed else NOT_PASSED)


def make_settings(
    catalogue: Path, item_ids: Sequence[str], as_of: str | None, workers: int | None, *, pixels: bool
) -> "Settings":
    """The settings of a run; raises ConfigError for a wrong date, item or catalogue."""
    from inference.pipeline import Settings
    from qc_models.exam_item import load_catalogue
    from qc_models.policy import load_policy
    from qc_models.version import code_version

    loaded = load_catalogue(catalogue)
    return Settings(
        catalogue=loaded,
        policy=load_policy(DEFAULT_POLICY),
        as_of=_date(as_of),
        workers=workers or os.cpu_count() or 1,
        pixels=pixels,
        items=tuple(loaded.item(item_id) for item_id in item_ids),
        code_version=code_version(),
    )


def _date(text: str | None) -> date:
    if text is None:
        return date.today()
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ConfigError(f"--as-of: {text!r} is no date; write it as 2026-09-30") from None


def _read(paths: Sequence[str]) -> "ReadResult":
    from inference.reading import read_studies

    with _Progress("reading", None) as advance:
        return read_studies(_expand(paths), progress=lambda _: advance())


def _expand(paths: Iterable[str]) -> list[Path]:
    expanded: list[Path] = []
    for path in paths:
        lines = (line.strip() for line in sys.stdin) if path == "-" else iter((path,))
        expanded.extend(Path(line) for line in lines if line)
    if not expanded:
        raise InputError("standard input named no path; give one a line")
    return expanded


def _tell_homeless(read: "ReadResult") -> None:
    if read.num_skipped:
        click.echo(f"{read.num_skipped} files are not DICOM images and were skipped", err=True)
    if read.homeless:
        click.echo(f"{len(read.homeless)} files belong to no study:", err=True)
        for item in read.homeless:
            click.echo(f"  {item.name}: {item.reason}", err=True)


def _examine(read: "ReadResult", settings: "Settings") -> Iterator["Examined"]:
    """Examines study after study, so that each result is out before the next begins."""
    from inference.pipeline import examine

    with _Progress("scoring", len(read.studies)) as advance:
        for study in read.studies:
            yield examine(study, settings)
            advance()


def _write(examined: Iterable["Examined"], output_format: str, out: Path | None) -> list[str]:
    """Writes results as they come; returns the verdicts."""
    verdicts: list[str] = []
    if out is not None or output_format == "html":
        folder = out or Path("touchstone-report")
        folder.mkdir(parents=True, exist_ok=True)
        kept = _kept(examined, folder / JSON_NAME, verdicts)
        from serving.html_report import write_html

        shown = list(kept) if output_format == "table" else kept
        write_html(shown, folder / HTML_NAME)
        if output_format == "table":
            _print_table(entry.report.content for entry in shown)
        click.echo(str(folder / (JSON_NAME if output_format == "json" else HTML_NAME)))
    elif output_format == "json":
        for entry in examined:
            verdicts.append(entry.report.verdict)
            click.echo(entry.report.to_json())
    else:
        contents = [entry.report.content for entry in examined]
        verdicts.extend(str(content["verdict"]) for content in contents)
        _print_table(contents)
    return verdicts


def _kept(examined: Iterable["Examined"], path: Path, verdicts: list[str]) -> Iterator["Examined"]:
    """Passes results on, and keeps each as a line of JSON and a verdict."""
    with path.open("w", encoding="utf-8") as stream:
        for entry in examined:
            verdicts.append(entry.report.verdict)
            stream.write(entry.report.to_json() + "\n")
            yield entry


def _print_table(contents: Iterable[Mapping[str, Any]]) -> None:
    from serving.score_table import print_table

    print_table(contents)


class _Progress:
    """A progress bar on standard error, where a person is looking at it."""

    def __init__(self, what: str, total: int | None) -> None:
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> "_Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __call__(self) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
