"""Takes radiologists' reports by FHIR R4: one DiagnosticReport a request, from the information system of a hospital.

What goes wrong is told as an OperationOutcome. Nothing is read back: of a report only its form is kept.
"""

from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header

from qc_models.errors import ServiceError
from serving import radiology_reports
from serving.api.callers import Caller, Service, of_role
from serving.auth.roles import HOSPITAL, SENDER
from serving.database.tables import Hospital
from serving.fhir_report import UnfitReportError, read_report
from serving.opened_service import OpenedService
from serving.radiology_reports import Taken
from serving.transfer.stow import RETRY_AFTER_S, Uploads

PATH = "/fhir/DiagnosticReport"
LARGEST = 8 << 20  # bytes of a report with the documents that are attached to it
_FHIR_JSON = "application/fhir+json"
_TYPES = (b"application/fhir+json", b"application/json")
_CODES = {401: "login", 403: "forbidden", 408: "timeout", 413: "too-long", 415: "not-supported", 429: "throttled"}
_BUSINESS = {"required", "too-long"}  # issues of a resource that FHIR allows


class _FhirRoute(APIRoute):
    """A route whose refusals are OperationOutcomes, those of its dependencies too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with refusals turned into answers."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                code = _CODES.get(error.status_code, "processing")
                return _outcome(error.status_code, "error", code, str(error.detail), headers=error.headers)
            except ServiceError as error:
                return _outcome(503, "error", "transient", str(error), headers={"Retry-After": str(RETRY_AFTER_S)})

        return answer


router = APIRouter(route_class=_FhirRoute)


@router.post(PATH, status_code=201)
async def take_report(
    request: Request, service: Service, caller: Annotated[Caller, Depends(of_role(SENDER, HOSPITAL))]
) -> Response:
    """Take a DiagnosticReport (FHIR R4, JSON) about studies of the caller's hospital, which may still be on their way."""
    media_type, _ = parse_options_header(request.headers.get("content-type"))
    if media_type.lower() not in _TYPES:
        raise HTTPException(415, f"send {_FHIR_JSON}")
    if caller.hospital_id is None:
        raise HTTPException(403, "the key belongs to no hospital")
    uploads: Uploads = request.app.state.uploads
    with uploads.place(caller.actor):
        content = await _body(request)
        try:
            taken = await to_thread.run_sync(_taken, service, caller, content, limiter=uploads.threads)
        except UnfitReportError as error:
            status = 422 if error.code in _BUSINESS else 400
            return _outcome(status, "error", error.code, str(error), place=error.place)
    return _answer(request, service, taken)


async def _body(request: Request) -> bytes:
    """The body; 413 where it is too large."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > LARGEST:
            raise HTTPException(413, f"the report is larger than {LARGEST >> 20} MiB; leave out what is attached")
    return bytes(content)


def _taken(service: OpenedService, caller: Caller, content: bytes) -> Taken:
    assert caller.hospital_id is not None
    with service.database.reading() as session:
        issuer = session.get_one(Hospital, caller.hospital_id).issuer
    sent = read_report(content, issuer)
    settle = timedelta(seconds=service.config.closing.settle_s)
    return radiology_reports.take(service.database, caller.hospital_id, sent, caller.actor, settle)


def _answer(request: Request, service: OpenedService, taken: Taken) -> Response:
    said = {
        "new": "the report is kept",
        "changed": "the report is kept in the place of its older version",
        "same": "the report was kept before; nothing is changed",
        "taken back": "the report counts no more",
        "unknown": "the report was not known, and does not count",
    }[taken.what]
    waits = "" if taken.studies else "; it waits for its study"
    headers = {}
    if taken.number is not None:
        base = service.config.web.address.rstrip("/") or str(request.base_url).rstrip("/")
        headers["Location"] = f"{base}{PATH}/{taken.number}"
    code = 201 if taken.what == "new" else 200
    return _outcome(code, "information", "informational", said + waits * (taken.number is not None), headers=headers)


def _outcome(
    status: int, severity: str, code: str, text: str, *, place: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    issue: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": text}
    if place:
        issue["expression"] = [place]
    content = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JSONResponse(content, status, dict(headers or {}), media_type=_FHIR_JSON)
