"""What the check of a radiologist's report looks at, whatever the report came as: when, by whom signed, of what, and of whom.

It holds nothing that the report says: of its headings only the parts of the body and the sides that they name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from qc_models.region_names import laterality_in, regions_in
from qc_models.vocabulary import Laterality


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as one system names them, asked like a header: by DICOM keyword. What is not known is empty."""

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    sex: str = ""
    birth_date: str = ""

    def text(self, keyword: str) -> str | None:
        """The value of an attribute; None where it is not known."""
        values = {
            "PatientID": self.patient_id,
            "IssuerOfPatientID": self.issuer,
            "PatientName": self.name,
            "PatientSex": self.sex,
            "PatientBirthDate": self.birth_date,
        }
        return values[keyword] or None


@dataclass(frozen=True, slots=True)
class Written:
    """A day by the clock of the place, and the second of it where that is known."""

    day: date
    second: float | None = None

    def is_before(self, day: date, second: float | None) -> bool:
        """Whether it lies before another moment; on one day only where both tell the time."""
        if self.day != day:
            return self.day < day
        return self.second is not None and second is not None and self.second < second


@dataclass(frozen=True, slots=True)
class ReportForm:
    """One report. `signed` is None where nobody can tell.

    `examined` is when it says that the examination was, where it says so; `persons` are the names under which it knows its patient,
    of which one has to be that of the images.
    """

    signed: bool | None
    empty: bool
    written: Written | None
    examined: Written | None = None
    regions: tuple[str, ...] = ()
    sides: tuple[Laterality, ...] = ()
    persons: tuple[Person, ...] = ()


def places_in(headings: Iterable[str]) -> tuple[tuple[str, ...], tuple[Laterality, ...]]:
    """The parts of the body and the sides that headings name, each once and in order."""
    texts = list(headings)
    regions = {region for text in texts for region in regions_in(text)}
    sides = {side for text in texts if (side := laterality_in(text)) is not None}
    return tuple(sorted(regions)), tuple(sorted(sides))
