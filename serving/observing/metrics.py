"""What each process counts and times, by names that dashboards and alerts know.

A label has one of a few values that we wrote or configured: never what a sender wrote, such as an AE title, a UID or a path.
"""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from serving.database.tables import StudyRow, VerdictRow

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_MODALITIES = frozenset(("CT", "MR", "DX", "CR", "MG", "RG", "RF", "XA", "US", "NM", "PT"))
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 900)
_WAITED = (5, 10, 20, 30, 60, 90, 120, 180, 300, 600, 1200, 3600, 14400, 86400)

INSTANCES = Counter(
    "touchstone_instances_received",
    "Objects that were taken, by hospital, way in and outcome (new, same, conflicting)",
    ("hospital", "came_by", "outcome"),
    registry=REGISTRY,
)
BYTES = Counter(
    "touchstone_received_bytes", "Bytes of objects that were taken", ("hospital", "came_by"), registry=REGISTRY
)
REFUSED = Counter(
    "touchstone_instances_refused",
    "Objects that were not taken, by what was wrong",
    ("hospital", "came_by", "kind"),
    registry=REGISTRY,
)
QUARANTINED = Counter(
    "touchstone_instances_quarantined",
    "Broken objects that were kept apart",
    ("hospital", "came_by"),
    registry=REGISTRY,
)
ASSOCIATIONS = Counter(
    "touchstone_associations", "Associations of devices, accepted or rejected", ("outcome",), registry=REGISTRY
)
OPEN_ASSOCIATIONS = Gauge("touchstone_associations_open", "Associations that are open", registry=REGISTRY)

VERDICTS = Counter(
    "touchstone_verdicts",
    "Verdicts on studies, by hospital, modality, kind (first_look, full, final) and what they say",
    ("hospital", "modality", "kind", "verdict"),
    registry=REGISTRY,
)
ITEM_VERDICTS = Counter(
    "touchstone_item_verdicts", "Verdicts on exam items", ("hospital", "item", "verdict"), registry=REGISTRY
)
LAST_TO_VERDICT = Histogram(
    "touchstone_last_instance_to_verdict_seconds",
    "From the last instance of a study to its verdict, where new instances were the reason for it",
    ("kind",),
    buckets=_WAITED,
    registry=REGISTRY,
)
FIRST_TO_VERDICT = Histogram(
    "touchstone_first_instance_to_verdict_seconds",
    "From the first instance of a study to its verdict; late images of an old study count from its first",
    ("kind",),
    buckets=_WAITED,
    registry=REGISTRY,
)
STAGE_SECONDS = Histogram(
    "touchstone_stage_seconds",
    "Stages of an examination: read, stacks, pixels, checks, judgement",
    ("kind", "stage"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
JOBS = Counter(
    "touchstone_jobs",
    "What became of jobs: done, retried, dead, lease_lost, or expired in the hands of a worker that ended",
    ("kind", "outcome"),
    registry=REGISTRY,
)

LOOKUP_SECONDS = Histogram(
    "touchstone_pool_lookup_seconds",
    "Lookups in the recognition pool",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "touchstone_deliveries",
    "Messages to receivers that were tried, by receiver and outcome (sent, retried, dead)",
    ("kind", "target", "outcome"),
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "touchstone_http_request_seconds",
    "Requests, by route and code",
    ("method", "route", "code"),
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 20, 60),
    registry=REGISTRY,
)
BUILD = Gauge(
    "touchstone_build_info",
    "1, with versions and the kind of process",
    ("process", "version", "python"),
    registry=REGISTRY,
)


def modality_of(modalities: Iterable[str]) -> str:
    """The modality of a study as a label: the first that is one of images; `other` for whatever else a sender wrote."""
    return next((modality for modality in modalities if modality in _MODALITIES), "other")


def method_of(method: str) -> str:
    """The method of a request as a label."""
    return method if method in _METHODS else "other"


def verdict_said(
    hospital: str, modalities: Iterable[str], kind: str, verdict: str, items: Iterable[Mapping[str, str]]
) -> None:
    """Counts a verdict and those of its exam items."""
    VERDICTS.labels(hospital, modality_of(modalities), kind, verdict).inc()
    for item in items:
        ITEM_VERDICTS.labels(hospital, item["id"], item["verdict"]).inc()


def examined(kind: str, study: StudyRow, verdict: VerdictRow, seconds: float, timings_s: Mapping[str, float]) -> None:
    """Counts what a worker wrote of a study, once it is committed; what the report timed nothing of is reading."""
    verdict_said(study.hospital_id, study.modalities, verdict.kind, verdict.verdict, verdict.items)
    if kind == "first_look" or study.closed_after_images:
        LAST_TO_VERDICT.labels(verdict.kind).observe((verdict.created_at - study.last_instance_at).total_seconds())
        FIRST_TO_VERDICT.labels(verdict.kind).observe((verdict.created_at - study.first_instance_at).total_seconds())
    for stage, lasted in {"read": max(0.0, seconds - sum(timings_s.values())), **timings_s}.items():
        STAGE_SECONDS.labels(kind, stage).observe(lasted)
