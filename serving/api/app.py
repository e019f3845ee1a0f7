"""The web application: what browsers, hospitals and DICOMweb clients ask of the service. It loads neither torch nor ray."""

import logging
import time
from threading import Lock

from anyio import CapacityLimiter
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import select

from qc_models.errors import InputError, ServiceError
from serving.api import accounts, faults, labels, openid_sign_in, pool, reviews, sign_in, standing, studies
from serving.api.guard import Guard
from serving.api.looks import Looks
from serving.auth.rate_limits import Limiter
from serving.database.tables import Hospital
from serving.deliver import token_routes
from serving.opened_service import OpenedService
from serving.transfer import fhir_reports, qido, stow, wado
from serving.transfer.dicom_json import PREFIX
from serving.transfer.stow import Uploads

ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    openid_sign_in.router,
    accounts.router,
    token_routes.router,
    studies.router,
    reviews.router,
    pool.router,
    standing.router,
    faults.router,
    labels.router,
    stow.router,
    fhir_reports.router,
    qido.router,
    wado.router,
)
_STREAMED = (f"{PREFIX}/studies", fhir_reports.PATH)  # where bodies come that are larger than forms; routes bound them

READY_S = 2.0  # for which a check holds: anybody may ask, and as often as they like

health = APIRouter()


class Readiness:
    """Whether database and archive answered when they were last asked; by one request at a time, for which no other waits."""

    def __init__(self, service: OpenedService) -> None:
        self._service = service
        self._lock = Lock()
        self._checked_at = float("-inf")
        self._lack = "not asked yet; come again"

    def require(self) -> None:
        """Raises ServiceError where one does not answer."""
        if time.monotonic() - self._checked_at >= READY_S and self._lock.acquire(blocking=False):
            try:
                self._lack = self._lack_now()
                self._checked_at = time.monotonic()
            finally:
                self._lock.release()
        if self._lack:
            raise ServiceError(self._lack)

    def _lack_now(self) -> str:
        try:
            with self._service.database.reading() as session:
                session.execute(select(Hospital.id).limit(1)).all()
            with self._service.archive.stage():
                return ""
        except ServiceError as error:
            return str(error)


def create_app(service: OpenedService) -> FastAPI:
    """The application of one process, on what it opened."""
    for library in ("pynetdicom", "pydicom"):  # they quote what was sent
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    app = FastAPI(
        title="Touchstone 试金石",
        docs_url=None,  # its pages come from another host
        redoc_url=None,
        exception_handlers={
            ServiceError: _our_side,
            InputError: _their_side,
            RequestValidationError: _wrong_request,
        },
    )
    app.state.service = service
    app.state.limiter = Limiter(service.config.limits)
    app.state.provider = openid_sign_in.provider_of(service)
    app.state.looks = Looks(service.database)
    app.state.readiness = Readiness(service)
    app.state.uploads = Uploads()
    app.state.decoding = CapacityLimiter(wado.MOST_DECODING)
    secure = service.config.web.secure
    app.add_middleware(Guard, streams=lambda path: path.startswith(_STREAMED), secure=secure)
    for router in (health, *ROUTERS):
        app.include_router(router)
    return app


@health.get("/health")
async def is_alive() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "alive"}


@health.get("/ready")
def is_ready(request: Request) -> dict[str, str]:
    """Say that database and archive answer; 503 where one does not."""
    readiness: Readiness = request.app.state.readiness
    readiness.require()
    return {"status": "ready"}


async def _our_side(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "5"})


async def _their_side(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 422)


async def _wrong_request(_: Request, error: Exception) -> JSONResponse:
    """Which parts of a request are wrong, and how; not what stood there."""
    assert isinstance(error, RequestValidationError)
    wrong = [{"loc": one["loc"], "msg": one["msg"]} for one in error.errors()]
    return JSONResponse({"detail": wrong}, 400)
