"""The HTML report: one self-contained page for a run, with each study's verdict, reasons, key slices and plots."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from qc_models.stack import Stack
from qc_models.study import Frame
from qc_models.vocabulary import DIMENSIONS, DIMENSIONS_ZH, GRADES_ZH, VERDICTS, VERDICTS_ZH
from serving.finding_frames import frames_of_finding, measurement_of
from serving.report_pictures import is_withheld, picture
from serving.report_plots import curve_plot, of_stack, positions_plot
from serving.score_table import short_uid

if TYPE_CHECKING:
    from inference.pipeline import Examined

MOST_GROUPS = 10  # of pictures of findings, a study
MOST_STACKS = 20  # shown with slice and plots, a study
SMALL_PIXELS = 220  # of a picture beside a finding
OPEN_STACKS = 8  # of them not folded away
LEVELS_ZH = {"note": "提示", "review": "复核", "reject": "退回"}
CURVES = {"adequacy.noise_hu.median_hu": ("noise along the stack 噪声", "HU")}
_CHUNK = 1 << 16


class HtmlReport:
    """A page that grows by a section a study; sections wait on disk for the index that stands before them."""

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []  # what the page says of inputs that became no section
        self._path = path
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["short_uid"] = short_uid
        self._environment.globals.update(
            dimensions=DIMENSIONS,
            dimensions_zh=DIMENSIONS_ZH,
            verdicts_zh=VERDICTS_ZH,
            grades_zh=GRADES_ZH,
            levels_zh=LEVELS_ZH,
        )
        self._index: list[dict[str, Any]] = []
        self._sections = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sections.close()

    def add(self, examined: "Examined") -> None:
        """Adds a study."""
        report = examined.report.content
        names = {item.id: item.name for item in examined.items}
        section = self._environment.get_template("study.html").render(
            report=report,
            names=names,
            series=_SeriesNames(examined),
            findings=list(_findings(examined)),
            notes=[finding for finding in report["findings"] if finding["level"] == "note"],
            num_images=len(examined.study.instances),
            open_stacks=OPEN_STACKS,
            stacks=[_stack(examined, stack) for stack in _main_stacks(examined)],
        )
        self._sections.write(section)
        first = next((finding for finding in report["findings"] if finding["level"] != "note"), None)
        keys = ("study_instance_uid", "verdict", "grade", "score", "items")
        self._index.append({key: report[key] for key in keys} | {"first": first, "names": names})

    def write(self) -> None:
        """Writes the page."""
        self._sections.seek(0)
        sections = (Markup(text) for text in iter(lambda: self._sections.read(_CHUNK), ""))  # escaped when rendered
        page = self._environment.get_template("report.html")
        # a name of a file may hold bytes that are no characters
        with self._path.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            worst_first = sorted(self._index, key=lambda row: -VERDICTS.index(row["verdict"]))
            stream.writelines(page.generate(index=worst_first, sections=sections, warnings=self.warnings))


class _SeriesNames:
    """Series as a reader finds them at the scanner or PACS: by number, else by their order in the study."""

    def __init__(self, examined: "Examined") -> None:
        self._names = {}
        for place, series in enumerate(examined.study.series):
            number = series.instances[0].header.integer("SeriesNumber")
            self._names[series.series_instance_uid] = f"{place + 1} of the study" if number is None else str(number)

    def __call__(self, uid: str | None) -> str | None:
        """The name of a series; None where it is not one of the study."""
        return self._names.get(uid or "")


def _findings(examined: "Examined") -> Iterator[dict[str, Any]]:
    """The findings above note level, each with pictures of what it is about that no finding before it has shown."""
    seen: set[tuple[frozenset[Frame], str]] = set()
    for finding in examined.report.findings:
        if finding["level"] == "note":
            continue
        box = finding["location"]["box"]
        groups = frames_of_finding(examined, finding) if examined.facts.pixels_examined else []
        fresh = [group for group in groups if (frozenset(group.frames), str(box)) not in seen][
            : MOST_GROUPS - len(seen)
        ]
        seen.update((frozenset(group.frames), str(box)) for group in fresh)
        yield {
            "finding": finding,
            "groups": [
                {
                    "gap": group.gap,
                    "pictures": [
                        _picture(examined, frame, box=box, outlined=not group.gap, pixels=SMALL_PIXELS)
                        for frame in group.frames
                    ],
                }
                for group in fresh
            ],
        }


def _picture(examined: "Examined", frame: Frame, **options: Any) -> dict[str, Any]:
    """A frame to show: `image`, or in its place the reason why there is none, and where it stands."""
    instance = next(item for item in examined.study.instances if item.sop_instance_uid == frame.sop_instance_uid)
    stack = next((stack for stack in examined.stacks if frame in stack.frames), None)
    shown: dict[str, Any] = {
        "image": None,
        "why": ("withheld: may show text", "未显示：可能含烧录文字"),
        "number": frame.instance_number,
        "slice": stack.slice_index[stack.frames.index(frame)] + 1 if stack and stack.num_slices > 1 else None,
    }
    if not is_withheld(instance.header):
        image = picture(instance, frame, **options)
        shown |= {"image": image, "why": ("cannot be decoded", "无法解码")}
    return shown


def _main_stacks(examined: "Examined") -> list[Stack]:
    """The stacks to show: those of findings first, then the largest, scouts last."""
    measurements = examined.report.content["measurements"]
    crossed = [finding for finding in examined.report.findings if finding["level"] != "note"]
    troubled = [found for finding in crossed if (found := measurement_of(measurements, finding)) is not None]
    pairs = zip(examined.stacks, examined.facts.stacks, strict=True)
    ordered = sorted(
        pairs,
        key=lambda pair: (
            pair[1].is_localizer,
            not any(of_stack(measurement, pair[0]) for measurement in troubled),
            -pair[1].num_frames,
        ),
    )
    return [stack for stack, _ in ordered[:MOST_STACKS]]


def _stack(examined: "Examined", stack: Stack) -> dict[str, Any]:
    measurements: Sequence[Mapping[str, Any]] = examined.report.content["measurements"]
    facts = examined.facts.stacks[examined.stacks.index(stack)]
    plots = [None if facts.is_localizer else positions_plot(stack, measurements)]
    for measurement in measurements:
        if measurement["metric"] in CURVES and of_stack(measurement, stack):
            curve = measurement["detail"].get("curve", [])
            plots.append(curve_plot(curve, stack.num_slices, *CURVES[measurement["metric"]]))
    middle = stack.frames[len(stack.frames) // 2]
    return {
        "facts": facts,
        "picture": _picture(examined, middle) if examined.facts.pixels_examined else None,
        "plots": [plot for plot in plots if plot is not None],
    }
