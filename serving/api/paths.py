"""What the paths of the API are made of: where they begin, and the numbers of rows that they name."""

from typing import Annotated

from fastapi import Path

PREFIX = "/api"
BIGGEST = (1 << 62) - 1  # number of a row that any database is asked for

RowId = Annotated[int, Path(ge=1, le=BIGGEST)]
