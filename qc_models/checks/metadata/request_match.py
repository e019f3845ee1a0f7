"""The images are not what the request asked for: another region, modality, procedure, or with contrast where none was asked for.

Higher is worse. `region_mismatch`: body parts that lie between the requested region and the nearest one shown (1 for neighbours);
`modality_mismatch`: modalities that the request names, none of which was used; `code_mismatch`: procedure codes of the request, of
which none is a code of the exam item; `contrast_mismatch`: stacks that are all plain where contrast was asked for, or all enhanced
where plain images were. Of several texts the first that speaks of a matter counts: they come from the most official down.
Source: DICOM PS3.3 C.7.2.1, 10.6 and C.4.11 (requested procedure); the map of body parts is that of `body_part.declared_region`.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from typing import TypeVar

from qc_models.body_map import parts_between
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Measurement, Quantity
from qc_models.item_matching import stacks_for
from qc_models.region_names import contrast_in, regions_in

_REMEDY_EN = "correct the request, or send the study that belongs to it"
_REMEDY_ZH = "请更正申请信息，或上传与申请对应的检查"

QUANTITIES = {
    "region_mismatch": Quantity(
        "body parts",
        "the request is about {requested}, and the images show {shown}",
        "申请部位为 {requested}，图像显示为 {shown}",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "modality_mismatch": Quantity(
        "modalities",
        "the request asks for {requested}, and the study holds {shown}",
        "申请的检查方式为 {requested}，上传的图像为 {shown}",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "code_mismatch": Quantity(
        "codes",
        "none of the {value:.0f} requested procedure codes is one of {item}",
        "申请中的 {value:.0f} 个项目编码均不属于 {item}",
        "map the local procedure code to the exam item, or correct the request",
        "请将本院项目编码与互认项目对应，或更正申请信息",
    ),
    "contrast_mismatch": Quantity(
        "stacks",
        "the request is for {requested} images, and all {value:.0f} stacks are {shown}",
        "申请为 {requested_zh}检查，而 {value:.0f} 组图像均为 {shown_zh}",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
}

_MODALITY_WORDS = {
    "CT": re.compile(r"(?<![A-Z])(?:CT|CTA|CTPA|CCTA|HRCT|LDCT|SCANNER|TDM)(?![A-Z])|CT平扫|断层扫描"),
    "MR": re.compile(r"(?<![A-Z])(?:MR|MRI|MRA|MRCP|IRM|MRT)(?![A-Z])|磁共振|核磁"),
    "XR": re.compile(
        r"(?<![A-Z])(?:XR|X-?RAYS?|RADIOGRAPHS?|DX|CR)(?![A-Z])|(?<![A-Z])DR(?=[^A-Z. ]|$)|X线|平片|摄片|钼靶"
    ),
}
_PLAIN = frozenset({"plain", "T1"})  # MR without contrast is told by its T1 alone
_ENHANCED = frozenset({"enhanced", "arterial", "portal", "delayed", "T1C", "DYNAMIC"})
_CONTRAST_WORDS = {True: ("enhanced", "增强"), False: ("plain", "平扫")}

Said = TypeVar("Said")


def first_said(texts: Iterable[str], read: Callable[[str], Said | None]) -> Said | None:
    """What the first text that speaks of a matter says."""
    return next((said for text in texts if (said := read(text))), None)


@lru_cache(maxsize=4096)
def modalities_in(text: str) -> frozenset[str]:
    """The modalities, CT, MR or XR, that a request names."""
    return frozenset(modality for modality, words in _MODALITY_WORDS.items() if words.search(text.upper()))


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterable[Measurement]:
    """The words and codes of the request against what the stacks show."""
    texts = facts.request.texts
    images = [stack for stack in facts.stacks if not stack.is_localizer]
    requested = first_said(texts, regions_in) or ()
    shown = sorted({region for stack in images for region in stack.region.label})
    if apart := parts_between(requested, shown):
        yield _found("region_mismatch", apart, requested=sorted(requested), shown=shown)
    named = first_said(texts, modalities_in) or frozenset()
    if named and images and named.isdisjoint(facts.modalities):
        yield _found("modality_mismatch", len(named), requested=sorted(named), shown=list(facts.modalities))
    codes = facts.request.codes
    if codes and item.match.procedure_codes and not set(codes).intersection(item.match.procedure_codes):
        yield _found("code_mismatch", len(codes), item=item.id)
    yield from _contrast(texts, stacks_for(item, facts))


def _contrast(texts: Iterable[str], stacks: Iterable[StackFacts]) -> Iterable[Measurement]:
    asked = next((said for text in texts if (said := contrast_in(text)) is not None), None)
    kinds = [role in _ENHANCED for stack in stacks if (role := _contrast_role(stack)) is not None]
    if asked is not None and kinds and all(kind is not asked for kind in kinds):
        requested, requested_zh = _CONTRAST_WORDS[asked]
        shown, shown_zh = _CONTRAST_WORDS[not asked]
        yield _found(
            "contrast_mismatch",
            len(kinds),
            requested=requested,
            requested_zh=requested_zh,
            shown=shown,
            shown_zh=shown_zh,
        )


def _contrast_role(stack: StackFacts) -> str | None:
    """Which of its roles tells whether contrast medium was given; None where none does."""
    return next((role for role in (stack.role, *stack.roles) if role in _ENHANCED or role in _PLAIN), None)


def _found(quantity: str, value: float, **detail: str | list[str]) -> Measurement:
    return Measurement(f"metadata.request_match.{quantity}", value, QUANTITIES[quantity].unit, detail=detail)
