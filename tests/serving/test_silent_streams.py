"""Comments leave compressed pictures, and the pictures stay the same to the last byte that is decoded."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serving.silent_streams import silent

SECRET = b"ZQXJ"
PICTURE = np.random.default_rng(1).integers(0, 255, (32, 32), dtype=np.uint8)


def encoded(kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    Image.fromarray(PICTURE).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_a_comment_goes_and_the_picture_stays(kind: str) -> None:
    options = {"no_jp2": True} if kind == "JPEG2000" else {}
    said = encoded(kind, comment=SECRET, **options)
    assert SECRET in said
    left = silent(said)
    assert SECRET not in left
    with Image.open(BytesIO(left)) as one, Image.open(BytesIO(said)) as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
    assert silent(left) == left


def test_notes_of_applications_go_and_the_mark_of_colours_stays() -> None:
    said = encoded("JPEG")
    assert said[2:4] == b"\xff\xe0"  # JFIF
    note = b"\xff\xe1" + (2 + len(SECRET)).to_bytes(2, "big") + SECRET
    thumbnail = b"\xff\xe0" + (2 + 40).to_bytes(2, "big") + b"JFXX\0" + SECRET.ljust(35)
    left = silent(said[:2] + b"\xff" + note + thumbnail + said[2:])
    assert SECRET not in left
    assert left[2:] == said[2:]


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xfe\xff\xff",
        b"\xff\xd8\xff\xd9",
        b"\xff\x4f\x00\x00\x00\x02",
        SECRET,
        b"\0\0\0\x0cjP  ",
    ],
)
def test_what_cannot_be_walked_is_refused(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r"neither|not reached"):
        silent(stream)
