"""How the demo sends studies: each as one of the hospitals would, by C-STORE or by STOW-RS in turn."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.auth.roles import SENDER

if TYPE_CHECKING:
    from serving.started_service import StartedService

OBJECTS_A_REQUEST = 20


@dataclass
class Sent:
    """A study that was sent: of which hospital, which way, and what became of its objects."""

    folder: Path
    uid: str
    hospital_id: str
    way: str
    taken: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def send_studies(service: "StartedService", folders: Sequence[Path]) -> list[Sent]:
    """Sends each study as one of the hospitals would, by C-STORE or by STOW-RS in turn."""
    import httpx

    from qc_models.dicom.header import read_header
    from serving.started_service import make_key
    from serving.transfer.sending import store_all, stow

    hospitals, dimse = service.config.hospitals, service.config.dimse
    database = service.open_database()
    keys = {hospital.id: make_key(database, "demo", SENDER, hospital.id) for hospital in hospitals}
    database.close()
    all_sent = []
    with click.progressbar(list(enumerate(folders)), label="sending", file=sys.stderr) as entries:
        for number, folder in entries:
            hospital = hospitals[number % len(hospitals)]
            files = sorted(path for path in folder.rglob("*.dcm") if path.is_file())
            uid = read_header(files[0], files[0].name).text("StudyInstanceUID") or ""
            by_dimse = number % 2 == 0
            sent = Sent(folder, uid, hospital.id, "C-STORE" if by_dimse else "STOW-RS")
            if by_dimse:
                answers = list(store_all(hospital.peers[0].title, dimse.host, dimse.port, dimse.ae_title, files))
            else:
                headers = {"Authorization": f"Bearer {keys[hospital.id]}"}
                with httpx.Client(base_url=service.url, headers=headers, timeout=120) as client:
                    parts = [files[at : at + OBJECTS_A_REQUEST] for at in range(0, len(files), OBJECTS_A_REQUEST)]
                    answers = [answer for part in parts for answer in stow(client, part)]
            sent.taken = sum(answer.taken for answer in answers)
            sent.refused.update(answer.reason for answer in answers if not answer.taken)
            all_sent.append(sent)
    return all_sent
