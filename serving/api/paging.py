"""Pages of a list: a cursor is where the last row of a page stood, and nobody's business but ours."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import HTTPException, Query

LARGEST_PAGE = 200

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


def cursor_of(place: Sequence[Any]) -> str:
    """The cursor of a place: numbers, texts and times."""
    parts = [{"at": part.isoformat()} if isinstance(part, datetime) else part for part in place]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def place_of(cursor: str | None, *kinds: type) -> list[Any] | None:
    """The place of a cursor, whose parts are of these kinds; 400 where it is none of ours."""
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = [datetime.fromisoformat(part["at"]) if isinstance(part, dict) else part for part in parts]
        fits = [type(part) for part in place] == list(kinds)
        if not fits or any(isinstance(part, int) and abs(part) > 1 << 62 for part in place):
            raise ValueError("another list's")
        if any(isinstance(part, datetime) and part.tzinfo is None for part in place):
            raise ValueError("a time without zone")
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise HTTPException(400, "cursor: is none of this list; begin again without it") from error
    return place
