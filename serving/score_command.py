"""`touchstone score`: from files to verdicts on the command line."""

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qc_models.errors import ConfigError, InputError, QcError, ServiceError
from serving.progress_bar import progress_bar

if TYPE_CHECKING:
    from inference.pipeline import Settings
    from qc_models.report import QcReport
    from qc_models.study import Study
    from serving.html_report import HtmlReport

    Write = Callable[[QcReport, str], None]  # takes a report and its line of JSON

DEFAULT_CATALOGUE = Path(__file__).resolve().parents[1] / "configs" / "exam_items"
DEFAULT_POLICY = DEFAULT_CATALOGUE.parent / "policy.yaml"
HTML_NAME, JSON_NAME = "report.html", "reports.jsonl"

PASSED, NOT_PASSED, NOTHING_READABLE = 0, 1, 3
HEADERS_ALONE = "headers alone were looked at, so that nothing passes; score again with pixels"
MOST_TOLD = 20  # files named one by one on standard error


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
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Also write report.html and reports.jsonl here."
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Decoding threads; as many as there are processors otherwise."
)
@click.option("--no-pixels", is_flag=True, help="Headers only: fast, and review at best.")
@click.option("--no-models", is_flag=True, help="Measure the pixels, and ask no trained model.")
def score(
    paths: Sequence[str],
    item_ids: Sequence[str],
    catalogue: Path,
    as_of: str | None,
    output_format: str,
    out: Path | None,
    workers: int | None,
    no_pixels: bool,
    no_models: bool,
) -> None:
    """Score studies: files, folders, zip archives, or - for a list of paths on standard input."""
    settings = make_settings(catalogue, item_ids, as_of, workers, pixels=not no_pixels, models=not no_models)
    studies, num_lost = _read(paths)
    if not studies:
        click.echo("nothing readable", err=True)
        sys.exit(NOTHING_READABLE)
    if output_format == "html" and out is None:
        out = Path("touchstone-report")
    with written(out, output_format) as (page, write):
        passed = score_studies(studies, settings, page, write)
        if page is not None and num_lost:  # without their names, which may be patients'
            page.warnings.append(
                f"{num_lost} files cannot be read and belong to no study 个文件无法读取且不属于任何检查"
            )
        if page is not None and no_pixels:
            page.warnings.append(f"{HEADERS_ALONE} 仅检查文件头，任何检查均不能直接通过")
    if no_pixels:
        click.echo(HEADERS_ALONE, err=True)
    if out is not None:
        click.echo(str(out / HTML_NAME), err=output_format != "html")
    sys.exit(PASSED if passed and not num_lost else NOT_PASSED)


def make_settings(
    catalogue: Path,
    item_ids: Sequence[str],
    as_of: str | None,
    workers: int | None,
    *,
    pixels: bool,
    models: bool = True,
) -> "Settings":
    """The settings of a run; raises ConfigError for a wrong date, item or catalogue."""
    from inference.pipeline import Settings
    from qc_models.exam_item import load_catalogue
    from qc_models.model_bundle import SHIPPED
    from qc_models.policy import load_policy
    from qc_models.version import code_version

    loaded = load_catalogue(catalogue)
    return Settings(
        catalogue=loaded,
        policy=load_policy(DEFAULT_POLICY),
        as_of=_date(as_of),
        workers=workers or len(os.sched_getaffinity(0)),
        pixels=pixels,
        models=SHIPPED if models else None,
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


def score_studies(studies: deque["Study"], settings: "Settings", page: "HtmlReport | None", write: "Write") -> bool:
    """Examines study after study, each result out as it comes; whether every one passed.

    This is the one place where whatever goes wrong with a study is survived: it is told on standard error, in the words of our
    errors, or as the kind of a mistake and its line, since the words of a mistake may quote a patient's data.
    """
    from inference.pipeline import examine_all

    passed = True
    with progress_bar("scoring", len(studies)) as advance, closing(examine_all(studies, settings)) as all_examined:
        for uid, found in all_examined:
            try:
                examined = found.result()
                line = examined.report.to_json()
                if page is not None:
                    page.add(examined)
            except Exception as error:
                passed = False
                line = f"study {uid} could not be examined: {_reason(error)}"
                click.echo(line, err=True)
                if page is not None:
                    page.warnings.append(line)
            else:
                passed = passed and examined.report.verdict == "pass"
                write(examined.report, line)
            advance()
    return passed


def _reason(error: Exception) -> str:
    if isinstance(error, QcError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}, our mistake; please report it"


def _read(paths: Iterable[str]) -> tuple[deque["Study"], int]:
    """The studies, and how many files cannot be read and belong to none of them; standard error names these."""
    from inference.reading import read_studies

    named = list(_named(paths))
    present = [path for path in named if os.path.exists(path)]
    with progress_bar("reading", None) as advance:
        read = read_studies(present, progress=lambda _: advance())
    lost = [f"{path.name}: no such file or folder; check the path" for path in named if not os.path.exists(path)]
    lost += [f"{item.name}: {item.reason}" for item in read.homeless]
    for line in lost[:MOST_TOLD]:
        click.echo(line, err=True)
    if len(lost) > MOST_TOLD:
        click.echo(f"and {len(lost) - MOST_TOLD} more that cannot be read", err=True)
    if read.num_skipped:
        click.echo(f"skipped {read.num_skipped} of {read.num_files} files, which are no DICOM images", err=True)
    return deque(read.studies), len(lost)


def _named(paths: Iterable[str]) -> Iterator[Path]:
    """The paths, with those that standard input lists, a line each, in the place of `-`."""
    for path in paths:
        if path != "-":
            yield Path(path)
            continue
        lines = [line.rstrip(b"\r\n") for line in sys.stdin.buffer]
        if not any(lines):
            raise InputError("standard input named no path; give one a line")
        yield from (Path(os.fsdecode(line)) for line in lines if line)


@contextmanager
def written(out: Path | None, output_format: str) -> Iterator[tuple["HtmlReport | None", "Write"]]:
    """The HTML page to fill, if any, and what takes a report as it comes; a table and the page are out at the end."""
    from serving.score_table import ScoreTable

    table = ScoreTable() if output_format == "table" else None
    page = stream = None
    with ExitStack() as stack, _errors_of_writing():
        if out is not None:
            from serving.html_report import HtmlReport

            out.mkdir(parents=True, exist_ok=True)
            stream = stack.enter_context((out / JSON_NAME).open("wb"))
            page = stack.enter_context(HtmlReport(out / HTML_NAME))

        def write(report: "QcReport", line: str) -> None:
            content = line.encode("utf-8", "backslashreplace")  # as JSON writes what is no character
            if stream is not None:
                stream.write(content + b"\n")
            if output_format == "json":
                click.echo(content)
            if table is not None:
                table.add(report.content)

        yield page, write
        if page is not None:
            page.write()
        if table is not None:
            table.print()


@contextmanager
def _errors_of_writing() -> Iterator[None]:
    """Says that a disk is full or closed to us; a reader that went away is left to end the command quietly."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ServiceError(f"results cannot be written ({error.strerror}); see to the disk and the folder") from error
