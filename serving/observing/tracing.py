"""A trace for each generation of a study, from its first instance to its verdict and to whoever is told of it.

Every process finds the trace of a study by itself: its id is a keyed digest of the study's number and generation, so that nothing
is handed on and nobody is named. Spans go to a collector by OTLP over HTTP; where none is configured nothing is even imported.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from serving.observing.sections import TracingSection

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Attributes = Mapping[str, str | int | float | bool]
_chosen: ContextVar[tuple[int, int] | None] = ContextVar("chosen", default=None)
_spans: "_Spans | None" = None


class OfStudy(Protocol):
    """The parts of a study's row that a trace needs."""

    id: int
    hospital_id: str
    generation: int
    first_instance_at: datetime
    last_instance_at: datetime
    closed_at: datetime | None

    @property
    def closed_after_images(self) -> bool:
        """Whether images came before it was closed last."""


@contextmanager
def traced(section: TracingSection, secret: str, process: str) -> Iterator[None]:
    """Sends spans of this process as long as the context, and what is left of them at its end."""
    global _spans
    if not section.endpoint:
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    from qc_models.version import code_version

    class Ids(RandomIdGenerator):
        """Random ids, but for the span that a trace begins with."""

        def generate_trace_id(self) -> int:
            chosen = _chosen.get()
            return chosen[0] if chosen else super().generate_trace_id()

        def generate_span_id(self) -> int:
            chosen = _chosen.get()
            return chosen[1] if chosen else super().generate_span_id()

    resource = Resource({"service.name": f"touchstone-{process}", "service.version": code_version()})
    provider = TracerProvider(resource=resource, id_generator=Ids(), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=section.endpoint, timeout=section.timeout_s)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _spans = _Spans(provider.get_tracer("touchstone"), hmac.new(secret.encode(), b"trace", hashlib.sha256).digest())
    try:
        yield
    finally:
        _spans = None
        provider.shutdown()


def arrived(study: OfStudy, generation: int, closed_at: datetime, confidence: float) -> None:
    """Tells how a study came in, and how long it took to know that it is all there; nothing of one that was there before."""
    if _spans is not None and study.closed_after_images:
        begun = study.first_instance_at if generation == 1 else study.last_instance_at
        _spans.add(study.id, generation, "receive", begun, study.last_instance_at, {"hospital": study.hospital_id})
        _spans.add(study.id, generation, "close", study.last_instance_at, closed_at, {"confidence": confidence})


def examined(
    study: OfStudy, generation: int, kind: str, ended: datetime, seconds: float, report: Mapping[str, Any]
) -> None:
    """Tells how an examination went, stage by stage; a full one ends the study's span."""
    if _spans is None:
        return
    begun = ended - timedelta(seconds=seconds)
    said = {"verdict": str(report["verdict"])}
    parent = _spans.add(study.id, generation, kind, begun, ended, said)
    stages = dict(report["timings_s"])
    at = begun
    for stage, lasted in {"read": max(0.0, seconds - sum(stages.values())), **stages}.items():
        at, before = at + timedelta(seconds=lasted), at
        _spans.add(study.id, generation, stage, before, at, parent=parent)
    if kind == "score":
        began = study.first_instance_at if generation == 1 else study.last_instance_at
        if not study.closed_after_images:
            began = study.closed_at or began
        _spans.add_first(study.id, generation, began, ended, {"study": study.id, "hospital": study.hospital_id, **said})


def failed(study_id: int, generation: int, kind: str, begun: datetime, ended: datetime, again: bool) -> None:
    """Tells that an attempt came to nothing."""
    if _spans is not None:
        _spans.add(study_id, generation, kind, begun, ended, {"error": True, "again": again})


def delivered(study_id: int, generation: int, begun: datetime, ended: datetime, attributes: Attributes) -> None:
    """Tells that somebody outside was told of a verdict, or could not be."""
    if _spans is not None:
        _spans.add(study_id, generation, "deliver", begun, ended, attributes)


class _Spans:
    """Spans with times of their own, in traces of their own."""

    def __init__(self, tracer: "Tracer", key: bytes) -> None:
        self._tracer = tracer
        self._key = key

    def ids(self, study_id: int, generation: int) -> tuple[int, int]:
        """The ids of a trace and of its first span; neither may be zero."""
        digest = hmac.new(self._key, f"{study_id} {generation}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1

    def add(
        self,
        study_id: int,
        generation: int,
        name: str,
        begun: datetime,
        ended: datetime,
        attributes: Attributes | None = None,
        parent: int | None = None,
    ) -> int:
        """Adds a span below another one, or below the first; its id."""
        from opentelemetry.trace import (
            NonRecordingSpan,
            SpanContext,
            Status,
            StatusCode,
            TraceFlags,
            set_span_in_context,
        )

        trace_id, first = self.ids(study_id, generation)
        above = SpanContext(trace_id, parent or first, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        context = set_span_in_context(NonRecordingSpan(above))
        span = self._tracer.start_span(name, context, attributes=dict(attributes or {}), start_time=_ns(begun))
        if (attributes or {}).get("error"):
            span.set_status(Status(StatusCode.ERROR))
        span.end(_ns(max(begun, ended)))
        return span.get_span_context().span_id

    def add_first(
        self, study_id: int, generation: int, begun: datetime, ended: datetime, attributes: Attributes
    ) -> None:
        """Adds the span that all others of a trace are below, once it has ended."""
        from opentelemetry.context import Context

        token = _chosen.set(self.ids(study_id, generation))
        try:
            span = self._tracer.start_span("study", Context(), attributes=dict(attributes), start_time=_ns(begun))
        finally:
            _chosen.reset(token)
        span.end(_ns(max(begun, ended)))


def _ns(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
