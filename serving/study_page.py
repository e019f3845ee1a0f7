"""The page of a stored report: the report as it was judged, with pictures of the images as the archive holds them.

Nothing is measured again, so that it needs neither the models nor torch.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from qc_models.errors import InputError
from qc_models.exam_item import Catalogue, ExamItem
from qc_models.facts import Facts
from qc_models.report import QcReport
from qc_models.stack import Stack, split
from qc_models.study import Study
from serving.archive import Archive

if TYPE_CHECKING:
    from inference.pipeline import Examined

MOST_INSTANCES = 5000  # of a study whose page is made here


@dataclass(frozen=True, slots=True)
class StoredExamination:
    """What `inference.pipeline.Examined` holds, of a report that was stored."""

    report: QcReport
    study: Study
    stacks: tuple[Stack, ...]
    facts: Facts
    items: tuple[ExamItem, ...]


def study_page(report: QcReport, archive: Archive, keys: Sequence[str], catalogue: Catalogue) -> str:
    """The HTML page of a stored report, whose study's objects lie in the archive under `keys`.

    InputError where the images are not those of the report any more, or too many.
    """
    if len(keys) > MOST_INSTANCES:
        raise InputError(f"the study has more than {MOST_INSTANCES} images; read its report as JSON")
    from inference.reading import read_studies
    from serving.html_report import HtmlReport

    with ExitStack() as stack:
        paths = [stack.enter_context(archive.local(key)) for key in keys]
        found = [one for one in read_studies(paths).studies if one.study_instance_uid == report.study_instance_uid]
        facts = report.facts()
        stacks = tuple(stack for study in found for series in study.series for stack in split(series))
        if [one.series_instance_uid for one in stacks] != [one.series_instance_uid for one in facts.stacks]:
            raise InputError("the study's images are not those of this report any more; wait for the next verdict")
        known = (catalogue.items.get(item["item"]) for item in report.content["items"])
        items = tuple(item or catalogue.fallback for item in known)
        stored = StoredExamination(report, found[0], stacks, facts, items)
        path = Path(stack.enter_context(TemporaryDirectory(prefix="touchstone-page-"))) / "page.html"
        with HtmlReport(path) as page:
            page.add(cast("Examined", stored))
            page.write()
        return path.read_text(encoding="utf-8")
