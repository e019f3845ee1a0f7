"""A page of plots for `touchstone bench measurements`: value against strength, a line a stack, beside the clean range."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 300, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 30, 26
DISTURBING = 3  # place of that level among the strengths
_LEVELS = {1: "just visible", 3: "disturbing", 5: "non-diagnostic"}
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 24px; color: #1d2733; }
.plots { display: flex; flex-wrap: wrap; gap: 18px; }
figure { margin: 0; width: 300px; } figcaption { font-size: 12px; color: #44505c; }
svg { width: 300px; background: #fafbfc; } text { font: 9px system-ui, sans-serif; fill: #44505c; }
.missed { color: #c0272d; font-weight: 600; } .met { color: #1a7f37; font-weight: 600; }
"""


def page(figures: Mapping[str, Any]) -> str:
    """The page, self-contained."""
    parts = [
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Measurements against strength</title>'
            "<style>{}</style><h1>Measurements against the strength of a defect</h1><p>A line is one real stack or "
            "radiograph, the green band the range of the clean ones; strengths grow to the right. AUC is that of images "
            "at the disturbing level against clean ones, with its 95 % interval by study or person.</p>"
        ).format(Markup(_STYLE))
    ]
    for group, title in (("artifacts", "Artifacts"), ("others", "Other defects")):
        parts.append(Markup('<h2>{}</h2><div class="plots">').format(title))
        parts.extend(_figure(row) for row in figures[group])
        parts.append(Markup("</div>"))
    return str(Markup("").join(parts))


def _figure(row: Mapping[str, Any]) -> Markup:
    area, growth = row["auc_of_images"], row["spearman"]
    return Markup(
        "<figure>{}<figcaption><b>{}</b> seen by {} — AUC {:.3f} ({:.2f}-{:.2f}), Spearman {:.2f}, "
        '{} subjects <span class="{}">{}</span></figcaption></figure>'
    ).format(
        _plot(row),
        row["defect"],
        row["metric"],
        area["value"],
        *area["interval"],
        growth["value"],
        row["subjects"],
        "met" if row["met"] else "missed",
        "met" if row["met"] else "missed",
    )


def _plot(row: Mapping[str, Any]) -> Markup:
    strengths = [step["strength"] for step in row["by_strength"]]
    lines: Sequence[Sequence[Sequence[float]]] = list(row["by_stack"].values())
    values = [value for line in lines for _, value in line]
    if not values:
        return Markup("<p>nothing was measured</p>")
    low, high = min(values), max(values)
    clean = [value for line in lines for strength, value in line if strength == 0]

    def at_x(strength: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * strengths.index(strength) / max(1, len(strengths) - 1)

    def at_y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / ((high - low) or 1)

    parts = [f'<text x="4" y="12">{escape(row["metric"])}</text>']
    if clean:
        top, bottom = at_y(max(clean)), at_y(min(clean))
        parts.append(
            f'<rect x="{LEFT}" y="{top:.1f}" width="{WIDTH - LEFT - RIGHT}" height="{max(1.0, bottom - top):.1f}" '
            'fill="#1a7f37" fill-opacity="0.12"/>'
        )
    for place, name in _LEVELS.items():
        if place < len(strengths):
            x = at_x(strengths[place])
            colour = "#c0272d" if place == DISTURBING else "#aeb6bf"
            parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{colour}" stroke-dasharray="3 3"/>')
            anchor = "end" if place == len(strengths) - 1 else "middle"
            parts.append(f'<text x="{x:.1f}" y="{TOP - 4}" text-anchor="{anchor}">{name}</text>')
    for line in lines:
        points = " ".join(f"{at_x(strength):.1f},{at_y(value):.1f}" for strength, value in line)
        parts.append(f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-opacity="0.45"/>')
    for value in (low, high):
        parts.append(f'<text x="{LEFT - 4}" y="{at_y(value) + 3:.1f}" text-anchor="end">{value:.3g}</text>')
    parts.extend(
        f'<text x="{at_x(strength):.1f}" y="{HEIGHT - 10}" text-anchor="middle">{strength:g}</text>'
        for strength in strengths
    )
    return Markup(f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>')
