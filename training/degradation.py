"""Degraded copies of clean pictures: which defects, how strong, and all that is random are drawn first and then put in.

A copy is drawn from a seed, the picture's path and its number alone, so that each can be made again. What was put in stands in the
labels of its row ("defects": kind:strength). Copies are made once and kept in a folder of their own, as they cost more than the
network does.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from inspect import getfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qc_models.preprocessing import InputSpec, prepare
from qc_models.simulation import pixel_defects
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.simulation.pixel_defects.pixel_defect import PixelDefect
from training.examples import Examples
from training.manifest import Row
from training.pictures import picture

Floats = NDArray[np.float32]
Params = dict[str, Any]
NAN = float("nan")
CELLS = 64  # of the map of where, which nobody teaches
_HOW_MANY = (0.2, 0.4, 0.3, 0.1)  # chances of none to three defects
_WEAKEST, _STRONGEST = 0.8, 1.3  # of just visible, and of non-diagnostic
_LEAST_CHANGE = 0.04  # of the range of grey, at the strength that disturbs; less does not show
_CHANGED = 0.03  # of all pixels must change so much, about a tenth of a body that fills a third of the picture
_CHANGED_BY_LINES = 0.002  # a line of one pixel changes little more
_LINES = frozenset({"ring", "metal_streak", "zipper", "dead_lines", "foreign_object"})


@dataclass(frozen=True, slots=True)
class Use:
    """One defect as it was drawn; `params` are fit for JSON."""

    kind: str
    params: Params


@dataclass(frozen=True, slots=True)
class Copy:
    """One degraded copy: what its grey values stand for (`scene`, of the task), and the defects put in, one after another."""

    row: Row
    scene: Params
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Trade:
    """What a task knows: the kinds of its model, how a picture's scene is drawn, and what values its grey then stands for.

    `truth` says what is known of a picture before anything is put in, by kind: 1, 0 or NaN.
    """

    spec: InputSpec
    kinds: tuple[str, ...]
    draw_scene: Callable[[np.random.Generator, Row, int], Params]
    values: Callable[[Floats, Params], Floats]
    truth: Callable[[Row], Mapping[str, float]]


def severity(defect: PixelDefect, strength: float) -> float:
    """0 clean, 1/3 just visible, 2/3 disturbing, 1 non-diagnostic; between them, and below, along the logarithm of strength."""
    if strength <= 0:
        return 0.0
    levels = defect.levels
    marks = np.log([levels.just_visible, levels.disturbing, levels.non_diagnostic])
    start = 2 * marks[0] - marks[1]
    return float(np.interp(math.log(strength), [start, *marks], [0, 1 / 3, 2 / 3, 1]))


def disturbing(heavy: float) -> float:
    """The share of readers whom a severity is taken to disturb: none where it is just visible, all from 2/3 on; NaN of NaN."""
    return float(np.clip(round(3 * heavy - 1, 6), 0, 1))


def drawn(
    rng: np.random.Generator, kinds: Sequence[str], shape: tuple[int, ...], wanted: Sequence[str] | None = None
) -> tuple[Use, ...]:
    """Defects of random kinds and strengths, or `wanted` ones at the strength that disturbs, in the order of `kinds`."""
    if wanted is None:
        count = int(rng.choice(len(_HOW_MANY), p=_HOW_MANY))
        chosen = [kinds[number] for number in sorted(rng.permutation(len(kinds))[:count])]
        strengths = {kind: _strength(rng, PIXEL_DEFECTS[kind]) for kind in chosen}
    else:
        strengths = {kind: PIXEL_DEFECTS[kind].levels.disturbing for kind in wanted}
    return tuple(Use(kind, PIXEL_DEFECTS[kind].make_params(rng, shape, value)) for kind, value in strengths.items())


def degraded(values: Floats, uses: Iterable[Use]) -> Floats:
    """Values [rows, columns] with the defects put in."""
    for use in uses:
        values = PIXEL_DEFECTS[use.kind].apply(values, use.params)
    return values


def examples_of(rows: Sequence[Row], data: Path, trade: Trade, *, seed: int, copies: int) -> Examples:
    """Copies of each row: random ones to learn from and calibrate by; for the test, clean and each kind where it disturbs.

    Copies of one row stand together; `notes` tell the number of each among them, and how many there are.
    """
    kept = _kept(rows, trade, seed, copies)
    if kept.exists():
        state = torch.load(kept, weights_only=True)
    else:
        state = _made(rows, data, trade, seed, copies)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")
        torch.save(state, part)
        os.replace(part, kept)
    of = [rows[number] for number in state["row"].tolist()]
    named = [
        replace(row, labels=row.labels | {"defects": words}) if words else row
        for row, words in zip(of, json.loads(bytes(state["defects"].tolist())), strict=True)
    ]
    targets = {"artifact": state["artifact"], "severity": state["severity"]}
    targets["where"] = torch.full((len(named), CELLS), NAN)
    counts = torch.bincount(state["row"])
    first = (counts.cumsum(0) - counts)[state["row"]]
    notes = {"number": torch.arange(len(named)) - first, "copies": counts[state["row"]]}
    return Examples(state["pictures"].float().div_(255), targets, named, torch.ones(len(named)), notes)


def _strength(rng: np.random.Generator, defect: PixelDefect) -> float:
    weakest = _WEAKEST * defect.levels.just_visible
    strongest = min(_STRONGEST * defect.levels.non_diagnostic, 0.98 * defect.limit)
    return float(np.exp(rng.uniform(math.log(weakest), math.log(strongest))))


def _copies(row: Row, trade: Trade, seed: int, copies: int, shape: tuple[int, ...]) -> Iterator[Copy]:
    wanted: list[tuple[str, ...] | None] = [None] * copies
    if row.part == "test":
        wanted = [(), *((kind,) for kind in trade.kinds if not trade.truth(row))]
    for number, kinds in enumerate(wanted):
        rng = np.random.default_rng(
            np.frombuffer(hashlib.sha256(f"{seed} {row.path} {number}".encode()).digest(), np.uint32)
        )
        scene = trade.draw_scene(rng, row, number)
        yield Copy(row, scene, drawn(rng, trade.kinds, shape, kinds))


def _made(rows: Sequence[Row], data: Path, trade: Trade, seed: int, copies: int) -> dict[str, Tensor]:
    def of(number: int) -> list[tuple[int, Copy, Tensor, list[float], list[float]]]:
        grey = picture(rows[number], data).numpy()
        return [
            (number, copy, *_one(copy, grey, trade)) for copy in _copies(rows[number], trade, seed, copies, grey.shape)
        ]

    with ThreadPoolExecutor() as pool:
        made = [one for many in pool.map(of, range(len(rows))) for one in many]
    words = [[f"{use.kind}:{use.params['strength']:.3g}" for use in copy.uses] for _, copy, *_ in made]
    return {
        "row": torch.tensor([number for number, *_ in made]),
        "pictures": torch.stack([prepared for *_, prepared, _, _ in made]),
        "artifact": torch.tensor([artifact for *_, artifact, _ in made]),
        "severity": torch.tensor([heavy for *_, heavy in made]),
        "defects": torch.tensor(list(json.dumps(words).encode()), dtype=torch.uint8),
    }


def _one(copy: Copy, grey: Floats, trade: Trade) -> tuple[Tensor, list[float], list[float]]:
    """A copy as the model is fed, as bytes, with what is true of it."""
    with torch.inference_mode():
        values = trade.values(grey, copy.scene)
        before = prepare(torch.from_numpy(values)[None], trade.spec)[0]
        artifact = dict.fromkeys(trade.kinds, 0.0) | dict(trade.truth(copy.row))
        heavy = {kind: NAN if artifact[kind] != 0 else 0.0 for kind in trade.kinds}
        after = before
        for use in copy.uses:
            values = degraded(values, [use])
            last, after = after, prepare(torch.from_numpy(values)[None], trade.spec)[0]
            defect, strength = PIXEL_DEFECTS[use.kind], use.params["strength"]
            share = _CHANGED_BY_LINES if use.kind in _LINES else _CHANGED
            change = float(np.quantile((after - last).abs().numpy(), 1 - share))
            shows = change >= _LEAST_CHANGE * min(1.0, strength / defect.levels.disturbing)
            if artifact[use.kind] != 1:
                heavy[use.kind] = severity(defect, strength) if shows else NAN
                artifact[use.kind] = disturbing(heavy[use.kind])
        if copy.row.part == "test" and copy.uses:  # each kind is asked for against clean pictures alone
            asked = {use.kind for use in copy.uses}
            artifact = {kind: value if kind in asked else NAN for kind, value in artifact.items()}
        pixels = (after * 255).round().byte().clone()
    return pixels, [artifact[kind] for kind in trade.kinds], [heavy[kind] for kind in trade.kinds]


def _kept(rows: Sequence[Row], trade: Trade, seed: int, copies: int) -> Path:
    """Where the copies of these rows are kept: another name for other rows, another seed, or other code."""
    told = hashlib.sha256(f"{seed} {copies} {trade.kinds} {trade.spec.digest}".encode())
    sources = [Path(__file__), Path(getfile(trade.values)), *Path(pixel_defects.__path__[0]).glob("*.py")]
    for source in sorted(sources):
        told.update(source.read_bytes())
    for row in rows:
        told.update(f"{row.path} {row.part} {sorted(row.labels.items())}".encode())  # as built, or as read again
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "touchstone" / "degraded" / f"{told.hexdigest()[:24]}.pt"
