"""Answers of DICOMweb: elements as DICOM JSON (PS3.18 annex F), what a client accepts, and addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import JSONResponse
from pydicom.datadict import dictionary_VR, tag_for_keyword
from python_multipart.multipart import parse_options_header

from serving.service_config import ServiceConfig

PREFIX = "/dicom-web"
Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


class DicomJsonResponse(JSONResponse):
    """A response of DICOM JSON."""

    media_type = "application/dicom+json"


def element(keyword: str, *values: Any) -> dict[str, dict[str, Any]]:
    """One element by its tag; values that are None or empty are none, a date and a person's name become what they are there."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    vr = dictionary_VR(tag)
    given = [_value(vr, value) for value in values if value not in (None, "")]
    return {f"{tag:08X}": {"vr": vr, "Value": given} if given else {"vr": vr}}


def elements(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Elements by their keywords; a list holds several values."""
    made: dict[str, dict[str, Any]] = {}
    for keyword, value in content.items():
        made |= element(keyword, *value) if isinstance(value, list) else element(keyword, value)
    return made


def _value(vr: str, value: Any) -> Any:
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    if vr == "PN":
        groups = zip(_NAME_GROUPS, str(value).split("="), strict=False)
        return {name: text for name, text in groups if text}
    return value


def address(request: Request, config: ServiceConfig, *parts: str) -> str:
    """Where something is retrieved: below what the service is called, else below how it was reached."""
    base = config.web.address.rstrip("/") or str(request.base_url).rstrip("/")
    return "/".join((base + PREFIX, *parts))


@dataclass(frozen=True, slots=True)
class Acceptable:
    """One media type that a client accepts, that of the parts where it is `multipart`; a transfer syntax, `*`, or none named."""

    media_type: str
    transfer_syntax: str = ""
    multipart: bool = True

    def covers(self, media_type: str) -> bool:
        """Whether an answer of a media type will do."""
        kind = media_type.partition("/")[0]
        return self.media_type in ("*/*", f"{kind}/*", media_type)


def acceptable(request: Request) -> list[Acceptable]:
    """What a client accepts, the best first, by `accept` of its query or by its header; everything where it says nothing."""
    header = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    found: list[tuple[float, Acceptable]] = []
    for item in _split(header):
        media_type, options = _parsed(item)
        multipart = media_type.startswith("multipart/")
        of_parts = options.get("type", "*/*").lower() if multipart else media_type
        one = Acceptable(of_parts, options.get("transfer-syntax", ""), multipart or of_parts == "*/*")
        found.append((_quality(options.get("q")), one))
    return [one for quality, one in sorted(found, key=lambda pair: -pair[0]) if quality > 0]


def _parsed(item: str) -> tuple[str, dict[str, str]]:
    media_type, options = parse_options_header(item)
    decoded = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in options.items()}
    return media_type.decode("latin-1").lower(), decoded


def _split(header: str) -> Sequence[str]:
    """The items of a header that commas part, but for commas within quotes."""
    items, quoted = [""], False
    for character in header:
        quoted ^= character == '"'
        if character == "," and not quoted:
            items.append("")
        else:
            items[-1] += character
    return [item.strip() for item in items if item.strip()]


def _quality(text: str | None) -> float:
    try:
        return float(text) if text is not None else 1.0
    except ValueError:
        return 1.0
