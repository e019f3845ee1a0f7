"""The card of a model for a person: data, terms, figures with their targets, and where it is known to fail."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.first_weights import ORIGINS
from training.manifest import Row

LEAST_ROWS = 5  # of a class that is named as one that fails
OFTEN = 0.1  # of the rows of a class that are taken for another one
WEAK = 0.9  # of an area under the curve
MOST_NAMED = 12


def card(
    name: str, page: str, parts: Mapping[str, Sequence[Row]], metadata: Mapping[str, Any], evaluation: Mapping[str, Any]
) -> str:
    """The card as Markdown. `parts` are the rows of the manifest by part; `evaluation` is the document of `evaluation.json`."""
    lines = [f"# {name} {metadata['version']}", "", page, "", "## Data", ""]
    lines += ["| part | rows | subjects | sources |", "| --- | --- | --- | --- |"]
    for part, rows in parts.items():
        lines.append(f"| {part} | {len(rows)} | {len({r.subject for r in rows})} | {len({r.source for r in rows})} |")
    lines += [
        "",
        "Rows of the whole manifest; a model uses those of its modality. Split by subject: nobody is in two parts. "
        "Labels were made from folder names, tables and by eye, not by a radiologist.",
        "",
        f"Terms of the weights: **{metadata['terms']}**, the strictest of the pictures that they were taught on. "
        f"Manifest {metadata['manifest'][:12]}.",
        "",
        *_begun_with(metadata["recipe"].get("first_weights", "")),
        *_figures(metadata["figures"]["targets"]),
        "## Known failures",
        "",
        *(f"- {line}" for line in known_failures(evaluation)),
        "",
        *_bands(evaluation["bands"]),
        f"Network as ONNX: differs from torch by at most {metadata['onnx_difference']}.",
        "",
    ]
    for variant, told in metadata["variants"].items():
        most = max(told["lost"].values(), default=0.0)
        lines += [f"In {variant}: {'kept' if told['kept'] else 'not kept'}, loses at most {most} of a figure.", ""]
    return "\n".join(lines)


def known_failures(evaluation: Mapping[str, Any]) -> list[str]:
    """What the test part showed it to do badly: targets missed, what is taken for what, classes that are hardly told."""
    missed = [
        f"{entry['name']} misses its target of {entry['target']} by {entry['distance']:.3f}"
        for entry in evaluation["targets"]
        if not entry["met"] and entry["distance"] is not None
    ]
    weak = [line for output in evaluation["outputs"].values() for line in (*_taken(output), *_hardly_told(output))]
    return [*missed, *weak[:MOST_NAMED]] or ["none that the test part is large enough to show"]


def _begun_with(name: str) -> Iterator[str]:
    """Whose weights the network began with."""
    if name:
        yield from (f"It began with the weights of {name}: {ORIGINS[name]}.", "")


def _figures(targets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("## Figures", "", "On the test part, with 95 % intervals by subject.", "")
    yield from ("| figure | value | interval | rows | subjects | target |", "| --- | --- | --- | --- | --- | --- |")
    for found in targets:
        (low, high), met = found["interval"], "met" if found["met"] else "missed"
        told = f"{found['value']} | {low}-{high} | {found['rows']} | {found['subjects']} | {found['target']} {met}"
        yield f"| {found['name']} | {told} |"
    yield ""


def _bands(bands: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """How the promises of an abstain band held on the other half."""
    for name, rows in bands.items():
        for row in rows:
            sure = "on average" if row["confidence"] is None else f"with {row['confidence']:.0%} confidence"
            yield (
                f"Abstain band, shown on halves of {name}: bad ones at most {row['limit']:.0%} of {row['among']} {sure}: "
                f"found {row['mean_share']:.1%}, {row['mean_abstained']:.0%} kept back."
            )
            yield ""


def _taken(output: Mapping[str, Any]) -> Iterator[str]:
    """Classes of which many rows are taken for one other."""
    if output["kind"] != "one_of" or not output.get("confusion"):
        return
    names, counts = output["confusion"]["names"], output["confusion"]["counts"]
    for name, row in zip(names, counts, strict=False):
        for other, count in zip(names, row, strict=False):
            if other != name and sum(row) >= LEAST_ROWS and count > OFTEN * sum(row):
                yield f"{name} is taken for {other} in {count} of {sum(row)}"


def _hardly_told(output: Mapping[str, Any]) -> Iterator[str]:
    """Classes with a low area under the curve."""
    if output["kind"] != "each":
        return
    for name, told in output["by_class"].items():
        area = told.get("auc", {}).get("value")
        if area is not None and area < WEAK and told["rows"] >= LEAST_ROWS:
            yield f"{name} is hardly told from the rest (AUC {area:.2f}, {told['rows']} rows)"
