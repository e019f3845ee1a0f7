"""The images of one study do not all belong to one known patient.

Higher is worse. `patients`: how many patients there are by (issuer, id), more than one being a mix-up; `contradictions`: instances
whose name, sex or birth date differ from the usual one of the same patient id; `placeholder`: instances named TEST, 无名氏, 0000
and the like; `id_absent`, `issuer_absent`: instances without a patient id, or without the hospital that gave it. An instance
without an id is counted with the most usual patient. Names agree where one writing of them does: letter case, delimiters, the
order of words and the ideographic beside the phonetic writing do not matter, and names in different scripts say nothing of
each other.
Source: DICOM PS3.3 C.7.1.1 and C.2.2 (patient identification), PS3.5 6.2.1 (person names).
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance

QUANTITIES = {
    "patients": Quantity(
        "patients",
        "the study holds images of {value:.0f} patients; {instances} instances are not the usual patient's",
        "一次检查中混有 {value:.0f} 名患者的图像，{instances} 幅不属于主要患者",
        "remove the images of the other patient and send the study again",
        "请剔除其他患者的图像后重新上传",
    ),
    "contradictions": Quantity(
        "instances",
        "{value:.0f} instances carry another {attribute} than the rest of this patient's images",
        "{value:.0f} 幅图像的 {attribute} 与同一患者的其他图像不一致",
        "find out whose images they are, correct the patient data and send them again",
        "请核实图像归属，更正患者信息后重新上传",
    ),
    "placeholder": Quantity(
        "instances",
        "{value:.0f} instances carry a placeholder as {attribute}",
        "{value:.0f} 幅图像的 {attribute} 为占位内容（测试、无名氏等）",
        "enter the real patient data and send the study again",
        "请录入真实患者信息后重新上传",
    ),
    "id_absent": Quantity(
        "instances",
        "{value:.0f} instances have no patient id",
        "{value:.0f} 幅图像没有患者编号",
        "enter the patient id and send the study again",
        "请补录患者编号后重新上传",
    ),
    "issuer_absent": Quantity(
        "instances",
        "{value:.0f} instances do not say which institution gave the patient id",
        "{value:.0f} 幅图像未注明患者编号的签发机构",
        "let the worklist fill IssuerOfPatientID",
        "请在工作列表中填写 IssuerOfPatientID",
    ),
}

_LISTED = 20
_DEMOGRAPHICS = ("PatientName", "PatientSex", "PatientBirthDate")
_PLACEHOLDER = re.compile(
    r"TEST|TESTING|UNKNOWN|NO ?NAME|NOBODY|DUMMY|PHANTOM|NULL|NONE|N/A|X{3,}|测试.*|无名.*|未知|不详|体模"
)
_ANONYMOUS = re.compile(r"ANON.*|DEIDENTIFIED|REMOVED|匿名.*")
_NO_NUMBER = re.compile(r"0+|X{3,}")

Key = tuple[str, str]  # issuer and id of a patient, either may be empty


def patients(keys: Sequence[Key]) -> list[list[int]]:
    """Groups the indices of (issuer, id) pairs by patient, the largest group first.

    A missing issuer contradicts none, and a missing id joins the largest group; no group where no id is known.
    """
    by_id: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, (issuer, patient_id) in enumerate(keys):
        if patient_id:
            by_id[patient_id][issuer].append(index)
    groups: list[list[int]] = []
    for issuers in by_id.values():
        unsaid = issuers.pop("", [])
        said = sorted(issuers.values(), key=len, reverse=True) or [[]]
        groups += [sorted(said[0] + unsaid), *said[1:]]
    groups.sort(key=lambda group: (-len(group), group))
    if groups:
        groups[0] = sorted(groups[0] + [index for index, (_, patient_id) in enumerate(keys) if not patient_id])
    return groups


def name_letters(name: str) -> Mapping[str, frozenset[str]]:
    """The writings of a person name by script (`latin`, `han`, …): of each group its folded letters, in alphabetical order."""
    writings: dict[str, set[str]] = defaultdict(set)
    for group in name.split("="):
        letters = [c for c in unicodedata.normalize("NFKD", group).casefold() if c.isalpha()]
        if letters:
            writings[_script(letters[0])].add("".join(sorted(letters)))
    return {script: frozenset(found) for script, found in writings.items()}


def names_contradict(a: str, b: str) -> bool:
    """Whether two person names share a script and no writing in any that they share; an empty name contradicts none."""
    one, other = name_letters(a), name_letters(b)
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[script].isdisjoint(other[script]) for script in shared)


def is_placeholder(attribute: str, value: str, deidentified: bool) -> bool:
    """Whether a PatientName or PatientID stands for nobody; ANON and the like are in order once the identity was removed."""
    text = value.upper().strip(" ^=")
    words = [text, *re.split(r"[\^= _]+", text)]
    if attribute == "PatientID" and _NO_NUMBER.fullmatch(text):
        return True
    if any(_PLACEHOLDER.fullmatch(word) for word in words):
        return True
    return not deidentified and any(_ANONYMOUS.fullmatch(word) for word in words)


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """Compares the patient attributes of all instances of a study."""
    instances = evidence.study.instances
    keys = [_key(instance.header) for instance in instances]
    groups = patients(keys)
    for group in groups[1:]:
        odd = [instances[index] for index in group]
        yield _found("patients", len(groups), "patients", odd, {"instances": len(odd)})
    for group in groups or [list(range(len(instances)))]:
        members = [instances[index] for index in group]
        for attribute in _DEMOGRAPHICS:
            odd = _contradicting(members, attribute)
            if odd:
                yield _found("contradictions", len(odd), "instances", odd, {"attribute": attribute})
    for attribute in ("PatientName", "PatientID"):
        odd = [instance for instance in instances if _holds_placeholder(instance.header, attribute)]
        if odd:
            yield _found("placeholder", len(odd), "instances", odd, {"attribute": attribute})
    without = {
        "id_absent": [i for i, (_, patient_id) in zip(instances, keys, strict=True) if not patient_id],
        "issuer_absent": [
            i for i, (issuer, patient_id) in zip(instances, keys, strict=True) if patient_id and not issuer
        ],
    }
    for quantity, odd in without.items():
        if odd:
            yield _found(quantity, len(odd), "instances", odd, {})


def _script(letter: str) -> str:
    return "han" if unicodedata.name(letter, "").startswith("CJK") else unicodedata.name(letter, "?").split()[0].lower()


def _key(header: Header) -> Key:
    return ((header.text("IssuerOfPatientID") or "").upper(), (header.text("PatientID") or "").upper())


def _contradicting(instances: Sequence[Instance], attribute: str) -> list[Instance]:
    """The instances whose value differs from the usual one of the same patient; empty and unknown values say nothing."""
    differ: Callable[[str, str], bool] = names_contradict if attribute == "PatientName" else str.__ne__
    values = [_value(instance.header, attribute) for instance in instances]
    said = Counter(value for value in values if value)
    if len(said) < 2:
        return []
    usual = min(said, key=lambda value: (-said[value], value))
    return [instance for instance, value in zip(instances, values, strict=True) if value and differ(value, usual)]


def _value(header: Header, attribute: str) -> str:
    value = (header.text(attribute) or "").upper()
    if attribute == "PatientBirthDate":
        return re.sub(r"\D", "", value)
    return "" if attribute == "PatientSex" and value in ("O", "U") else value


def _holds_placeholder(header: Header, attribute: str) -> bool:
    value = header.text(attribute)
    deidentified = (header.text("PatientIdentityRemoved") or "").upper() == "YES"
    return value is not None and is_placeholder(attribute, value, deidentified)


def _found(
    quantity: str, value: float, unit: str, odd: Sequence[Instance], detail: Mapping[str, str | int]
) -> Measurement:
    uids = [instance.sop_instance_uid for instance in odd[:_LISTED]]
    place = Location(odd[0].series_instance_uid, odd[0].sop_instance_uid)
    return Measurement(
        f"metadata.patient_identity.{quantity}", value, unit, place, {**detail, "sop_instance_uids": uids}
    )
