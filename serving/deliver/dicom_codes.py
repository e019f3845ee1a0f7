"""The codes by which DICOM and FHIR say what we found: standard ones where there are any, else our own scheme 99QCGATE.

A metric takes the code of the longest entry of `FINDINGS` that it begins with; every finding has at least the code of its
dimension. Codes of DICOM PS3.16: CID 6044 (assessment), 6135 and 6315 (image and series findings), 6314 (study findings), 7011
(reasons of a rejection), 7036 (diagnostic quality); of SNOMED CT: Annex L (body parts).
"""

from typing import NamedTuple

OWN_SCHEME = "99QCGATE"


class Coded(NamedTuple):
    """A code as DICOM writes it: value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


def _dcm(value: str, meaning: str) -> Coded:
    return Coded(value, "DCM", meaning)


def own(value: str, meaning: str = "") -> Coded:
    """A code of our own scheme."""
    return Coded(value, OWN_SCHEME, (meaning or value)[:64])


ASSESSMENT = _dcm("111050", "Quality Assessment")
STANDARD = _dcm("111051", "Quality Control Standard")
OWN_STANDARD = _dcm("111240", "Institutionally defined quality control standard")
FINDING = _dcm("111052", "Quality Finding")
STUDY_QUALITY = _dcm("130549", "Imaging Study Quality")

VERDICTS = {  # CID 6044
    "pass": _dcm("111237", "Usable - Meets the quality control standard"),
    "review": _dcm("111236", "Usable - Does not meet the quality control standard"),
    "reject": _dcm("111235", "Unusable - Quality renders image unusable"),
}
QUALITIES = {  # CID 7036
    "pass": Coded("RID12", "RADLEX", "Diagnostic quality"),
    "review": Coded("RID13", "RADLEX", "Limited quality"),
    "reject": Coded("RID14", "RADLEX", "Non-diagnostic quality"),
}

QUALITY_ISSUE = _dcm("113010", "Quality Issue")  # CID 7010
TITLE_MODIFIER = _dcm("113011", "Document Title Modifier")

POSITIONING = _dcm("111209", "Positioning")
MOTION = _dcm("111210", "Motion blur")
UNDER_EXPOSED, OVER_EXPOSED = _dcm("111211", "Under exposed"), _dcm("111212", "Over exposed")
NO_IMAGE = _dcm("111213", "No image")
GRID, DETECTOR = _dcm("111208", "Grid artifact(s)"), _dcm("111214", "Detector artifact(s)")
OTHER_ARTIFACT = _dcm("111215", "Artifact(s) other than grid or detector artifact")
PROCESSING = _dcm("111219", "Inappropriate image processing")
OTHER_FAILURE, UNKNOWN_FAILURE = _dcm("111220", "Other failure"), _dcm("111221", "Unknown failure")
NOT_AS_ASKED, INCOMPLETE = _dcm("130573", "Study performed did not match request"), _dcm("130574", "Incomplete study")
COVERAGE = _dcm("130576", "Anatomy coverage incomplete")
FIELD_OF_VIEW, NOISE = _dcm("130577", "Poor FOV selection"), _dcm("130578", "Poor SNR")
NOT_ENHANCED = _dcm("130580", "Inadequate contrast enhancement")
PROTOCOL = _dcm("130570", "Protocol not followed")

FINDINGS = {
    "completeness": INCOMPLETE,
    "completeness.body_coordinate": COVERAGE,
    "completeness.scan_range": COVERAGE,
    "completeness.pixel_integrity": NO_IMAGE,
    "completeness.pixel_integrity.not_examined": UNKNOWN_FAILURE,
    "metadata": OTHER_FAILURE,
    "metadata.laterality": NOT_AS_ASKED,
    "metadata.request_match": NOT_AS_ASKED,
    "body_part": NOT_AS_ASKED,
    "body_part.content": NO_IMAGE,
    "body_part.orientation": POSITIONING,
    "body_part.rotation": POSITIONING,
    "body_part.view": POSITIONING,
    "artifacts": OTHER_ARTIFACT,
    "artifacts.bias_field": Coded("RID11408", "RADLEX", "Non-uniform signal intensity artifact"),
    "artifacts.clipping": PROCESSING,
    "artifacts.collimation": POSITIONING,
    "artifacts.dead_lines": DETECTOR,
    "artifacts.ghosting": Coded("RID11426", "RADLEX", "Ghost"),
    "artifacts.grid_lines": GRID,
    "artifacts.motion": MOTION,
    "artifacts.photon_starvation": Coded("RID11327", "RADLEX", "Beam-hardening artifact"),
    "artifacts.seen.dead_lines": DETECTOR,
    "artifacts.seen.focal_blur": MOTION,
    "artifacts.seen.grid_lines": GRID,
    "artifacts.seen.mr_motion": Coded("RID11423", "RADLEX", "Motion related artifact"),
    "artifacts.seen.over_exposure": OVER_EXPOSED,
    "artifacts.seen.under_exposure": UNDER_EXPOSED,
    "artifacts.seen.wrap": Coded("RID11395", "RADLEX", "Phase wraparound artifact"),
    "artifacts.truncation": FIELD_OF_VIEW,
    "artifacts.wrap": Coded("RID11395", "RADLEX", "Phase wraparound artifact"),
    "adequacy": PROTOCOL,
    "adequacy.centering": POSITIONING,
    "adequacy.enhancement": NOT_ENHANCED,
    "adequacy.mr_snr": NOISE,
    "adequacy.noise_hu": NOISE,
    "adequacy.xr_noise": NOISE,
    "adequacy.xr_sharpness": MOTION,
}
REJECTIONS = frozenset(  # CID 7011
    "111207 111208 111209 111210 111211 111212 111213 111214 111215 111216 111217 111218 111219 111220 111221 113026".split()
)

SITES = {
    region: Coded(value, "SCT", meaning)
    for region, value, meaning in (
        ("abdomen", "818981001", "Abdomen"),
        ("ankle", "70258002", "Ankle"),
        ("brain", "12738006", "Brain"),
        ("breast", "76752008", "Breast"),
        ("calcaneus", "80144004", "Calcaneus"),
        ("chest", "816094009", "Chest"),
        ("clavicle", "51299004", "Clavicle"),
        ("cspine", "122494005", "Cervical spine"),
        ("elbow", "16953009", "Elbow"),
        ("femur", "71341001", "Femur"),
        ("finger", "7569003", "Finger"),
        ("foot", "56459004", "Foot"),
        ("forearm", "14975008", "Forearm"),
        ("hand", "85562004", "Hand"),
        ("head", "69536005", "Head"),
        ("heart", "80891009", "Heart"),
        ("hip", "29836001", "Hip"),
        ("humerus", "40983000", "Upper arm"),
        ("knee", "72696002", "Knee"),
        ("lspine", "122496007", "Lumbar spine"),
        ("neck", "45048000", "Neck"),
        ("orbit", "363654007", "Orbit"),
        ("pelvis", "816092008", "Pelvis"),
        ("ribs", "113197003", "Rib"),
        ("sacrum", "54735007", "Sacrum"),
        ("shoulder", "16982005", "Shoulder"),
        ("sinus", "2095001", "Paranasal sinus"),
        ("skull", "89546000", "Skull"),
        ("thigh", "68367000", "Thigh"),
        ("tibia", "30021000", "Lower leg"),
        ("toe", "29707007", "Toe"),
        ("tspine", "122495006", "Thoracic spine"),
        ("wrist", "74670003", "Wrist"),
    )
}
SIDES = {
    "L": Coded("7771000", "SCT", "Left"),
    "R": Coded("24028007", "SCT", "Right"),
    "B": Coded("51440002", "SCT", "Bilateral"),
}

_UNITS = {"HU": "[hnsf'U]", "mm²": "mm2", "kV": "kV", "deg": "deg", "dB": "dB", "ratio": "1"}
_PLAIN_UNITS = frozenset(("1", "%", "mm", "mm2", "a", "d", "s", "mGy"))


def finding_code(metric: str) -> Coded:
    """What a metric's finding is, in the words of the standard."""
    parts = metric.split(".")
    for length in range(len(parts), 0, -1):
        if code := FINDINGS.get(".".join(parts[:length])):
            return code
    return UNKNOWN_FAILURE


def rejection_code(metric: str) -> Coded:
    """The same as a reason of a rejection, of which the standard knows fewer."""
    code = finding_code(metric)
    if code.value in REJECTIONS:
        return code
    return OTHER_ARTIFACT if metric.startswith("artifacts.") else OTHER_FAILURE


def unit_code(unit: str) -> Coded:
    """A unit of a measurement in UCUM; what is counted stands in braces."""
    unit = unit or "1"
    value = _UNITS.get(unit) or (unit if unit in _PLAIN_UNITS else "{" + unit.replace(" ", "_") + "}")
    meaning = {"1": "no units", "[hnsf'U]": "Hounsfield unit"}.get(value, unit)
    return Coded(value, "UCUM", meaning)
