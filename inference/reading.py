"""Reads files into studies: headers once, without pixels; what cannot be read is named, and kept with the study it belongs to."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.inputs import is_other, sources
from inference.repeated import settle_repeated
from qc_models.dicom.header import Header, NotDicomError, read_header
from qc_models.errors import InputError, ServiceError
from qc_models.frames import frames_of
from qc_models.study import Instance, Series, Source, Study, Unreadable

_NAME = "the file"  # in reasons, which travel in reports: real names of files carry names of patients
_DICOM_NAMES = frozenset((".dcm", ".dicom", ".ima", ".dic"))  # a file so named that is no DICOM is broken, not foreign


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The studies found, in order of UID, what belongs to none of them, and how many files were not DICOM at all."""

    studies: tuple[Study, ...]
    homeless: tuple[Unreadable, ...]
    num_files: int
    num_skipped: int


def read_studies(
    paths: Iterable[Path], *, declared_instances: int | None = None, progress: Callable[[int], None] | None = None
) -> ReadResult:
    """Reads every DICOM file under `paths`; raises InputError only where a path itself does not exist.

    A file that cannot be parsed belongs to the study that its UIDs name, or that is the only one of its folder.
    """
    instances: list[Instance] = []
    unreadable: list[tuple[Source, Unreadable]] = []
    foreign: list[tuple[Source, Unreadable]] = []
    num_files = num_skipped = 0
    for source in sources(paths):
        num_files += 1
        if progress is not None:
            progress(num_files)
        if is_other(source):
            num_skipped += 1
            continue
        try:
            header = read_header(source.content(), _NAME)
            if header.is_dicomdir:
                num_skipped += 1
                continue
            instances.append(_instance(header, source))
        except NotDicomError as error:
            foreign.append((source, Unreadable(source.name, str(error))))
        except _Unplaced as error:
            unreadable.append((source, error.unreadable))
        except (InputError, ServiceError) as error:
            unreadable.append((source, Unreadable(source.name, str(error))))
        except Exception as error:  # our own fault, or the disk's: the file is named, and the others are still read
            told = error.strerror if isinstance(error, OSError) else type(error).__name__
            unreadable.append((source, Unreadable(source.name, f"{_NAME} cannot be read ({told}); send it again")))
    named_alike = {(_folder(instance.source), _kind_of_name(instance.source)) for instance in instances}
    broken = [entry for entry in foreign if _looks_broken(entry[0], named_alike)]
    num_skipped += len(foreign) - len(broken)
    unreadable.extend(broken)
    homes, homeless = _find_homes(unreadable, instances)
    by_study: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        by_study[instance.study_instance_uid].append(instance)
    studies = [
        _study(uid, by_study.get(uid, []), homes.get(uid, []), declared_instances)
        for uid in sorted({*by_study, *homes})
    ]
    return ReadResult(tuple(studies), tuple(homeless), num_files, num_skipped)


class _Unplaced(InputError):
    """A header that parses but lacks what places it in a study."""

    def __init__(self, unreadable: Unreadable) -> None:
        super().__init__(unreadable.reason)
        self.unreadable = unreadable


def _kind_of_name(source: Source) -> str:
    """The ending of a file's name; a number stands for any number, as in exports that end in one."""
    suffix = Path(source.member or source.path.name).suffix.lower()
    return "#" if suffix[1:].isdigit() else suffix


def _looks_broken(source: Source, named_alike: Collection[tuple[Path, str]]) -> bool:
    """Whether a file that is no DICOM should be one: by its name, or named as the images beside it are and no text."""
    kind = _kind_of_name(source)
    return kind in _DICOM_NAMES or ((_folder(source), kind) in named_alike and not _is_text(source))


def _is_text(source: Source) -> bool:
    content = source.content()
    if isinstance(content, bytes):
        start = content[:1024]
    else:
        with content.open("rb") as stream:
            start = stream.read(1024)
    return bool(start) and all(byte >= 32 or byte in b"\t\n\r\f" for byte in start)


def _instance(header: Header, source: Source) -> Instance:
    study, series, sop = (header.text(f"{level}InstanceUID") for level in ("Study", "Series", "SOP"))
    absent = [
        f"{level}InstanceUID" for level, uid in (("Study", study), ("Series", series), ("SOP", sop)) if uid is None
    ]
    if study is None or series is None or sop is None:
        reason = (
            f"{_NAME} has no {', '.join(absent)}, so nobody can tell where it belongs; send the original file again"
        )
        raise _Unplaced(Unreadable(source.name, reason, study, series, sop))
    return Instance(
        header=header,
        source=source,
        study_instance_uid=study,
        series_instance_uid=series,
        sop_instance_uid=sop,
        sop_class_uid=header.text("SOPClassUID") or "",
        modality=(header.text("Modality") or "").upper(),
        frames=frames_of(header),
    )


def _find_homes(
    unreadable: Sequence[tuple[Source, Unreadable]], instances: Sequence[Instance]
) -> tuple[dict[str, list[Unreadable]], list[Unreadable]]:
    """Sorts unreadable files into studies: by their UID, else by the only study of their folder or archive."""
    studies_in: dict[Path, set[str]] = defaultdict(set)
    for instance in instances:
        studies_in[_folder(instance.source)].add(instance.study_instance_uid)
    homes: dict[str, list[Unreadable]] = defaultdict(list)
    homeless: list[Unreadable] = []
    for source, item in unreadable:
        neighbours = studies_in.get(_folder(source), set())
        if item.study_instance_uid is not None:
            homes[item.study_instance_uid].append(item)
        elif len(neighbours) == 1:
            homes[next(iter(neighbours))].append(item)
        else:
            homeless.append(item)
    return homes, homeless


def _folder(source: Source) -> Path:
    return source.path.parent if source.member is None else source.path / Path(source.member).parent


def _study(
    uid: str, instances: Sequence[Instance], unreadable: Sequence[Unreadable], declared_instances: int | None
) -> Study:
    kept, repeated = settle_repeated(instances)
    by_series: dict[str, list[Instance]] = defaultdict(list)
    for instance in kept:
        by_series[instance.series_instance_uid].append(instance)
    series = tuple(
        Series(series_uid, tuple(sorted(members, key=_instance_order)))
        for series_uid, members in sorted(by_series.items())
    )
    named = tuple(sorted(unreadable, key=lambda item: (item.name, item.reason)))
    return Study(uid, series, named, repeated, declared_instances)


def _instance_order(instance: Instance) -> tuple[int, str]:
    number = instance.header.integer("InstanceNumber")
    return (number if number is not None else 1 << 31, instance.sop_instance_uid)
