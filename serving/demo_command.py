"""`touchstone demo`: the whole service at work, on studies that it sends to itself as hospitals do.

Simulated patients are phantoms to the models, which may ask a person to look; what passes with them on is a real study.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs.strict import HERE, read_yaml
from serving.auth.roles import LEAD
from serving.demo_sending import Sent, send_studies
from serving.progress_bar import progress_bar
from serving.score_command import DEFAULT_CATALOGUE
from serving.supervisor import until_told

if TYPE_CHECKING:
    from qc_models.exam_item import Catalogue
    from serving.database.sessions import Database

# One clean study of each modality, and what commonly goes wrong: exam item, vendor, defect and its strength.
STUDIES: Sequence[tuple[str, str, str, float]] = (
    ("CT-CHEST", "siemens", "", 0),
    ("MR-LSPINE", "philips", "", 0),
    ("XR-CHEST-2V", "canon", "", 0),
    ("CT-HEAD", "ge", "missing_slices", 2),
    ("MR-HEAD", "siemens", "missing_series", 1),
    ("MR-KNEE", "uih", "patient_mix_up", 1),
    ("CT-SINUS", "uih", "truncated_file", 0.5),
    ("XR-HAND", "siemens", "future_date", 3650),
)

REAL_STUDIES = Path(__file__).resolve().parents[2] / "shared" / "data" / "studies"
SOME_REAL = ("abdpel-ct", "knee-mr")
CONFIG = HERE / "demo.yaml"
_LOOK_EVERY_S = 0.5


@click.command(
    epilog="""\b
Examples:
  touchstone demo                         the service, until Ctrl+C
  touchstone demo --once --state scratch  until every study has its verdict"""
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("touchstone-demo"),
    show_default=True,
    help="Folder of the simulated studies, the database and the archive; what is there is used again.",
)
@click.option("--once", is_flag=True, help="End once the verdicts are there; so it is where no terminal shows them.")
@click.option(
    "--real",
    type=click.Path(path_type=Path, file_okay=False),
    default=REAL_STUDIES,
    help="Folder of further studies, one folder each; ../shared/data/studies otherwise.",
)
@click.option(
    "--all", "all_real", is_flag=True, help=f"All studies of that folder, not {' and '.join(SOME_REAL)} alone."
)
@click.option("--wait", default=300, show_default=True, type=click.IntRange(min=1), help="Seconds, for the verdicts.")
def demo(state: Path, once: bool, real: Path, all_real: bool, wait: int) -> None:
    """Run the whole service on this machine and send it studies, good and defective, by C-STORE and STOW-RS.

    Prints what was said of each, and where the service answers. Exit code 1 where a verdict did not come in time.
    """
    from serving.demo_table import print_table
    from serving.started_service import make_key, started

    state = state.absolute()
    folders = [*_simulated(state / "studies"), *_real(real, all_real)]
    with started(read_yaml(CONFIG), state) as service:
        service.wait_until_ready()
        sent = send_studies(service, folders)
        database = service.open_database()
        all_there = _await_verdicts(database, sent, wait)
        print_table(database, sent)
        reader = make_key(database, "demo", LEAD)
        database.close()
        click.echo(f"health       {service.url}/health")
        click.echo(f"worklist     {service.url}/api/studies")
        click.echo(f"report page  {service.url}/api/studies/NUMBER/page")
        click.echo(f"             curl -H 'Authorization: Bearer {reader}' ADDRESS")
        click.echo(
            f"devices      {service.config.dimse.ae_title} at {service.config.dimse.host}:{service.config.dimse.port}"
        )
        click.echo(f"log          {service.log}")
        if not once and sys.stdout.isatty():
            click.echo("The service runs until Ctrl+C.")
            until_told().wait()
    sys.exit(0 if all_there else 1)


def _simulated(folder: Path) -> list[Path]:
    """The simulated studies, written where they are not there yet, and dated two days before."""
    from qc_models.exam_item import load_catalogue

    catalogue = load_catalogue(DEFAULT_CATALOGUE)
    folders = []
    with click.progressbar(STUDIES, label="simulating", file=sys.stderr) as entries:
        for number, (item, vendor, defect, strength) in enumerate(entries):
            folders.append(folder / "-".join(filter(None, (f"{number + 1}", item, defect))))
            if not folders[-1].exists():
                _simulate(catalogue, item, vendor, number, defect, strength, folders[-1])
    return folders


def _simulate(
    catalogue: "Catalogue", item: str, vendor: str, seed: int, defect: str, strength: float, folder: Path
) -> None:
    """Writes one study beside its place and moves it there, so that a run cut short leaves no half of one."""
    from qc_models.simulation.defects import apply_defect
    from qc_models.simulation.study_simulation import simulate_study

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        clean, spoilt = Path(scratch) / "clean", Path(scratch) / "spoilt"
        study_date = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y%m%d")
        simulate_study(catalogue.item(item), clean, seed=seed, vendor=vendor, study_date=study_date)
        if defect:
            apply_defect(defect, clean, spoilt, strength=strength, seed=seed)
        (spoilt if defect else clean).rename(folder)


def _real(folder: Path, all_of_them: bool) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [path for path in found if all_of_them or path.name in SOME_REAL]


def _await_verdicts(database: "Database", sent: Sequence[Sent], timeout_s: float) -> bool:
    """Whether every study of which something was taken has its verdict in time."""
    from serving.demo_table import num_waiting

    until = time.monotonic() + timeout_s
    with progress_bar("scoring", len(sent)) as advance:
        told = 0
        while waiting := num_waiting(database, sent):
            for _ in range(len(sent) - waiting - told):
                advance()
            told = len(sent) - waiting
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_EVERY_S)
    return True
