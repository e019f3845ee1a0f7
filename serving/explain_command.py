"""`touchstone explain`: prints the page of a check, its quantities in both languages, and its limits in each exam item."""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qc_models.errors import ConfigError
from serving.items_command import catalogue_option, format_option, limit_columns, printed

if TYPE_CHECKING:
    from qc_models.exam_item import Catalogue, ExamItem, Limit
    from qc_models.findings import Quantity


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False, metavar="[METRIC|CHECK]")
@catalogue_option
@format_option
def explain(name: str | None, catalogue: Path, form: str) -> None:
    """Explain a check or a metric: what it measures, what its findings say, and where its limits lie. Without a name, list all.

    \b
    touchstone explain                                           all checks by dimension
    touchstone explain completeness.slice_positions              one check
    touchstone explain completeness.slice_positions.missing      one metric
    """
    from qc_models.exam_item import load_catalogue

    loaded = load_catalogue(catalogue)
    metrics = _metrics()
    if name is None:
        _print_list(metrics, form)
        return
    chosen = {metric: words for metric, words in metrics.items() if metric == name or metric.startswith(f"{name}.")}
    if not chosen:
        near = get_close_matches(name, [*metrics, *{_check_of(metric) for metric in metrics}], n=5, cutoff=0.5)
        hint = f"do you mean {', '.join(near)}?" if near else "`touchstone explain` lists all"
        raise ConfigError(f"no check or metric {name!r}; {hint}")
    if form == "json":
        click.echo(
            json.dumps([_as_data(metric, chosen[metric], loaded) for metric in chosen], ensure_ascii=False, indent=2)
        )
    else:
        printed(_pages(chosen, loaded))


def _metrics() -> dict[str, "Quantity"]:
    """All metrics and their words: those of the checks, and the reasons that send a study to review without a measurement."""
    from qc_models.check_registry import checks
    from qc_models.judgement import REASONS

    measured = {
        f"{check.name}.{last}": words for check in checks().values() for last, words in check.quantities.items()
    }
    return dict(sorted((measured | REASONS).items(), key=lambda entry: _place(entry[0])))


def _place(metric: str) -> tuple[int, str]:
    from qc_models.vocabulary import DIMENSIONS

    names: tuple[str, ...] = DIMENSIONS
    return names.index(metric.partition(".")[0]), metric


def _check_of(metric: str) -> str:
    return metric.rpartition(".")[0]


def _page(check: str) -> str:
    from qc_models.check_registry import checks

    found = checks().get(check)
    return found.page if found is not None else "A reason of the decision itself; no check measures it."


def _print_list(metrics: Mapping[str, "Quantity"], form: str) -> None:
    from rich.table import Table

    from qc_models.vocabulary import DIMENSIONS, DIMENSIONS_ZH

    names = list(dict.fromkeys(map(_check_of, metrics)))
    rows = [(name, _page(name).partition("\n")[0], [m for m in metrics if _check_of(m) == name]) for name in names]
    if form == "json":
        data = [{"check": name, "summary": summary, "metrics": own} for name, summary, own in rows]
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for dimension in DIMENSIONS:
        table = Table("check", "what it looks at", "quantities", box=None, pad_edge=False)
        for name, summary, own in rows:
            if name.startswith(f"{dimension}."):
                table.add_row(name, summary, ", ".join(metric.rpartition(".")[2] for metric in own))
        if table.row_count:
            printed([f"{dimension} {DIMENSIONS_ZH[dimension]}", table, ""])


def _pages(chosen: Mapping[str, "Quantity"], catalogue: "Catalogue") -> Iterator[Any]:
    from rich.table import Table

    for check in dict.fromkeys(map(_check_of, chosen)):
        yield check
        yield _page(check)
        yield ""
        for metric in (metric for metric in chosen if _check_of(metric) == check):
            words = chosen[metric]
            yield f"{metric}  [{words.unit or 'no unit'}]"
            yield f"  en  {words.en}. To mend it: {words.remedy_en}"
            yield f"  zh  {words.zh}。处理：{words.remedy_zh}"
            table = Table("items", "note", "review", "reject", "points", "when", "clause", box=None, pad_edge=False)
            for limit, owners in _limits(metric, catalogue):
                table.add_row(_owners_text(owners, catalogue), *limit_columns(limit))
            yield table if table.row_count else "  no exam item limits it: it is observed, never judged"
            yield ""


def _limits(metric: str, catalogue: "Catalogue") -> list[tuple["Limit", list["ExamItem"]]]:
    """Each different limit on a metric, and the items that have it; most items first."""
    found: list[tuple[Limit, list[ExamItem]]] = []
    for item in catalogue.items.values():
        limit = item.limits.get(metric)
        if limit is None:
            continue
        owners = next((owners for known, owners in found if known == limit), None)
        if owners is None:
            found.append((limit, [item]))
        else:
            owners.append(item)
    return sorted(found, key=lambda entry: -len(entry[1]))


def _owners_text(owners: list["ExamItem"], catalogue: "Catalogue") -> str:
    """Items by name, or `all CT` where it is all of a modality."""
    texts: list[str] = []
    for modality in ("CT", "MR", "XR"):
        every = [item.id for item in catalogue.items.values() if item.modality == modality]
        own = [item.id for item in owners if item.modality == modality]
        texts += [f"all {modality}"] if own and own == every else own
    return ", ".join(texts)


def _as_data(metric: str, words: "Quantity", catalogue: "Catalogue") -> dict[str, Any]:
    return {
        "metric": metric,
        "check": _check_of(metric),
        "page": _page(_check_of(metric)),
        "unit": words.unit,
        "message": {"en": words.en, "zh": words.zh},
        "remedy": {"en": words.remedy_en, "zh": words.remedy_zh},
        "limits": [
            {"items": [item.id for item in owners], "limit": limit.model_dump(mode="json", exclude_defaults=True)}
            for limit, owners in _limits(metric, catalogue)
        ],
    }
