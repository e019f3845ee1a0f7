"""Gives studies out by WADO-RS (PS3.18 section 10.4): whole objects as they came, headers as JSON, frames, and rendered pictures.

Nothing is re-encoded: who asks for a transfer syntax in which an object is not stored is told so, but for frames, which are
also given as plain values. What another hospital owns does not exist.
"""

import re
import secrets
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from qc_models.errors import InputError
from serving.api.callers import Caller, Looker, Service
from serving.api.looks import the_looks
from serving.archive import Archive
from serving.database.tables import InstanceRow, StudyRow
from serving.opened_service import OpenedService
from serving.transfer.dicom_json import PREFIX, Uid, acceptable
from serving.transfer.frame_bytes import (
    OCTETS,
    QUALITY,
    FrameBytes,
    decoded_frames,
    rendered,
    stored_frames,
    stored_media_type,
)
from serving.transfer.instance_json import instance_json

MOST_FRAMES = 10_000  # of one request
MOST_DECODING = 2  # threads of a process that decode at once: each may need much memory
_ANY_SYNTAX = ("", "*")
_PLAIN = ("", "1.2.840.10008.1.2.1")
_DICOM = "application/dicom"
_JSON = ("application/dicom+json", "application/json")
_PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG"}
_CHUNK = 1 << 18
_STUDY = "/studies/{study_uid}"
_SERIES = _STUDY + "/series/{series_uid}"
_INSTANCE = _SERIES + "/instances/{instance_uid}"

router = APIRouter(prefix=PREFIX)

_Read = Callable[[Path, Sequence[int]], Iterator[FrameBytes]]

Numbers = Annotated[str | None, Query(pattern=r"^[-0-9.,]{1,60}$")]


@router.get(_STUDY)
async def study(request: Request, service: Service, caller: Looker, study_uid: Uid) -> Response:
    """Retrieve every object of a study."""
    return await _objects(request, service, caller, study_uid)


@router.get(_SERIES)
async def series(request: Request, service: Service, caller: Looker, study_uid: Uid, series_uid: Uid) -> Response:
    """Retrieve every object of a series."""
    return await _objects(request, service, caller, study_uid, series_uid)


@router.get(_INSTANCE)
async def instance(
    request: Request, service: Service, caller: Looker, study_uid: Uid, series_uid: Uid, instance_uid: Uid
) -> Response:
    """Retrieve one object; as it is where `application/dicom` alone is accepted."""
    return await _objects(request, service, caller, study_uid, series_uid, instance_uid)


@router.get(_STUDY + "/metadata")
async def study_metadata(request: Request, service: Service, caller: Looker, study_uid: Uid) -> Response:
    """Retrieve the headers of a study."""
    return await _metadata(request, service, caller, study_uid)


@router.get(_SERIES + "/metadata")
async def series_metadata(
    request: Request, service: Service, caller: Looker, study_uid: Uid, series_uid: Uid
) -> Response:
    """Retrieve the headers of a series."""
    return await _metadata(request, service, caller, study_uid, series_uid)


@router.get(_INSTANCE + "/metadata")
async def instance_metadata(
    request: Request, service: Service, caller: Looker, study_uid: Uid, series_uid: Uid, instance_uid: Uid
) -> Response:
    """Retrieve the header of one object."""
    return await _metadata(request, service, caller, study_uid, series_uid, instance_uid)


@router.get(_INSTANCE + "/frames/{numbers}")
async def frames(
    request: Request,
    service: Service,
    caller: Looker,
    study_uid: Uid,
    series_uid: Uid,
    instance_uid: Uid,
    numbers: str,
) -> Response:
    """Retrieve frames, counted from 1: as they are stored, or as plain values where these alone are accepted."""
    (row,) = await to_thread.run_sync(_rows, request, service, caller, study_uid, series_uid, instance_uid)
    indices = _indices(numbers, row)
    as_stored = stored_media_type(row.transfer_syntax_uid)
    for one in acceptable(request):
        if one.covers(as_stored) and one.transfer_syntax in (*_ANY_SYNTAX, row.transfer_syntax_uid):
            read = stored_frames
            break
        if one.covers(OCTETS) and one.transfer_syntax in ("*", *_PLAIN):
            read = stored_frames if one.transfer_syntax == "*" else decoded_frames
            break
    else:
        raise HTTPException(406, f"the frames are {as_stored} in {row.transfer_syntax_uid}, or {OCTETS}; accept either")
    boundary = secrets.token_hex(16)
    pieces = _frame_pieces(service.archive, row, read, indices, boundary)
    media_type = as_stored if read is stored_frames else OCTETS
    decoding: CapacityLimiter = request.app.state.decoding
    return await _multipart(pieces, media_type, boundary, decoding)


@router.get(_INSTANCE + "/rendered")
async def rendered_instance(
    request: Request,
    service: Service,
    caller: Looker,
    study_uid: Uid,
    series_uid: Uid,
    instance_uid: Uid,
    window: Numbers = None,
    viewport: Numbers = None,
    quality: Annotated[int, Query(ge=1, le=100)] = QUALITY,
) -> Response:
    """Retrieve the first frame as a picture: `window` is centre,width, `viewport` the largest width,height."""
    (row,) = await to_thread.run_sync(_rows, request, service, caller, study_uid, series_uid, instance_uid)
    return await _picture(request, service, row, 0, window, viewport, quality)


@router.get(_INSTANCE + "/frames/{number}/rendered")
async def rendered_frame(
    request: Request,
    service: Service,
    caller: Looker,
    study_uid: Uid,
    series_uid: Uid,
    instance_uid: Uid,
    number: str,
    window: Numbers = None,
    viewport: Numbers = None,
    quality: Annotated[int, Query(ge=1, le=100)] = QUALITY,
) -> Response:
    """Retrieve one frame, counted from 1, as a picture."""
    (row,) = await to_thread.run_sync(_rows, request, service, caller, study_uid, series_uid, instance_uid)
    index, *others = _indices(number, row)
    if others:
        raise HTTPException(400, "one frame is rendered at a time")
    return await _picture(request, service, row, index, window, viewport, quality)


def _rows(request: Request, service: OpenedService, caller: Caller, *uids: str) -> list[InstanceRow]:
    """The objects of a study, a series, or one of them, at which the caller looks; 404 where there is none that they may see."""
    columns = (StudyRow.uid, InstanceRow.series_instance_uid, InstanceRow.sop_instance_uid)
    query = (
        select(InstanceRow)
        .join(StudyRow)
        .where(caller.own_studies, InstanceRow.conflicting.is_(False))
        .where(*(column == uid for column, uid in zip(columns, uids, strict=False)))
        .order_by(InstanceRow.series_instance_uid, InstanceRow.instance_number, InstanceRow.id)
    )
    with service.database.reading() as session:
        rows = list(session.scalars(query))
    if not rows:
        raise HTTPException(404, "there is no such study, series or instance")
    the_looks(request).note(caller, "images", *(f"study:{row.study_id}" for row in rows))
    return rows if len(uids) < len(columns) else rows[:1]


def _indices(numbers: str, row: InstanceRow) -> list[int]:
    """Frames from zero; 400 for what is no list of numbers, 404 for frames that there are not."""
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", numbers) or numbers.count(",") >= MOST_FRAMES:
        raise HTTPException(400, "write the numbers of frames as 1,2,3")
    indices = [int(number) - 1 for number in numbers.split(",")]
    if min(indices) < 0 or max(indices) >= row.num_frames:
        raise HTTPException(404, f"the instance has {row.num_frames} frames")
    return indices


async def _objects(request: Request, service: OpenedService, caller: Caller, *uids: str) -> Response:
    rows = await to_thread.run_sync(_rows, request, service, caller, *uids)
    syntaxes = {row.transfer_syntax_uid for row in rows}
    for one in acceptable(request):
        if one.covers(_DICOM) and (one.transfer_syntax in _ANY_SYNTAX or {one.transfer_syntax} == syntaxes):
            break
    else:
        raise HTTPException(406, f"objects are sent as they are stored, here in {', '.join(sorted(syntaxes))}")
    if len(rows) == 1 and not one.multipart:
        return await _streamed(_content(service.archive, rows[0]), _DICOM)
    boundary = secrets.token_hex(16)
    return await _multipart(_object_pieces(service.archive, rows, boundary), _DICOM, boundary)


async def _metadata(request: Request, service: OpenedService, caller: Caller, *uids: str) -> Response:
    if not any(one.covers(media_type) for one in acceptable(request) for media_type in _JSON):
        raise HTTPException(406, f"headers are sent as {_JSON[0]}; accept it")
    rows = await to_thread.run_sync(_rows, request, service, caller, *uids)
    return await _streamed(_headers(service.archive, rows, uids[0]), _JSON[0])


async def _picture(
    request: Request,
    service: OpenedService,
    row: InstanceRow,
    index: int,
    window: str | None,
    viewport: str | None,
    quality: int,
) -> Response:
    accepted = acceptable(request)
    media_type = next((kind for one in accepted for kind in _PICTURES if one.covers(kind)), None)
    if media_type is None:
        raise HTTPException(406, f"pictures are {' or '.join(_PICTURES)}; accept either")
    width_and_height = _pair("viewport", viewport)
    size = (int(width_and_height[0]), int(width_and_height[1])) if width_and_height else None
    if size is not None and min(size) < 1:
        raise HTTPException(400, "viewport: write width,height in pixels")
    limits = _pair("window", window)

    def draw() -> bytes:
        with service.archive.local(row.archive_key) as path:
            return rendered(path, index, _PICTURES[media_type], window=limits, size=size, quality=quality)

    try:
        content = await to_thread.run_sync(draw, limiter=request.app.state.decoding)
    except InputError as error:
        raise HTTPException(422, str(error)) from error
    return Response(content, media_type=media_type)


def _pair(name: str, text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        first, second = text.split(",")[:2]
        return float(first), float(second)
    except ValueError as error:
        raise HTTPException(400, f"{name}: write two numbers parted by a comma") from error


def _content(archive: Archive, row: InstanceRow) -> Generator[bytes]:
    with archive.open(row.archive_key) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _object_pieces(archive: Archive, rows: Sequence[InstanceRow], boundary: str) -> Generator[bytes]:
    for row in rows:
        head = _head(boundary, _DICOM, row.transfer_syntax_uid)
        for chunk in _content(archive, row):
            yield head + chunk  # with the first chunk, so that an object that is away is told before anything was sent
            head = b""
        yield b"\r\n"
    yield f"--{boundary}--".encode()


def _headers(archive: Archive, rows: Sequence[InstanceRow], study_uid: str) -> Generator[bytes]:
    opening = b"["
    for row in rows:
        with archive.local(row.archive_key) as path:
            yield opening + instance_json(path, row, study_uid)
        opening = b","
    yield b"]"


def _frame_pieces(
    archive: Archive, row: InstanceRow, read: _Read, indices: Sequence[int], boundary: str
) -> Generator[bytes]:
    with archive.local(row.archive_key) as path:
        for frame in read(path, indices):
            yield _head(boundary, frame.media_type, frame.transfer_syntax_uid) + frame.content
            yield b"\r\n"
    yield f"--{boundary}--".encode()


def _head(boundary: str, media_type: str, transfer_syntax_uid: str) -> bytes:
    return f"--{boundary}\r\nContent-Type: {media_type}; transfer-syntax={transfer_syntax_uid}\r\n\r\n".encode()


async def _multipart(
    pieces: Generator[bytes], media_type: str, boundary: str, limiter: CapacityLimiter | None = None
) -> Response:
    return await _streamed(pieces, f'multipart/related; type="{media_type}"; boundary={boundary}', limiter)


async def _streamed(pieces: Generator[bytes], media_type: str, limiter: CapacityLimiter | None = None) -> Response:
    """Sends pieces as they are made, in threads; what goes wrong with the first one is told by a code."""
    try:
        first = await to_thread.run_sync(next, pieces, None, limiter=limiter)
    except InputError as error:
        raise HTTPException(422, str(error)) from error

    async def content() -> AsyncIterator[bytes]:
        piece = first
        try:
            while piece is not None:
                yield piece
                piece = await to_thread.run_sync(next, pieces, None, limiter=limiter)
        finally:
            pieces.close()

    return StreamingResponse(content(), media_type=media_type)
