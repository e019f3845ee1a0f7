"""Studies a second of the engine in this process against Ray with one and two examiners, on the same studies."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference.engine.made_engine import make_engine
from inference.engine.section import EngineSection
from inference.engine.study_engine import Engine, Order
from inference.pipeline import Settings
from qc_models.report import QcReport
from qc_models.simulation.study_simulation import simulate_study

ITEMS = ("XR-HAND", "CT-HEAD", "MR-KNEE")


def run(folder: Path, settings: Settings, studies: int, repeats: int, advance: Callable[[str], None]) -> dict[str, Any]:
    """Examines simulated studies by each engine, all asked at once by as many lanes as it has examiners; one thread a study."""
    orders = []
    for number in range(studies):
        item = settings.catalogue.item(ITEMS[number % len(ITEMS)])
        study = simulate_study(item, folder / str(number), seed=number, size="small")
        orders.append(Order(study.study_instance_uid, study.files, replace(settings, workers=1)))
    sections = {
        "local, 1 lane": EngineSection(),
        "local, 2 lanes": EngineSection(at_once=2),
        "ray, 1 examiner": EngineSection(kind="ray", most_examiners=1),
        "ray, 2 examiners": EngineSection(kind="ray", at_once=2, least_examiners=2),
    }
    figures: dict[str, Any] = {}
    contents: dict[str, list[str]] = {}
    for name, section in sections.items():
        advance(name)
        begun = time.perf_counter()
        engine = make_engine(section)
        try:
            _examined(
                engine, orders[: len(ITEMS)] * section.at_once, section.at_once
            )  # models and code are loaded by then
            ready_s = time.perf_counter() - begun
            seconds = []
            for _ in range(repeats):
                begun = time.perf_counter()
                reports = _examined(engine, orders, section.at_once)
                seconds.append(time.perf_counter() - begun)
            contents[name] = [_lasting(report) for report in reports]
        finally:
            engine.close()
        figures[name] = {
            "studies_a_second": round(len(orders) / statistics.median(seconds), 3),
            "spread": [round(len(orders) / value, 3) for value in (max(seconds), min(seconds))],
            "ready_s": round(ready_s, 1),
        }
    return {
        "studies": len(orders),
        "repeats": repeats,
        "engines": figures,
        "reports_alike": len({tuple(found) for found in contents.values()}) == 1,
    }


def _examined(engine: Engine, orders: Sequence[Order], lanes: int) -> list[QcReport]:
    with ThreadPoolExecutor(lanes) as pool:
        return list(pool.map(engine.examine, orders))


def _lasting(report: QcReport) -> str:
    return json.dumps({key: value for key, value in report.content.items() if key not in ("evaluated_at", "timings_s")})
