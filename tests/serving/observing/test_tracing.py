"""A study has one trace, whichever process adds to it, and no process that sends none pays for it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from serving.observing import tracing
from serving.observing.sections import TracingSection
from tests.serving.observing.otlp_collector import Collector, collecting

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
KEY = "k" * 32


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def study(**fields: Any) -> Any:
    times = {"first_instance_at": at(0), "last_instance_at": at(20), "closed_at": at(80), "closed_after_images": True}
    return SimpleNamespace(**{"id": 17, "hospital_id": "city", "generation": 1, **times} | fields)


def section(collector: Collector) -> TracingSection:
    return TracingSection(endpoint=f"{collector.url}/v1/traces")


def test_processes_add_to_one_trace_with_times_of_their_own() -> None:
    report = {"verdict": "pass", "timings_s": {"stacks": 1.0, "checks": 3.0}}
    with collecting() as collector:
        with tracing.traced(section(collector), KEY, "worker"):
            tracing.arrived(study(), 1, at(80), 0.9)
            tracing.failed(17, 1, "score", at(80), at(81), again=True)
            tracing.examined(study(), 1, "score", at(90), 6.0, report)
        with tracing.traced(section(collector), KEY, "other"):
            tracing.delivered(17, 1, at(91), at(92), {"receiver": "his"})
            tracing.arrived(study(generation=2), 2, at(80), 0.9)
    spans = [span for span in collector.spans if span.trace_id == collector.spans[0].trace_id]
    seconds = {
        (span.process, span.name, span.attributes.get("error", False)): tuple(
            (ns - round(START.timestamp()) * 10**9) / 10**9 for ns in (span.begun_ns, span.ended_ns)
        )
        for span in spans
    }
    assert seconds == {
        ("touchstone-worker", "receive", False): (0, 20),
        ("touchstone-worker", "close", False): (20, 80),
        ("touchstone-worker", "score", True): (80, 81),
        ("touchstone-worker", "score", False): (84, 90),
        ("touchstone-worker", "read", False): (84, 86),
        ("touchstone-worker", "stacks", False): (86, 87),
        ("touchstone-worker", "checks", False): (87, 90),
        ("touchstone-worker", "study", False): (0, 90),
        ("touchstone-other", "deliver", False): (91, 92),
    }
    (first,) = [span for span in spans if span.name == "study"]
    (score,) = [span for span in spans if span.name == "score" and "error" not in span.attributes]
    assert first.parent_id == b""
    assert {span.parent_id for span in spans if span.name in ("receive", "close", "score", "deliver")} == {
        first.span_id
    }
    assert {span.parent_id for span in spans if span.name in ("read", "stacks", "checks")} == {score.span_id}
    assert first.attributes == {"study": 17, "hospital": "city", "verdict": "pass"}
    assert len({span.trace_id for span in collector.spans}) == 2  # of two generations


def test_a_study_that_is_judged_again_for_a_report_has_no_trace_of_hours() -> None:
    again = study(generation=2, closed_at=at(9000), closed_after_images=False)
    with collecting() as collector, tracing.traced(section(collector), KEY, "worker"):
        tracing.arrived(again, 2, at(9000), 0.9)
        tracing.examined(again, 2, "score", at(9010), 6.0, {"verdict": "pass", "timings_s": {}})
    lasted = {span.name: round((span.ended_ns - span.begun_ns) / 10**9) for span in collector.spans}
    assert lasted == {"study": 10, "score": 6, "read": 6}


def test_another_service_has_other_traces() -> None:
    with collecting() as collector:
        for key in (KEY, "another"):
            with tracing.traced(section(collector), key, "worker"):
                tracing.delivered(17, 1, at(0), at(1), {})
    assert len({span.trace_id for span in collector.spans}) == 2


def test_a_collector_that_is_away_harms_nothing() -> None:
    with tracing.traced(TracingSection(endpoint="http://127.0.0.1:9/v1/traces", timeout_s=0.1), KEY, "worker"):
        tracing.delivered(17, 1, at(0), at(1), {})


def test_where_nothing_is_sent_nothing_is_imported() -> None:
    program = f"""
import sys
from serving.observing import tracing
from serving.observing.sections import TracingSection
with tracing.traced(TracingSection(), "{KEY}", "worker"):
    tracing.delivered(17, 1, None, None, {{}})
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
