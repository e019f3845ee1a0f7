"""Small plots for the HTML report, drawn as SVG by hand: slice positions with gaps marked, and a curve along the stack."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from qc_models.stack import Stack
from serving.metric_limits import Bar, crossed_level

WIDTH, HEIGHT = 260, 128
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 26, 24  # margins around the plotted field
MOST_DOTS = 80  # points beyond which a line alone reads better
MOST_POINTS = 120  # of a curve, whose field is that many points wide
FAR = 1.5  # of the height of a curve: a limit farther off is only told
LINE_HEIGHT = 9.0  # of words
WORST, LINE, SOFT = "#c0272d", "#1f5fa8", "#5b6570"
LEVEL_COLOURS: Mapping[str, str] = {"note": "#6b7681", "review": "#a86200", "reject": WORST}
_POSITIONS = "completeness.slice_positions."


def positions_plot(stack: Stack, measurements: Iterable[Mapping[str, Any]]) -> Markup | None:
    """Slice positions in mm against slice number; None below three slices.

    Gaps of missing slices are red bands, and positions with too many or too few images red rings, as `measurements` say.
    """
    positions = [float(value) for value in stack.slice_positions_mm]
    if len(positions) < 3:
        return None
    told = {
        measurement["metric"].removeprefix(_POSITIONS): measurement["detail"]
        for measurement in measurements
        if measurement["metric"].startswith(_POSITIONS) and of_stack(measurement, stack)
    }
    missing = told.get("missing", {})
    plot = _Plot("slice positions 层面位置", "mm", (1, len(positions)), (positions[0], positions[-1]))
    for before in slices_at(stack, missing.get("after", ())):
        plot.gap(before + 1, _num_missing(positions, before, float(missing["step_mm"])))
    plot.line([(number + 1, position) for number, position in enumerate(positions)])
    for quantity in ("duplicate", "missing_frames"):
        for number in slices_at(stack, told.get(quantity, {}).get("at", ())):
            plot.ring(number + 1, positions[number])
    return plot.svg()


def curve_plot(
    points: Sequence[tuple[float, float]],
    num_slices: int,
    title: str,
    unit: str,
    *,
    worst: tuple[float, float],
    bars: Sequence[Bar] = (),
    lowest_is_worst: bool = False,
    of_stack: float | None = None,
    width: float = WIDTH,
) -> Markup | None:
    """Values along the stack, (slice from 1, value), the worst ringed, a line a limit; None below three values.

    `of_stack` is the value of the whole stack where that is what limits are held against. A limit far from every value is told
    at the edge and not drawn, so that the curve keeps its shape.
    """
    if len(points) < 3:
        return None
    kept = _thinned(points, lowest_is_worst)
    values = [value for _, value in (*kept, worst)]
    low, high = min(0.0, *values), max(0.0, *values)
    near = [bar for bar in bars if low - FAR * (high - low) <= bar.value <= high + FAR * (high - low)]
    low, high = min(low, *(bar.value for bar in near), low), max(high, *(bar.value for bar in near), high)
    plot = _Plot(title, unit, (1, num_slices), (low, high), width)
    for bar in bars:
        words = f"{bar.level} {'>' if bar.side == 'above' else '<'} {bar.value:.4g}"
        plot.bar(bar.value, words, LEVEL_COLOURS[bar.level], beyond=bar not in near)
    if of_stack is not None:
        plot.bar(of_stack, f"median 中位数 {of_stack:.3g}", LINE, at_start=True)
    plot.line(kept)
    crossed = None if of_stack is not None else crossed_level(bars, worst[1])
    if min(values) < max(values):  # of equal values none is the worst
        words = f"{worst[1]:.3g} {unit}".strip() + f", slice 层 {worst[0]:.0f}"
        plot.ring(*worst, words, LEVEL_COLOURS[crossed] if crossed else SOFT)
    return plot.svg()


def slices_at(stack: Stack, places: Iterable[str]) -> list[int]:
    """The slices of a stack, from 0, that a measurement names by position: `-39.3 mm (#41)`."""
    positions = stack.slice_positions_mm
    found = (re.match(r"-?\d+(\.\d+)?(?= mm)", place) for place in places)
    return [int(np.argmin(np.abs(positions - float(match[0])))) for match in found if match]


def of_stack(measurement: Mapping[str, Any], stack: Stack) -> bool:
    """Whether a measurement was taken of this stack."""
    place = measurement["location"]
    return bool(place["series_instance_uid"] == stack.series_instance_uid and place["stack"] in (stack.index, None))


def _thinned(points: Sequence[tuple[float, float]], lowest_is_worst: bool) -> list[tuple[float, float]]:
    """One value a slice, and of long stacks one for some neighbours: the worst of them, which is what a reader looks for."""
    pick = min if lowest_is_worst else max
    by_slice: dict[float, float] = {}
    for place, value in points:
        by_slice[place] = pick(by_slice.get(place, value), value)
    ordered = sorted(by_slice.items())
    step = -(-len(ordered) // MOST_POINTS)
    groups = (ordered[start : start + step] for start in range(0, len(ordered), step))
    return [pick(group, key=lambda point: point[1]) for group in groups]


def _num_missing(positions: Sequence[float], before: int, step_mm: float) -> int:
    return max(1, round((positions[before + 1] - positions[before]) / step_mm) - 1) if step_mm else 1


class _Plot:
    """One plot on its way: what is drawn is in units of the data."""

    def __init__(
        self, title: str, unit: str, across: tuple[float, float], up: tuple[float, float], width: float = WIDTH
    ) -> None:
        self._x, self._y, self._width = across, up, width
        self._words_at: list[float] = []  # heights that words of bars have taken
        self._words: list[str] = []  # drawn last, over lines
        bottom, right = HEIGHT - BOTTOM, width - RIGHT
        self._parts = [
            f'<text x="{LEFT}" y="10" class="title">{escape(title)}</text>',
            f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="{SOFT}" stroke-width="0.7"/>',
            *(
                f'<text x="{LEFT - 4}" y="{y}" text-anchor="end">{value:.4g}</text>'
                for value, y in ((up[0], bottom), (up[1], TOP + 8))
            ),
            f'<text x="{LEFT - 4}" y="{(TOP + bottom) / 2 + 4}" text-anchor="end">{escape(unit)}</text>',
            f'<text x="{LEFT}" y="{HEIGHT - 12}">{across[0]:.0f}</text>',
            f'<text x="{right}" y="{HEIGHT - 12}" text-anchor="end">{across[1]:.0f}</text>',
            f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 12}" text-anchor="middle">slice 层</text>',
        ]

    def gap(self, before: float, count: int) -> None:
        """A red band behind slice `before`, wide enough to be seen in a long stack."""
        x, right = self._at_x(before), self._at_x(before + 1)
        width = max(3.0, right - x)
        words = f"{count} missing behind slice {before:.0f} 缺 {count} 层"
        self._parts.append(
            f'<rect x="{(x + right - width) / 2:.1f}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - BOTTOM - TOP}" '
            f'fill="{WORST}" fill-opacity="0.45"><title>{words}</title></rect>'
        )
        self._label((x + right) / 2, TOP - 3, f"−{count}")

    def bar(self, value: float, words: str, colour: str, *, beyond: bool = False, at_start: bool = False) -> None:
        """A dashed line across at a value, with words at its end; only the words, at the edge, where it lies `beyond`."""
        low, high = self._y
        y, right = self._at_y(min(max(value, low), high)), self._width - RIGHT
        if not beyond:
            self._parts.append(
                f'<path class="limit" d="M{LEFT} {y:.1f}H{right}" stroke="{colour}" stroke-dasharray="4 3"/>'
            )
        arrow = "" if not beyond else " ↑" if value > high else " ↓"
        at = y + LINE_HEIGHT if y < TOP + LINE_HEIGHT else y - 3  # the worst is named above the field
        if at_start:
            x, anchor = float(LEFT + 4), "start"
        else:
            x, anchor = right, "end"
            while any(abs(at - other) < LINE_HEIGHT for other in self._words_at):
                at += LINE_HEIGHT / 2
            self._words_at.append(at)
        self._words.append(
            f'<text x="{x}" y="{at:.1f}" text-anchor="{anchor}" class="over" fill="{colour}">{escape(words)}{arrow}</text>'
        )

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        """A line through points, with a dot at each where they are few."""
        places = [f"{self._at_x(x):.1f},{self._at_y(y):.1f}" for x, y in points]
        self._parts.append(f'<polyline points="{" ".join(places)}" fill="none" stroke="{LINE}"/>')
        if len(points) <= MOST_DOTS:
            dots = "".join(f"M{place}h0" for place in places)
            self._parts.append(f'<path d="{dots}" stroke="{LINE}" stroke-width="3" stroke-linecap="round"/>')

    def ring(self, x: float, y: float, words: str = "", colour: str = WORST) -> None:
        """A ring around a point, and words over it."""
        at_x, at_y = self._at_x(x), self._at_y(y)
        self._parts.append(
            f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="4" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        )
        if words:
            self._label(at_x, TOP - 3, words, colour)

    def svg(self) -> Markup:
        """The plot as an element of a page."""
        parts = "".join((*self._parts, *self._words))
        return Markup(f'<svg class="plot" viewBox="0 0 {self._width} {HEIGHT}" role="img">{parts}</svg>')

    def _label(self, x: float, y: float, words: str, colour: str = WORST) -> None:
        anchor = "end" if x > 0.62 * self._width else "start" if x < 0.38 * self._width else "middle"
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
        )

    def _at_x(self, value: float) -> float:
        low, high = self._x
        return LEFT + 6 + (self._width - RIGHT - LEFT - 12) * (value - low) / ((high - low) or 1)

    def _at_y(self, value: float) -> float:
        low, high = self._y
        return HEIGHT - BOTTOM - 4 - (HEIGHT - BOTTOM - TOP - 8) * (value - low) / ((high - low) or 1)
