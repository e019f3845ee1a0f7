"""`touchstone items`: lists the exam items of a catalogue, shows one whole, and checks a province's own files."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from configs.strict import HERE
from qc_models.errors import ConfigError

if TYPE_CHECKING:
    from qc_models.exam_item import Bound, Catalogue, ExamItem, Limit

DEFAULT_CATALOGUE = HERE / "exam_items"
PIPE_WIDTH = 160  # columns where the output is no terminal

catalogue_option = click.option(
    "--catalogue",
    type=click.Path(path_type=Path),
    default=DEFAULT_CATALOGUE,
    show_default="the default catalogue",
    help="Folder of exam items.",
)
format_option = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)


class ListingGroup(click.Group):
    """A group that lists where no sub-command is named, so that `touchstone items CT-CHEST` works."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `list` first unless a sub-command or help is asked for."""
        if not {*self.commands, *ctx.help_option_names}.intersection(args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListingGroup, context_settings={"help_option_names": ["-h", "--help"]})
def items() -> None:
    """List, show and check the exam items of a catalogue.

    \b
    touchstone items                          all items
    touchstone items CT-CHEST CT-HEAD         some of them
    touchstone items --format json            as data
    touchstone items show CT-CHEST            one item whole, with its limits
    touchstone items check ./our_catalogue    is a folder (or a file) of our own fit for use?
    """


@items.command("list")
@click.argument("item_ids", nargs=-1, metavar="[ITEM]...")
@catalogue_option
@format_option
def list_items(item_ids: tuple[str, ...], catalogue: Path, form: str) -> None:
    """List items: all of the catalogue, or those named."""
    loaded = _load(catalogue)
    chosen = [loaded.item(item_id) for item_id in item_ids] or list(loaded.items.values())
    if form == "json":
        _print_json([item.model_dump(mode="json", by_alias=True) for item in chosen])
    else:
        _print_table(chosen)


@items.command()
@click.argument("item_id", metavar="ITEM")
@catalogue_option
@format_option
def show(item_id: str, catalogue: Path, form: str) -> None:
    """Show one item whole: how it is matched, what it requires, and every limit with its clause.

    \b
    touchstone items show XR-KNEE
    touchstone items show MR-PROSTATE --format json
    """
    item = _load(catalogue).item(item_id)
    if form == "json":
        _print_json(item.model_dump(mode="json", by_alias=True) | {"digest": item.digest})
    else:
        _print_item(item)


@items.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_context
def check(ctx: click.Context, path: Path) -> None:
    """Check an item file, or all of a folder: exit 0 where it can be used, 2 with file and key of each mistake where not.

    \b
    touchstone items check ./our_catalogue
    touchstone items check ./our_catalogue/CT-CHEST.yaml
    """
    from qc_models.exam_item import check_item_file, load_catalogue

    files = [path] if path.is_file() else sorted(path.glob("[!_]*.yaml"))
    checked: list[ExamItem] = []
    mistakes: list[str] = []
    for file in files:
        try:
            checked.append(check_item_file(file))
        except ConfigError as error:
            mistakes.append(str(error))
    if not path.is_file() and not mistakes:
        try:
            load_catalogue(path)
        except ConfigError as error:
            mistakes.append(str(error))
    for mistake in mistakes:
        click.echo(" ".join(mistake.split()), err=True)
    if mistakes:
        ctx.exit(2)
    for note in _unmeasured(checked):
        click.echo(f"note: {note}")
    click.echo(f"{path}: {len(checked)} exam item{'' if len(checked) == 1 else 's'}, fit for use")


def limit_columns(limit: "Limit") -> tuple[str, str, str, str, str, str]:
    """A limit as a person reads it: note, review, reject, points, conditions, clause."""
    conditions = [
        f"× {limit.of}" if limit.of else "",
        "veto" if limit.veto else "",
        "adults only" if limit.adults_only else "",
        "not bedside" if limit.not_bedside else "",
        f"with model {limit.needs.replace('|', ' or ')}" if limit.needs else "",
    ]
    return (
        bound_text(limit.note),
        bound_text(limit.review),
        bound_text(limit.reject),
        "" if limit.deduct is None else f"{limit.deduct:g}",
        ", ".join(filter(None, conditions)),
        limit.clause,
    )


def bound_text(bound: "Bound | None") -> str:
    """A bound as a person reads it: `> 5`, `< 1`, or both."""
    if bound is None:
        return ""
    sides = [
        f"> {bound.above:g}" if bound.above is not None else "",
        f"< {bound.below:g}" if bound.below is not None else "",
    ]
    return " or ".join(filter(None, sides))


def printed(renderables: Iterable[Any]) -> None:
    """Prints tables and lines to stdout, wide where it is no terminal."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=PIPE_WIDTH)
    for renderable in renderables:
        console.print(renderable)


def _load(folder: Path) -> "Catalogue":
    from qc_models.exam_item import load_catalogue

    return load_catalogue(folder)


def _print_json(content: object) -> None:
    click.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _unmeasured(checked: Iterable["ExamItem"]) -> list[str]:
    """Limits on metrics that no check measures: a slip of the pen, or a check still to come; they never bind."""
    from qc_models.check_registry import quantity

    notes: dict[str, list[str]] = {}
    for item in checked:
        for metric in item.limits:
            try:
                quantity(metric)
            except ConfigError:
                notes.setdefault(metric, []).append(item.id)
    return [
        f"limit {metric} never binds, since no check measures it ({', '.join(ids)})" for metric, ids in notes.items()
    ]


def _print_table(chosen: list["ExamItem"]) -> None:
    from rich.table import Table

    table = Table(
        "item", "name", "side", "required components", "range mm", "slice mm", "days", box=None, pad_edge=False
    )
    for item in chosen:
        floor = item.scan_range.min_coverage_mm if item.scan_range else None
        table.add_row(
            item.id,
            f"{item.name.zh} {item.name.en}",
            "" if item.laterality == "no" else item.laterality,
            ", ".join(item.required),
            "" if floor is None else f"{floor:g}",
            "" if item.max_slice_mm is None else f"{item.max_slice_mm:g}",
            str(item.valid_days),
        )
    printed([table, f"{len(chosen)} exam items. {chosen[0].source.strip()}"])


def _print_item(item: "ExamItem") -> None:
    from rich.table import Column, Table

    facts = Table(show_header=False, box=None, pad_edge=False)
    for label, text in _lines(item):
        if text:
            facts.add_row(label, text)
    metric = Column("limit", no_wrap=True)
    limits = Table(metric, "note", "review", "reject", "points", "when", "clause", box=None, pad_edge=False)
    for name, limit in item.limits.items():
        limits.add_row(name, *limit_columns(limit))
    printed([facts, "", limits if item.limits else "no limits"])


def _lines(item: "ExamItem") -> list[tuple[str, str]]:
    scan_range = item.scan_range
    landmarks = " → ".join(filter(None, (scan_range.start, scan_range.end))) if scan_range else ""
    floor = f"at least {scan_range.min_coverage_mm:g} mm (adults)" if scan_range and scan_range.min_coverage_mm else ""
    return [
        (item.id, f"{item.name.zh} · {item.name.en}"),
        ("about", f"{item.modality}, {item.region}, side: {item.laterality}"),
        ("required", "; ".join(item.required)),
        ("optional", "; ".join(item.optional)),
        ("range", ", ".join(filter(None, (landmarks, floor)))),
        ("slice", f"{item.max_slice_mm:g} mm at most" if item.max_slice_mm else ""),
        ("matrix", " × ".join(map(str, item.min_matrix)) + " at least" if item.min_matrix else ""),
        ("pixel pitch", f"{item.max_pixel_pitch_mm:g} mm at most" if item.max_pixel_pitch_mm else ""),
        ("exposure", item.technique or ("–".join(f"{kv:g}" for kv in item.kvp) + " kV" if item.kvp else "")),
        ("criteria", item.criteria.strip()),
        ("valid", f"{item.valid_days} days"),
        ("pass mark", f"{item.pass_mark:g}, and {item.abstain_band:g} more to pass without a reader"),
        ("weights", ", ".join(f"{dimension} {weight:g}" for dimension, weight in item.weights.items())),
        ("codes", ", ".join(item.match.procedure_codes)),
        ("requests", ", ".join(item.match.request_texts)),
        ("region words", ", ".join(item.match.region_synonyms)),
        ("source", item.source.strip()),
        ("digest", item.digest),
    ]
