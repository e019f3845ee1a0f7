"""The images of one study do not all belong to one known patient.

Higher is worse. `patients`: how many patients there are by (issuer, id), more than one being a mix-up; `contradictions`: instances
whose name, sex or birth date differ from the usual one of the same patient, or that write his id or its issuer otherwise;
`placeholder`: instances named TEST, 无名氏, 0000 and the like; `id_absent`, `issuer_absent`: instances without a patient id, or
without the hospital that gave it. An instance without an id is counted with the most usual patient. Ids that differ by leading
zeros, letter case or spaces, or by their issuer alone, are one patient's where name and birth date are there and agree, and the
sexes do not differ. Names agree where one writing of them does: letter case, delimiters, the order of words, titles, an age
behind the name, umlauts in other letters, traditional characters and the ideographic beside the phonetic writing do not
matter, and names in different scripts say nothing of each other.
Source: DICOM PS3.3 C.7.1.1 and C.2.2 (patient identification), PS3.5 6.2.1 (person names).
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

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

# How umlauts are written without dots: left out, as in German, on pinyin keyboards, in Chinese passports.
_UMLAUTS: tuple[dict[str, str | int | None], ...] = ({}, {"ä": "ae", "ö": "oe", "ü": "ue"}, {"ü": "v"}, {"ü": "yu"})
# Sex and age that a worklist writes behind the name: `F 45Y`, `男 45岁`, `045Y F`.
_AGE = re.compile(
    r"(?:[\s^_,/(-]+(?:M|F|MALE|FEMALE)|[\s^_,/(-]*[男女])?[\s^_,/(-]*\d{1,3}\s*(?:Y(?:RS?|EARS?)?|M|D|W|岁|月|天)?"
    r"(?:[\s^_,/-]+(?:M|F|MALE|FEMALE)|[\s^_,/-]*[男女])?[\s^_)]*$",
    re.IGNORECASE,
)
_NAME_PARTS = 3  # family, given and middle name; prefix and suffix (Dr, Jr) are titles, PS3.5 6.2.1.2
# Characters of names whose traditional form differs: surnames first, then frequent given names.
_TRADITIONAL = str.maketrans(
    "張陳劉黃吳趙楊孫馬羅鄭謝許鄧馮蕭葉蔣盧蘇呂閻餘鍾譚陸鄒龍萬賀賴龔錢湯歐陽嚴魯韓閔齊龐顏紀項喬聶車單諸鮑竇衛溫莊劍"
    "國偉麗強軍傑鳳蘭紅東興義榮寶貴慶夢靜潔穎艷雲權澤濤輝銘鵬飛樂愛蓮瓊嬌華",
    "张陈刘黄吴赵杨孙马罗郑谢许邓冯萧叶蒋卢苏吕阎余钟谭陆邹龙万贺赖龚钱汤欧阳严鲁韩闵齐庞颜纪项乔聂车单诸鲍窦卫温庄剑"
    "国伟丽强军杰凤兰红东兴义荣宝贵庆梦静洁颖艳云权泽涛辉铭鹏飞乐爱莲琼娇华",
)

Key = tuple[str, str]  # issuer and id of a patient, either may be empty


class Named(Protocol):
    """Whatever tells attributes of a patient by their DICOM keywords: a header, or what another system said."""

    def text(self, keyword: str) -> str | None:
        """The value of an attribute; None where it is not known."""
        ...


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


def one_patient(a: Header, b: Header) -> bool:
    """Whether two (issuer, id) pairs are two writings of one patient: alike but for form or issuer, and the same person.

    Name and birth date must be there and agree, sex must not differ: without them nobody can tell two people apart.
    """
    name, sex, born = ((_value(a, attribute), _value(b, attribute)) for attribute in _DEMOGRAPHICS)
    same_name = any(_shared_writings(*name).values())
    return _plain_id(a) == _plain_id(b) and same_name and len({*sex} - {""}) < 2 and born[0] == born[1] != ""


def same_person(a: Named, b: Named) -> bool:
    """Whether two may be of one patient: nothing that both tell contradicts, ids apart that have other issuers."""
    ids, issuers = (_plain_id(a), _plain_id(b)), (_key(a)[0], _key(b)[0])
    if all(ids) and ids[0] != ids[1] and (issuers[0] == issuers[1] or not all(issuers)):
        return False
    name, sex, born = ((_value(a, attribute), _value(b, attribute)) for attribute in _DEMOGRAPHICS)
    return not names_contradict(*name) and not any(all(pair) and pair[0] != pair[1] for pair in (sex, born))


def name_letters(name: str) -> Mapping[str, frozenset[str]]:
    """The writings of a person name by script (`latin`, `han`, …): of each group its folded letters, in alphabetical order."""
    writings: dict[str, set[str]] = defaultdict(set)
    for group in name.split("="):
        parts = _AGE.sub("", group).split("^")
        words = unicodedata.normalize("NFC", " ".join(parts[:_NAME_PARTS])).casefold().translate(_TRADITIONAL)
        for umlauts in _UMLAUTS:
            folded = unicodedata.normalize("NFKD", words.translate(str.maketrans(umlauts)))
            letters = [c for c in folded if c.isalpha()]
            if letters:
                writings[_script(letters[0])].add("".join(sorted(letters)))
    return {script: frozenset(found) for script, found in writings.items()}


def names_contradict(a: str, b: str) -> bool:
    """Whether two person names share a script and no writing in any that they share; an empty name contradicts none."""
    shared = _shared_writings(a, b)
    return bool(shared) and not any(shared.values())


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
    groups, other_forms = _joined(patients(keys), [instance.header for instance in instances])
    for group in groups[1:]:
        odd = [instances[index] for index in group]
        yield _found("patients", len(groups), "patients", odd, {"instances": len(odd)})
    for attribute, indices in other_forms.items():
        odd = [instances[index] for index in indices]
        yield _found("contradictions", len(odd), "instances", odd, {"attribute": attribute})
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


def _joined(
    groups: Sequence[Sequence[int]], headers: Sequence[Header]
) -> tuple[list[list[int]], Mapping[str, Sequence[int]]]:
    """The groups, those joined that are one patient throughout; and whose images write his id or its issuer otherwise."""
    joined: list[tuple[int, list[int]]] = []  # an image with an id that stands for the patient, and all of his
    other_forms: dict[str, list[int]] = defaultdict(list)
    for group in groups:
        model = next(index for index in group if _key(headers[index])[1])
        found = next((home for home in joined if all(one_patient(headers[home[0]], headers[i]) for i in group)), None)
        if found is None:
            joined.append((model, list(group)))
            continue
        same_id = _key(headers[found[0]])[1] == _key(headers[model])[1]
        other_forms["IssuerOfPatientID" if same_id else "PatientID"] += group
        found[1].extend(group)
    return [group for _, group in joined], other_forms


def _script(letter: str) -> str:
    return "han" if unicodedata.name(letter, "").startswith("CJK") else unicodedata.name(letter, "?").split()[0].lower()


def _key(header: Named) -> Key:
    return ((header.text("IssuerOfPatientID") or "").upper(), (header.text("PatientID") or "").upper())


def _plain_id(header: Named) -> str:
    plain = re.sub(r"\s", "", _key(header)[1])
    return plain.lstrip("0") or plain


def _shared_writings(a: str, b: str) -> Mapping[str, frozenset[str]]:
    """For each script that two names share, the writings that they share."""
    one, other = name_letters(a), name_letters(b)
    return {script: one[script] & other[script] for script in one.keys() & other.keys()}


def _contradicting(instances: Sequence[Instance], attribute: str) -> list[Instance]:
    """The instances whose value differs from the usual one of the same patient; empty and unknown values say nothing."""
    differ: Callable[[str, str], bool] = names_contradict if attribute == "PatientName" else str.__ne__
    values = [_value(instance.header, attribute) for instance in instances]
    said = Counter(value for value in values if value)
    if len(said) < 2:
        return []
    usual = min(said, key=lambda value: (-said[value], value))
    odd = {value for value in said if differ(value, usual)}
    return [instance for instance, value in zip(instances, values, strict=True) if value in odd]


def _value(header: Named, attribute: str) -> str:
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
