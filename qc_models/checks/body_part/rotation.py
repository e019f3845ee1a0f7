"""A radiograph stands turned by a quarter or by half, or its greys are inverted.

Direction: higher is worse; probabilities 0 to 1 of the model xr_anatomy. `turned`: that the picture stands turned by 90, 180 or 270
degrees, by `degrees` clockwise most probably. `inverted`: that bones are dark when it is shown as its header says
(PhotometricInterpretation, PS3.3 C.7.6.3.1.2).
"""

from collections.abc import Iterator

from qc_models.evidence import Evidence
from qc_models.findings import Measurement, Quantity
from qc_models.roles.seen import DIGITS, mean, place_of, said

QUANTITIES = {
    "turned": Quantity(
        "1",
        "the image stands turned by {degrees}° (probability {value:.2f})",
        "图像旋转了 {degrees}°（概率 {value:.2f}）",
        "turn the image upright and send it again",
        "请将图像转正后重新上传",
    ),
    "inverted": Quantity(
        "1",
        "the greys of the image are inverted: bones are dark (probability {value:.2f})",
        "图像灰阶反转，骨骼显示为黑色（概率 {value:.2f}）",
        "correct PhotometricInterpretation, or send the image with bones bright",
        "请更正 PhotometricInterpretation，或以骨骼为白的灰阶重新上传",
    ),
}


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Both of each radiograph that a model looked at."""
    for facts, predictions in evidence.seen_stacks():
        place = place_of(predictions, facts)
        turned = {turn: mean(values) for turn, values in said(predictions, "rotation").items() if turn != "0"}
        if turned:
            degrees = max(turned, key=lambda turn: (turned[turn], turn))
            yield Measurement(
                "body_part.rotation.turned", round(sum(turned.values()), DIGITS), "1", place, {"degrees": degrees}
            )
        inverted = said(predictions, "polarity").get("inverted")
        if inverted is not None:
            yield Measurement("body_part.rotation.inverted", mean(inverted), "1", place)
