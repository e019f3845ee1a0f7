"""A picture shows the frame in its window and true proportions, with the finding outlined, or does not come at all."""

import base64
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from qc_models.study import Study
from serving.report_pictures import OUTLINE, drawn, is_withheld, picture

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
SQUARE = {"Rows": 60, "Columns": 60, "RescaleIntercept": 0, "RescaleSlope": 1}
RAMP = np.tile(np.arange(60) * 10, (60, 1))


def image_of(study: Study, **options: Any) -> NDArray[np.uint8]:
    (instance,) = study.instances
    url = picture(instance, instance.frames[0], pixels=300, **options)
    assert url is not None
    kind, _, content = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_the_window_of_the_header_maps_to_black_and_white(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"pixels": RAMP, "WindowCenter": 300, "WindowWidth": 200}]))
    assert shown.ndim == 2
    assert shown[150, 80] < 8  # 160, below 200
    assert shown[150, 220] > 247  # 440, above 400
    assert shown[150, 150] == pytest.approx(128, abs=8)  # 300, the centre


def test_a_window_that_shows_nothing_gives_way_to_the_range_of_values(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"pixels": RAMP, "WindowCenter": -9000, "WindowWidth": 10}]))
    assert shown.min() < 10
    assert shown.max() > 245


def test_monochrome1_is_inverted(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"pixels": RAMP, "PhotometricInterpretation": "MONOCHROME1"}]))
    assert shown[150, 5] > 240
    assert shown[150, 295] < 15


def test_a_box_is_outlined_where_it_lies(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"pixels": np.zeros((60, 60))}]), box=(10, 20, 30, 15))
    marked = np.abs(shown.astype(int) - OUTLINE).sum(axis=2) < 90
    rows, columns = np.nonzero(marked)
    assert (rows.min(), rows.max()) == (pytest.approx(50, abs=2), pytest.approx(199, abs=2))
    assert (columns.min(), columns.max()) == (pytest.approx(100, abs=2), pytest.approx(174, abs=2))
    assert not marked[60:190, 110:165].any()


def test_an_outline_does_not_cover_a_single_line(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"pixels": np.zeros((60, 60))}]), box=(0, 30, 60, 1))
    marked = np.abs(shown[150].astype(int) - OUTLINE).sum(axis=1) < 90
    assert not marked[150:155].any()  # five pixels of the picture are one of the image
    assert marked[135:150].any()
    assert marked[155:170].any()


def test_an_outline_at_the_edge_stays_inside(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"pixels": np.zeros((60, 60))}]), box=(59, 0, 1, 60))
    assert (np.abs(shown[285:].astype(int) - OUTLINE).sum(axis=2) < 90).any()


def test_points_are_ringed() -> None:
    url = drawn(np.zeros((100, 100), dtype=np.uint8), marks=[(20, 70)], pixels=300)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
    rows, columns = np.nonzero(np.abs(shown.astype(int) - OUTLINE).sum(axis=2) < 150)
    assert (rows.mean(), columns.mean()) == (pytest.approx(61, abs=2), pytest.approx(211, abs=2))


def test_a_whole_frame_may_be_outlined(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"pixels": np.zeros((60, 60))}]), outlined=True)
    for edge in (shown[1, 150], shown[-2, 150], shown[150, 1], shown[150, -2]):
        assert np.abs(edge.astype(int) - OUTLINE).sum() < 90


def test_pixels_that_are_no_squares_keep_their_proportions(study_of: Build) -> None:
    shown = image_of(study_of([SQUARE | {"PixelSpacing": [2.0, 1.0]}]))  # twice as high as wide
    assert shown.shape[0] == pytest.approx(2 * shown.shape[1], abs=1)


def test_what_does_not_decode_has_no_picture(study_of: Build) -> None:
    (instance,) = study_of([SQUARE]).instances
    path = instance.source.path
    path.write_bytes(path.read_bytes()[:-1000])
    assert picture(instance, instance.frames[0]) is None
    path.unlink()
    assert picture(instance, instance.frames[0]) is None


@pytest.mark.parametrize(
    ("keywords", "withheld"),
    [
        ({}, False),
        ({"BurnedInAnnotation": "YES"}, True),
        ({"BurnedInAnnotation": "NO"}, False),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "BurnedInAnnotation": "NO"}, False),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, True),
    ],
)
def test_what_may_show_a_name_is_withheld(study_of: Build, keywords: dict[str, Any], withheld: bool) -> None:
    (instance,) = study_of([keywords]).instances
    assert is_withheld(instance.header) is withheld
