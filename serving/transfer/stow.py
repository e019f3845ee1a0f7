"""Takes studies by STOW-RS (PS3.18 section 10.5): several objects in one request, which streams through in bounded memory.

Each object is taken, or refused with a reason, for itself. The answer names all of them, as DICOM JSON.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from python_multipart.multipart import parse_options_header

from serving.api.callers import Caller, Service, of_role
from serving.auth.roles import HOSPITAL, SENDER
from serving.intake import Intake, Kind, Receipt, Refused
from serving.jobs import reason_of
from serving.opened_service import OpenedService
from serving.recording import Sender
from serving.transfer.dicom_json import PREFIX, DicomJsonResponse, Uid, acceptable, address, elements
from serving.transfer.multipart import BrokenBodyError, spooled_parts
from serving.transfer.refusals import PROCESSING_FAILURE, STATUSES, http_code
from serving.transfer.spool import Spool

MOST_REQUESTS = 16  # at once, of one process; the others are asked to come again
MOST_OF_CALLER = MOST_REQUESTS // 2  # so that nobody holds all of them
MOST_AT_ONCE = 4  # objects of one request that are being taken while the next one streams in
MOST_OBJECTS = 10_000  # of one request
RETRY_AFTER_S = 5
_DICOM = b"application/dicom"

log = structlog.get_logger(__name__)
router = APIRouter(prefix=PREFIX)


@dataclass(frozen=True, slots=True)
class _Failure:
    """An object that was not taken; `kind` is None where it is our mistake."""

    kind: Kind | None
    reason: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


_Result = Receipt | _Failure


class Uploads:
    """What the requests of one process share: their places, and the threads that take their objects."""

    def __init__(self) -> None:
        self.threads = CapacityLimiter(MOST_REQUESTS)
        self._in_work: Counter[str] = Counter()

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """A place for a request; 503 where there is none, or none for this caller."""
        if self._in_work.total() >= MOST_REQUESTS or self._in_work[caller] >= MOST_OF_CALLER:
            raise HTTPException(503, "too many requests at once; come again", {"Retry-After": str(RETRY_AFTER_S)})
        self._in_work[caller] += 1
        try:
            yield
        finally:
            self._in_work -= Counter((caller,))


_Sending = Annotated[Caller, Depends(of_role(SENDER, HOSPITAL))]


@router.post("/studies")
async def store(request: Request, service: Service, caller: _Sending) -> DicomJsonResponse:
    """Take the objects of a multipart/related body, of any studies."""
    return await _store(request, service, caller, None)


@router.post("/studies/{study_uid}")
async def store_in_study(request: Request, service: Service, caller: _Sending, study_uid: Uid) -> DicomJsonResponse:
    """Take the objects of a multipart/related body, all of one study; what belongs to another is refused."""
    return await _store(request, service, caller, study_uid)


async def _store(request: Request, service: OpenedService, caller: Caller, study_uid: str | None) -> DicomJsonResponse:
    boundary = _boundary(request)
    if not any(one.covers("application/dicom+json") or one.covers("application/json") for one in acceptable(request)):
        raise HTTPException(406, "the answer is application/dicom+json; accept it")
    if caller.hospital_id is None:
        raise HTTPException(403, "the key belongs to no hospital")
    uploads: Uploads = request.app.state.uploads
    sender = Sender(caller.hospital_id, "stow", caller.actor)
    with uploads.place(caller.actor):
        results = await _results(request, service, uploads.threads, boundary, sender, study_uid)
    return _answer(request, service, results)


def _boundary(request: Request) -> bytes:
    """The boundary of the parts; 415 where the body is another one."""
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type.lower() != b"multipart/related" or options.get(b"type", _DICOM).lower() != _DICOM:
        raise HTTPException(415, 'send multipart/related; type="application/dicom"')
    if not (boundary := options.get(b"boundary")):
        raise HTTPException(400, "the content type names no boundary")
    return boundary


async def _results(
    request: Request,
    service: OpenedService,
    threads: CapacityLimiter,
    boundary: bytes,
    sender: Sender,
    study_uid: str | None,
) -> list[_Result]:
    """What became of each object, in their order; who sends faster than objects are taken waits."""
    places = asyncio.Semaphore(MOST_AT_ONCE)
    largest = service.config.intake.largest_mib << 20

    async def begin() -> Spool:
        await places.acquire()
        return Spool(largest, service.config.state_folder)

    async def take(spool: Spool) -> _Result:
        try:
            return await to_thread.run_sync(_taken, service.intake, spool, sender, study_uid, limiter=threads)
        finally:
            spool.close()
            places.release()

    tasks: list[asyncio.Task[_Result]] = []
    broken: list[_Result] = []
    try:
        async with aclosing(spooled_parts(request.stream(), boundary, begin)) as spools:
            async for spool in spools:
                if len(tasks) == MOST_OBJECTS:
                    spool.close()
                    told = f"{MOST_OBJECTS} objects are as many as one request may hold; send others by themselves"
                    broken.append(_Failure("too_large", told))
                    break
                tasks.append(asyncio.create_task(take(spool)))
    except BrokenBodyError as error:
        broken.append(_Failure("corrupt", str(error)))
    finally:  # also where the sender went away: what came whole is kept
        results = await asyncio.gather(*tasks)
    return [*results, *broken]


def _taken(intake: Intake, spool: Spool, sender: Sender, study_uid: str | None) -> _Result:
    """Takes one object."""
    try:
        return intake.take(spool.pieces(), sender, study_uid=study_uid)
    except Refused as refused:
        log.info("object refused", came_by="stow", sender=sender.name, kind=refused.kind, reason=refused.reason)
        return _Failure(refused.kind, refused.reason, refused.sop_class_uid, refused.sop_instance_uid)
    except Exception as error:  # the others of the request are taken; the sender hears that we failed
        log.exception("object not taken", came_by="stow", sender=sender.name, reason=reason_of(error), exc_info=False)
        return _Failure(None, "our mistake; send it again later")


def _answer(request: Request, service: OpenedService, results: list[_Result]) -> DicomJsonResponse:
    """The Store Instances Response Module, and the code that goes with it."""
    taken = [result for result in results if isinstance(result, Receipt)]
    failed = [result for result in results if isinstance(result, _Failure)]
    content: dict[str, Any] = {}
    if len(studies := {receipt.study_uid for receipt in taken}) == 1:
        content["RetrieveURL"] = address(request, service.config, "studies", *studies)
    for keyword, items in (
        ("ReferencedSOPSequence", [_of_taken(request, service, receipt) for receipt in taken]),
        ("FailedSOPSequence", [_of_failed(failure) for failure in failed if failure.sop_instance_uid]),
        ("OtherFailuresSequence", [_of_failed(failure) for failure in failed if not failure.sop_instance_uid]),
    ):
        if items:
            content[keyword] = items
    code = _code(taken, failed)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if code == 503 else None
    return DicomJsonResponse(elements(content), code, headers)


def _code(taken: list[Receipt], failed: list[_Failure]) -> int:
    if taken:
        return 202 if failed else 200
    if any(failure.kind is None for failure in failed):
        return 500
    return http_code([failure.kind for failure in failed if failure.kind is not None] or ["not_dicom"])


def _of_taken(request: Request, service: OpenedService, receipt: Receipt) -> dict[str, Any]:
    uids = ("studies", receipt.study_uid, "series", receipt.series_uid, "instances", receipt.sop_instance_uid)
    return elements(
        {
            "ReferencedSOPClassUID": receipt.sop_class_uid,
            "ReferencedSOPInstanceUID": receipt.sop_instance_uid,
            "RetrieveURL": address(request, service.config, *uids),
        }
    )


def _of_failed(failure: _Failure) -> dict[str, Any]:
    named = {"ReferencedSOPClassUID": failure.sop_class_uid, "ReferencedSOPInstanceUID": failure.sop_instance_uid}
    reason = STATUSES[failure.kind] if failure.kind is not None else PROCESSING_FAILURE
    known = named if failure.sop_instance_uid else {}
    return elements(known | {"FailureReason": reason, "ErrorComment": failure.reason})
