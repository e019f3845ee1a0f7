"""How a refusal is told in each protocol: a DICOM status, which is also the failure reason of STOW-RS, and a code of HTTP."""

from collections.abc import Iterable

from serving.intake import Kind

PROCESSING_FAILURE = 0x0110  # our mistake
# PS3.4 table B.2-1: A7xx out of resources, A9xx not what was announced, Cxxx cannot understand
STATUSES: dict[Kind, int] = {
    "busy": 0xA700,
    "disk_full": 0xA701,
    "archive_away": 0xA702,
    "database_away": 0xA703,
    "too_large": 0xA704,
    "mismatch": 0xA900,
    "not_dicom": 0xC000,
    "corrupt": 0xC001,
    "missing_uid": 0xC002,
    "forbidden": 0x0124,
}
# in the order in which they are told where a request was refused for several reasons: first what sending again helps
HTTP_CODES: dict[Kind, int] = {
    "database_away": 503,
    "archive_away": 503,
    "busy": 503,
    "disk_full": 507,
    "forbidden": 403,
    "too_large": 413,
    "mismatch": 409,
    "not_dicom": 400,
    "corrupt": 400,
    "missing_uid": 400,
}


def http_code(kinds: Iterable[Kind]) -> int:
    """The code of a request of which nothing was taken, for these reasons."""
    return HTTP_CODES[min(kinds, key=list(HTTP_CODES).index)]
