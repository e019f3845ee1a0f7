"""Kernels of all vendors, and windows that series are saved for."""

from typing import Any

import pytest

from qc_models.roles.ct_kernel import kernel_kind
from tests.qc_models.roles.written_study import CT, facts_of, series, slices


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        # Siemens, old and new names
        *((name, "soft") for name in ("B10f", "B30f", "B31s", "B40s", "H30s", "Br40d\\3", "Br40f")),
        *((name, "soft") for name in ("I30f", "J30s", "Hr38h", "Qr36", "D30f")),
        *((name, "lung") for name in ("B50f", "I50f", "Bl57d", "Bl64")),
        *((name, "sharp") for name in ("B60f", "B70s", "B80f", "I70f", "Br59d\\3", "Br64f")),
        *((name, "bone") for name in ("H60s", "H70h", "Hr60f", "U90u")),
        # GE
        *((name, "soft") for name in ("SOFT", "STANDARD", "STD+", "STND")),
        *((name, "bone") for name in ("BONE", "BONEPLUS", "EDGE", "HD BONE")),
        ("LUNG", "lung"),
        ("DETAIL", "sharp"),
        ("HD DETAIL", "sharp"),
        # Philips
        *((name, "soft") for name in ("A", "B", "C", "YA", "YB", "UA", "UB", "UC")),
        ("L", "lung"),
        ("YC", "sharp"),
        ("D", "sharp"),
        *((name, "bone") for name in ("E", "YD", "YE")),
        # Canon
        *((name, "soft") for name in ("FC01", "FC08", "FC13", "FC18", "FC21", "FC26", "FC64")),
        *((name, "bone") for name in ("FC30", "FC35", "FC81")),
        *((name, "lung") for name in ("FC50", "FC51", "FC52", "FC56", "FC86")),
        # others
        ("B_SOFT_B", "soft"),
        ("B_SHARP_C", "sharp"),
        ("H_BONE_A", "bone"),
        ("LUNG_B", "lung"),
        ("", "soft"),
    ],
)  # fmt: skip
def test_kernels(kernel: str, kind: str) -> None:
    assert kernel_kind(kernel) == kind


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"ConvolutionKernel": "B70f", "BodyPartExamined": "CHEST"}, {"bone", "lung"}),
        ({"ConvolutionKernel": "BONE", "BodyPartExamined": "CHEST"}, {"bone", "lung"}),
        ({"ConvolutionKernel": "B70f", "BodyPartExamined": "LSPINE"}, {"bone"}),
        ({"ConvolutionKernel": "LUNG", "BodyPartExamined": "CHEST"}, {"lung"}),
        ({"ConvolutionKernel": "B30f", "WindowCenter": -600, "WindowWidth": 1500}, {"lung"}),
        ({"ConvolutionKernel": "B30f", "WindowCenter": 400, "WindowWidth": 2000}, {"bone"}),
        ({"ConvolutionKernel": "B30f", "WindowCenter": [40, -600], "WindowWidth": [300, 1500]}, set()),
        ({"ConvolutionKernel": "FC30", "BodyPartExamined": "LSPINE"}, {"bone"}),
        ({}, set()),
    ],
)
def test_components_of_kernel_and_first_window(keywords: dict[str, Any], expected: set[str]) -> None:
    (facts,) = facts_of(series(1, slices(5), **CT, **keywords))
    assert {"bone", "lung"} & set(facts.components) == expected
