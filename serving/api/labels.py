"""Labels over HTTP: what people answered since a day, de-identified, as one archive for whoever teaches the models."""

import shutil
import tempfile
import zipfile
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict
from starlette.background import BackgroundTask

from serving.api.callers import Caller, Service, of_role
from serving.api.paths import PREFIX
from serving.label_export import export
from serving.opened_service import OpenedService
from serving.service_policy import policy_at

router = APIRouter(prefix=PREFIX, tags=["labels"])


class ExportBody(BaseModel):
    """From which day on, in UTC."""

    model_config = ConfigDict(extra="forbid")

    since: date


@router.post("/labels/export", response_class=FileResponse, responses={200: {"content": {"application/zip": {}}}})
async def export_labels(
    request: Request, service: Service, caller: Annotated[Caller, Depends(of_role("engineer"))], body: ExportBody
) -> FileResponse:
    """Export labels.jsonl and its images as a zip, for `touchstone train data build`."""
    folder = Path(tempfile.mkdtemp(prefix="labels-", dir=service.config.state_folder))
    try:
        path = await to_thread.run_sync(
            _zipped, service, body.since, folder, caller.actor, limiter=request.app.state.decoding
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(path, media_type="application/zip", filename="labels.zip", background=gone)


def _zipped(service: OpenedService, since: date, folder: Path, actor: str) -> Path:
    out, path = folder / "labels", folder / "labels.zip"
    begin = datetime.combine(since, time(), UTC)
    policy = policy_at(service.config.policy)
    export(service.database, service.archive, service.secrets.key, policy, begin, out, actor)
    with zipfile.ZipFile(path, "w") as archive:  # images are as small as they get
        for file in sorted(out.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(out))
                file.unlink()
    return path
