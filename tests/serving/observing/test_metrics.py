"""What is counted: by few and known labels, and dashboard and alerts ask for nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from pynetdicom.association import Association

from qc_models.policy import load_policy
from serving.database.sessions import Database
from serving.intake import Refused
from serving.observing import metrics
from serving.observing.standing import GAUGES
from serving.pool_lookup import Asked, lookup
from serving.recording import Sender
from serving.transfer.dimse import Receiver
from tests.serving.conftest import object_bytes
from tests.serving.made_rows import NOW, made_study, made_verdict
from tests.serving.transfer.conftest import Service, Web

GRAFANA = Path(__file__).resolve().parents[3] / "configs" / "grafana"
DASHBOARD = json.loads((GRAFANA / "touchstone.json").read_text())
ALERTS = yaml.safe_load((GRAFANA / "alerts.yaml").read_text())
# labels that aggregations and joins may name beside those of a metric: Prometheus' own, and the bounds of histograms
EVERYWHERE = {"le", "instance", "job"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def known() -> dict[str, set[str]]:
    """The labels of every series that a process may serve, by its name."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    found = {name: set(labels) for name, (_, labels) in GAUGES.items()}
    for collector in metrics.REGISTRY._collector_to_names:
        families: list[Metric] = list(collector.describe() if hasattr(collector, "describe") else collector.collect())
        for family in families:
            for suffix in suffixes.get(family.type, ("",)):
                found[family.name + suffix] = set(getattr(collector, "_labelnames", ()))
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Every PromQL expression, with where it stands."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]


EXPRESSIONS = list(expressions())


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_dashboard_and_alerts_ask_for_what_is_there(where: str, expression: str) -> None:
    series = known()
    asked = re.findall(r"\b((?:touchstone|process)_\w+)(?:\{([^}]*)\})?", expression)
    assert asked, where
    labels: set[str] = set()
    for name, selector in asked:
        assert name in series, f"{where}: {name}"
        wanted = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        assert wanted <= series[name] | EVERYWHERE, f"{where}: {name} has no {wanted - series[name]}"
        labels |= series[name]
    for named in re.findall(r"\b(?:by|on|without|group_left)\s*\(([^)]*)\)", expression):
        assert {label.strip() for label in named.split(",")} <= labels | EVERYWHERE, where
    assert expression.count("(") == expression.count(")")


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alert() -> None:
    asked = {name for _, expression in EXPRESSIONS for name in re.findall(r"touchstone_\w+", expression)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    ours = {re.sub(r"_(bucket|count|sum)$", "", name) for name in known() if name.startswith("touchstone_")}
    assert ours - families == set()


def test_the_dashboard_can_be_loaded() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in taken) < 24
        assert cells.isdisjoint(taken), panel["title"]
        cells |= taken
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"
    for rule in ALERTS["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "action"}


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


class Increase:
    """How much a counter counted since this was made; the counters of a process outlast a test."""

    def __init__(self, name: str, **labels: str) -> None:
        self._of: tuple[str, dict[str, str]] = (name, labels)
        self._before = value(name, **labels)

    def __call__(self) -> float:
        name, labels = self._of
        return value(name, **labels) - self._before


@on_sqlite
def test_what_is_taken_and_refused_is_counted(service: Service) -> None:
    content = object_bytes()
    way = {"hospital": "city", "came_by": "stow"}
    new = Increase("touchstone_instances_received_total", **way, outcome="new")
    same = Increase("touchstone_instances_received_total", **way, outcome="same")
    size = Increase("touchstone_received_bytes_total", **way)
    broken = Increase("touchstone_instances_refused_total", **way, kind="not_dicom")
    apart = Increase("touchstone_instances_quarantined_total", **way)
    stranger = Increase("touchstone_instances_refused_total", hospital="none", came_by="stow", kind="forbidden")
    take = service.opened.intake.take
    take(content, Sender("city", "stow", "key:1"))
    take(content, Sender("city", "stow", "key:1"))
    with pytest.raises(Refused):
        take(b"no DICOM", Sender("city", "stow", "key:1"))
    with pytest.raises(Refused):
        take(content, Sender("whatever a sender wrote", "stow", "key:1"))
    assert (new(), same(), size(), broken(), apart(), stranger()) == (1, 1, 2 * len(content), 1, 1, 1)
    assert "whatever" not in str([family.samples for family in metrics.REGISTRY.collect()])


@on_sqlite
def test_associations_are_counted_without_their_titles(receive: Receiver, connect: Callable[..., Association]) -> None:
    accepted = Increase("touchstone_associations_total", outcome="accepted")
    rejected = Increase("touchstone_associations_total", outcome="rejected")
    echo = ("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])
    association = connect(receive, echo)
    assert value("touchstone_associations_open") == 1
    association.release()
    assert connect(receive, echo, title="MARK_NAME").is_rejected
    assert (accepted(), rejected()) == (1, 1)
    assert "MARK_NAME" not in str([family.samples for family in metrics.REGISTRY.collect()])


@on_sqlite
def test_requests_are_counted_by_route_without_what_stands_in_it(web: Web) -> None:
    route = {"method": "GET", "route": "/dicom-web/studies/{study_uid}", "code": "401"}
    counted, nowhere = (
        Increase("touchstone_http_request_seconds_count", **labels)
        for labels in (route, route | {"route": "none", "code": "404"})
    )
    client = web.stranger()
    client.get("/dicom-web/studies/1.2.3.4?PatientName=MARK")
    client.get("/MARK/is/nowhere")
    assert (counted(), nowhere()) == (1, 1)
    assert "MARK" not in str([family.samples for family in metrics.REGISTRY.collect()])


@pytest.mark.parametrize(
    ("modalities", "label"), [(["SR", "CT"], "CT"), (["MARK"], "other"), ([], "other"), (["DX", "CR"], "DX")]
)
def test_a_modality_is_one_of_a_few(modalities: list[Any], label: str) -> None:
    assert metrics.modality_of(modalities) == label
    assert metrics.method_of("MARK") == "other"


@on_sqlite
def test_what_was_said_of_a_study_is_counted_and_timed(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        study = made_study(session, modalities=["SR", "CT"], first_instance_at=NOW - timedelta(seconds=70))
        verdict = made_verdict(session, study, created_at=NOW + timedelta(seconds=25))
    counted = Increase("touchstone_verdicts_total", hospital="city", modality="CT", kind="full", verdict="pass")
    of_item = Increase("touchstone_item_verdicts_total", hospital="city", item="CT-CHEST", verdict="pass")
    last = Increase("touchstone_last_instance_to_verdict_seconds_sum", kind="full")
    first = Increase("touchstone_first_instance_to_verdict_seconds_sum", kind="full")
    stages = {
        stage: Increase("touchstone_stage_seconds_sum", kind="score", stage=stage)
        for stage in ("read", "stacks", "checks")
    }
    metrics.examined("score", study, verdict, 4.0, {"stacks": 1.0, "checks": 2.5})
    assert (counted(), of_item(), last(), first()) == (1, 1, 25, 95)
    assert {stage: increase() for stage, increase in stages.items()} == pytest.approx(
        {"read": 0.5, "stacks": 1.0, "checks": 2.5}
    )


@on_sqlite
@pytest.mark.parametrize(("new_instances", "kind", "samples"), [(0, "full", 0), (2, "full", 1), (0, "first_look", 1)])
def test_a_verdict_for_a_report_alone_is_no_late_one(
    database: Database, hospitals: tuple[str, str], new_instances: int, kind: str, samples: int
) -> None:
    with database.writing() as session:
        study = made_study(session, close_evidence={"new_instances": new_instances})
        verdict = made_verdict(session, study, kind, created_at=NOW + timedelta(hours=3))
    timed = [
        Increase(f"touchstone_{which}_instance_to_verdict_seconds_count", kind=kind) for which in ("last", "first")
    ]
    metrics.examined("score" if kind == "full" else kind, study, verdict, 4.0, {})
    assert [increase() for increase in timed] == [samples] * 2


@on_sqlite
def test_lookups_are_timed(database: Database, hospitals: tuple[str, str]) -> None:
    looked = Increase("touchstone_pool_lookup_seconds_count")
    with database.reading() as session:
        lookup(session, Asked("CT-CHEST", "county", NOW.date(), patient_id="7"), load_policy())
    assert looked() == 1
