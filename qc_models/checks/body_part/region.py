"""The body part that the pixels show, against the one that headers and texts name; and pictures that are none of a body.

Direction: higher is worse; probabilities 0 to 1 of the models xr_anatomy and volume_anatomy. A stack shows a region as surely as
the quarter of its frames that show it best do on average. `contradiction`: 1 - the surest of all regions that contain a declared
one, lie in it or adjoin it on the body map. `neighbour`: by how much what adjoins it is surer than what contains it or lies in it,
so that a part named for the one beside it is told. `out_of_scope`: the mean probability of the frames
shown that this is no picture that can be judged: bone densitometry, fluoroscopy, two views on one film, a phantom, noise.
"""

from collections.abc import Iterator

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.roles.seen import DIGITS, NEIGHBOUR, SHOWN, absence, mean, place_of, said, shown_regions, well_known

QUANTITIES = {
    "contradiction": Quantity(
        "1",
        "the images show {shown}, and nothing of {declared}, which their headers name (probability {value:.2f})",
        "图像显示 {shown}，未见头信息所注明的 {declared}（概率 {value:.2f}）",
        "correct the body part, or send the images of the right examination",
        "请更正检查部位，或上传正确检查的图像",
    ),
    "neighbour": Quantity(
        "1",
        "the images show {shown}, and not {declared}, which their headers name (probability {value:.2f})",
        "图像显示 {shown}，而头信息注明为 {declared}（概率 {value:.2f}）",
        "see whether the body part is named for the one beside it, and correct it",
        "请核对是否误注为相邻部位，并予更正",
    ),
    "out_of_scope": Quantity(
        "1",
        "this is no picture of a body that can be judged: a phantom, noise, or another kind of picture (probability {value:.2f})",
        "该图像不属于可评价的人体图像：模体、噪声或其他类型图像（概率 {value:.2f}）",
        "send the original images of the examination",
        "请上传该检查的原始图像",
    ),
}


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """All three of each stack that a model looked at; regions only where headers or texts name one that it knows."""
    for facts, predictions in evidence.seen_stacks():
        place = place_of(predictions, facts)
        outside = said(predictions, "scope").get("outside")
        if outside is not None:
            yield Measurement("body_part.region.out_of_scope", mean(outside), "1", place)
        yield from _against(shown_regions(predictions), well_known(predictions), facts.region.label, place)


def _against(
    regions: dict[str, float], known: frozenset[str], declared: tuple[str, ...], place: Location
) -> Iterator[Measurement]:
    order = sorted(regions, key=lambda region: (-regions[region], region))
    shown = [region for region in order if regions[region] > SHOWN]
    detail = {"shown": shown or ["–"], "declared": sorted(declared)}
    beyond, within = (absence(regions, known, declared, steps) for steps in (NEIGHBOUR, 0))
    if beyond is not None:
        yield Measurement("body_part.region.contradiction", beyond, "1", place, detail)
        if within is not None:
            yield Measurement("body_part.region.neighbour", round(within - beyond, DIGITS), "1", place, detail)
