"""Compressed pictures without the comments and notes that encoders, or people, wrote into them.

Of JPEG and JPEG-LS (ITU-T T.81, T.87) and JPEG 2000 (T.800) the segments before the first picture data are walked; comments and
application data go, but for the marks by which a decoder tells colours. Nothing that a picture is decoded from changes.
"""

from collections.abc import Iterator

_JPEG_START, _JPEG_DATA, _JPEG_COMMENT, _JPEG_END = 0xFFD8, 0xFFDA, 0xFFFE, 0xFFD9
_APPLICATION = range(0xFFE0, 0xFFF0)
_OF_COLOUR = frozenset((0xFFE0, 0xFFEE))  # JFIF and Adobe
_LONGEST_OF_COLOUR = 18  # bytes of either without a thumbnail or a note
_J2K_START, _J2K_TILE, _J2K_COMMENT = 0xFF4F, 0xFF90, 0xFF64


def silent(stream: bytes) -> bytes:
    """A compressed picture without comments; ValueError where it is none that can be walked."""
    start = int.from_bytes(stream[:2], "big")
    if start == _JPEG_START:
        said = {_JPEG_COMMENT, *_APPLICATION}
        end = _JPEG_DATA
    elif start == _J2K_START:
        said, end = {_J2K_COMMENT}, _J2K_TILE
    else:
        raise ValueError("neither JPEG nor JPEG 2000")
    kept = [stream[:2]]
    for marker, begin, after in _segments(stream):
        if marker == end:
            kept.append(stream[begin:])
            break
        colour = marker in _OF_COLOUR and after - begin <= _LONGEST_OF_COLOUR
        if marker not in said or colour:
            kept.append(stream[begin:after])
    return b"".join(kept)


def _segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of each segment behind the start; ValueError where they end before the picture's data."""
    at = 2
    while at + 4 <= len(stream):
        if stream[at] == 0xFF and stream[at + 1] == 0xFF:  # fill before a marker
            at += 1
            continue
        marker = int.from_bytes(stream[at : at + 2], "big")
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if marker < 0xFF01 or marker == _JPEG_END or length < 2 or at + 2 + length > len(stream):
            break
        yield marker, at, at + 2 + length
        at += 2 + length
    raise ValueError("the picture's data is not reached")
