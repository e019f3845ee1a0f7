"""Plots of an evaluation, drawn as SVG by hand: interval, reliability, and accuracy against the share that is kept."""

from collections.abc import Sequence

from markupsafe import Markup

from training.calibrate import Bin

WIDTH, HEIGHT = 340, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 14, 38  # margins around the plotted field
BAR_WIDTH, BAR_HEIGHT = 150, 16
GOOD, POOR, LINE, SOFT, GRID = "#1a7f45", "#c0272d", "#1f5fa8", "#5b6570", "#e3e7ec"


def interval_bar(
    value: float, low: float, high: float, start: float = 0.0, target: float | None = None, met: bool | None = None
) -> Markup:
    """A point with its interval on a line from `start` to 1, and a tick at the target."""

    def at(number: float) -> float:
        return 4 + (BAR_WIDTH - 8) * (min(1.0, max(start, number)) - start) / (1 - start)

    middle = BAR_HEIGHT / 2
    colour = LINE if met is None else GOOD if met else POOR
    parts = [
        f'<path d="M4 {middle}H{BAR_WIDTH - 4}" stroke="{GRID}" stroke-width="6" stroke-linecap="round"/>',
        f'<path d="M{at(low):.1f} {middle}H{at(high):.1f}" stroke="{colour}" stroke-width="3" stroke-opacity="0.45"/>',
    ]
    if target is not None:
        parts.append(f'<path d="M{at(target):.1f} 1V{BAR_HEIGHT - 1}" stroke="#1c2126" stroke-width="1.5"/>')
    parts.append(f'<circle cx="{at(value):.1f}" cy="{middle}" r="3.6" fill="{colour}"/>')
    return _svg("bar", BAR_WIDTH, BAR_HEIGHT, parts)


def reliability_plot(bins: Sequence[Bin]) -> Markup:
    """How often it was so against how probable it was said to be; the larger a point, the more answers."""
    most = max(part.count for part in bins)
    points = [(_x(part.told), _y(part.found)) for part in bins]
    parts = [
        *_field("probability said 预测概率", "so in truth 实际比例", (0.0, 1.0)),
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="{SOFT}" stroke-dasharray="4 4"/>',
        *(
            f'<path d="M{x:.1f} {y:.1f}V{_y(part.told):.1f}" stroke="{POOR}" stroke-opacity="0.5" stroke-width="2"/>'
            for (x, y), part in zip(points, bins, strict=True)
        ),
        _line(points),
        *(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2.5 + 6 * (part.count / most) ** 0.5:.1f}" fill="{LINE}" '
            f'fill-opacity="0.75"><title>{part.low:.1f}-{part.high:.1f}: said {part.told:.3f}, so {part.found:.3f}, '
            f"n = {part.count}</title></circle>"
            for (x, y), part in zip(points, bins, strict=True)
        ),
    ]
    return _svg("plot", WIDTH, HEIGHT, parts)


def abstain_plot(curve: Sequence[tuple[float, float, float]], marked: float) -> Markup:
    """Accuracy on the surest rows against their share; `marked` is the share that is told in words."""
    lowest = min(accuracy for _, accuracy, _ in curve)
    floor = min(0.9, int(lowest * 10) / 10)

    def y(accuracy: float) -> float:
        return _y((accuracy - floor) / (1 - floor))

    share, accuracy, sureness = min(curve, key=lambda point: abs(point[0] - marked))
    anchor = "start" if y(accuracy) > HEIGHT / 2 else "end"
    words_y = y(accuracy) - 12 if anchor == "start" else y(accuracy) + 20
    parts = [
        *_field("share kept, surest first 保留比例", "accuracy 准确率", (floor, 1.0)),
        _line([(_x(share), y(accuracy)) for share, accuracy, _ in curve]),
        *(
            f'<circle cx="{_x(share):.1f}" cy="{y(accuracy):.1f}" r="2.6" fill="{LINE}"><title>surest {share:.0%}: '
            f"accuracy {accuracy:.3f}, probability from {sureness:.3f}</title></circle>"
            for share, accuracy, sureness in curve
        ),
        f'<circle cx="{_x(share):.1f}" cy="{y(accuracy):.1f}" r="5.5" fill="none" stroke="#1c2126"/>',
        f'<text class="word" x="{_x(share):.1f}" y="{words_y:.1f}" text-anchor="end">{accuracy:.3f} on {share:.0%}, '
        f"probability from {sureness:.2f}</text>",
    ]
    return _svg("plot", WIDTH, HEIGHT, parts)


def _field(across: str, up: str, values: tuple[float, float]) -> list[str]:
    """Axes with words and five lines of a grid; across it runs from 0 to 1, up over `values`."""
    low, high = values
    parts = []
    for step in range(6):
        share = step / 5
        x, y = _x(share), _y(share)
        parts += [
            f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>',
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 13}" text-anchor="middle">{share:.1f}</text>',
            f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{low + share * (high - low):.2g}</text>',
        ]
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        *parts,
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{across}</text>',
        f'<text x="11" y="{middle}" text-anchor="middle" transform="rotate(-90 11 {middle})">{up}</text>',
    ]


def _line(points: Sequence[tuple[float, float]]) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{LINE}" stroke-width="1.8"/>'


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _svg(kind: str, width: int, height: int, parts: Sequence[str]) -> Markup:
    return Markup(f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>')
