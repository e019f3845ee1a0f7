"""The HTML report: one self-contained page for a run, with each study's verdict, reasons, key slices and plots."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from qc_models.stack import Stack
from qc_models.study import Frame, Instance
from qc_models.vocabulary import DIMENSIONS, DIMENSIONS_ZH, GRADES_ZH, VERDICTS_ZH
from serving.report_pictures import curve_plot, missing_positions, of_stack, picture, positions_plot

if TYPE_CHECKING:
    from inference.pipeline import Examined

LEVELS_ZH = {"note": "提示", "review": "复核", "reject": "退回"}
MAX_PICTURES = 8  # of findings, a study
MAX_STACKS = 12  # shown with slice and plots, a study
CURVES = {"adequacy.noise_hu.median_hu": ("noise along the stack", "noise (HU)")}


def write_html(examined: Iterable["Examined"], path: Path) -> None:
    """Writes the page, a study at a time, so that a long run does not grow in memory."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html")
    with path.open("w", encoding="utf-8") as stream:
        for part in template.stream(
            studies=_shown(examined),
            dimensions=DIMENSIONS,
            dimensions_zh=DIMENSIONS_ZH,
            verdicts_zh=VERDICTS_ZH,
            grades_zh=GRADES_ZH,
            levels_zh=LEVELS_ZH,
        ):
            stream.write(part)


def _shown(examined: Iterable["Examined"]) -> Iterator[dict[str, Any]]:
    for entry in examined:
        yield {
            "report": entry.report.content,
            "names": {item.id: item.name for item in entry.items},
            "evidence": list(_finding_pictures(entry)),
            "stacks": [_stack(entry, stack) for stack in _main_stacks(entry)],
        }


def _main_stacks(entry: "Examined") -> list[Stack]:
    """The stacks to show: the largest first, scouts last."""
    facts = entry.facts.stacks
    order = sorted(range(len(facts)), key=lambda i: (facts[i].is_localizer, -facts[i].num_frames, i))
    return [entry.stacks[i] for i in order[:MAX_STACKS]]


def _finding_pictures(entry: "Examined") -> Iterator[dict[str, Any]]:
    instances = {instance.sop_instance_uid: instance for instance in entry.study.instances}
    seen: set[tuple[str, int]] = set()
    for finding in entry.report.findings:
        frame = _frame(entry, finding, instances)
        if finding["level"] == "note" or frame is None or len(seen) >= MAX_PICTURES:
            continue
        if (frame.sop_instance_uid, frame.index) in seen:
            continue
        image = picture(instances[frame.sop_instance_uid], frame, box=finding["location"]["box"], outlined=True)
        if image is not None:
            seen.add((frame.sop_instance_uid, frame.index))
            yield {"image": image, "finding": finding}


def _frame(entry: "Examined", finding: Mapping[str, Any], instances: Mapping[str, Instance]) -> Frame | None:
    """The frame that a finding is about: of its instance, else at its slice of the stack that was measured."""
    place = finding["location"]
    instance = instances.get(place["sop_instance_uid"])
    if instance is not None:
        return next((frame for frame in instance.frames if frame.index == (place["frame"] or 0)), None)
    if place["slice"] is None:
        return None
    for measurement in entry.report.content["measurements"]:
        where = measurement["location"]
        if measurement["metric"] == finding["metric"] and where["slice"] == place["slice"]:
            for stack in entry.stacks:
                if of_stack(measurement, stack) and place["slice"] < stack.num_slices:
                    return stack.frames[stack.slice_index.index(place["slice"])]
    return None


def _stack(entry: "Examined", stack: Stack) -> dict[str, Any]:
    content = entry.report.content
    place = entry.stacks.index(stack)
    instances = {instance.sop_instance_uid: instance for instance in entry.study.instances}
    middle = stack.frames[len(stack.frames) // 2]
    gaps = missing_positions(content["measurements"], stack)
    plots = [positions_plot(stack, gaps)]
    for measurement in content["measurements"]:
        if measurement["metric"] in CURVES and of_stack(measurement, stack):
            plots.append(curve_plot(measurement["detail"].get("curve", []), *CURVES[measurement["metric"]]))
    return {
        "facts": entry.facts.stacks[place],
        "image": picture(instances[middle.sop_instance_uid], middle),
        "plots": [Markup(plot) for plot in plots if plot is not None],  # our own SVG
    }
