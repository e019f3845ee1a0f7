"""The role that a free text claims: descriptions and protocol names as vendors and departments write them."""

import re
from functools import lru_cache

from qc_models.region_names import contrast_in
from qc_models.roles.contrast import phase_after

Table = tuple[tuple[str, re.Pattern[str]], ...]


def _table(*rows: tuple[str, str]) -> Table:
    return tuple((role, re.compile(pattern, re.ASCII)) for role, pattern in rows)


# ASCII word edges stand between Latin and Chinese too; the first row that is found tells the role.
_MR = _table(
    ("LOC", r"\bLOC\b|\bLOCALI[SZ]|\bSCOUT|\bSURVEY|\bCALIBRATION|\bASSET CAL|\b\d ?PLANE LOC|定位"),
    ("LOC", r"\bCARE ?BOLUS|\bBOLUS ?TRA|\bSMART ?PREP|\bTEST ?BOLUS|\bREF(?:ERENCE)? SCAN|\bSCREEN ?SAVE"),
    ("ADC", r"\bD?ADC\b|APPARENT DIFF|表观"),
    ("SUB", r"\bSUB(?:TR\w*)?\b|减影"),
    ("MIP", r"\bM[IN]?IP\b|MAXIMUM INTENSITY|最大密度"),
    ("TOF", r"\bTOF|TIME OF FLIGHT"),
    ("MRCP", r"MRCP|CHOLANGIO|胰胆管"),
    ("SWI", r"\bE?SWI|\bE?SWAN|VEN ?BOLD|SUSCEPT|\bQSM|磁敏感"),
    ("ASL", r"\b[23]?D?[EP]?C?ASL\b|ARTERIAL SPIN|SPIN LABEL"),
    ("FIELDMAP", r"FIELD ?MAP|\bB0 ?MAP|\bFMAP"),
    ("DWI", r"\b[ER]?DWI|DIFFUSION|\bDIFF|\bDTI\b|\bDSI\b|\bDKI\b|\bIVIM|\bTRACEW?\b|弥散|扩散"),
    ("DYNAMIC", r"\bDYN|\bDCE|MULTI ?PHASE|动态|多期"),
    ("CINE", r"\bCINE|电影"),
    ("EPI", r"BOLD\b|\bFMRI|\bRS ?FMRI|\bEPI\b|\bEP[23]D|\bDSC\b|静息态"),
    ("IN_OUT_PHASE", r"(?:IN|OUT|OPP\w*)(?: OF)? ?PHASE|\bIN ?OPP|\bDUAL ?ECHO|DIXON|\bFLEX\b|同反相|[同反]相位"),
    ("T1", r"T1 ?\w{0,4} ?FLAIR"),
    ("STIR", r"STIR\b|短反转"),
    ("FLAIR", r"FLAIR|DARK ?FLUID|黑水|水抑制"),
    ("STIR", r"TIRM"),
    ("T2STAR", r"T2W?I? ?(?:\*|STAR|FFE|GRE|FL2D|ME2D)|\bMERGE|\bMEDIC|\bHEMO"),
    ("PD", r"\bPD(?!\w?R)|\bDP(?:W|FS)?\b|PROTON|质子"),
    ("T2", r"T2(?!\d)|\bHASTE|\bSS ?FSE|\bSSH|\bCISS|\bFRFSE"),
    ("T1", r"T1(?!\d)|MP2?RAGE|\bBRAVO|\bF?SPGR|\bVIBE|\bLAVA|THRIVE|\bQUICK ?3D"),
)
_CT = _table(
    ("LOC", r"\bSCOUT|\bTOPO(?:GRAM)?\b|\bSURVIEW|\bLOCALI[SZ]|\bSCANO(?:GRAM)?\b|定位"),
    ("LOC", r"\bDOSE (?:REPORT|INFO|PAGE|SUMMARY|RECORD)|PATIENT PROTOCOL|\bSCREEN ?SAVE|剂量(?:报告|信息|记录|页)"),
    ("LOC", r"SMART ?PREP|MONITOR|BOLUS|SURE ?START|\bTIMING|\bTRACKER"),
    ("MIP", r"\bMIP\b|MAXIMUM INTENSITY|最大密度"),
    ("calcium_score", r"CALCIUM|\bCA ?SC|\bCACS|\bSMART ?SCORE|积分"),
)
_PHASES = _table(
    ("arterial", r"\bART(?:ERI\w*)?\b|\bCORTICO|动脉期|皮质期|\bA期"),
    (
        "portal",
        r"PORTAL|\bPORTO|\bPORT\b|\bPVP?\b|\bVEN(?:OUS)?\b|\bVEINEUX|\bVP\b|\bNEPHRO|门脉|门静脉|静脉期|实质期|\b[VP]期",
    ),
    ("delayed", r"\bDELAY|\bDEL\b|\bEXCRET|\bUROGR|\bLATE\b|\bTARDI|\bEQUILIB|延迟|延时|排泄|平衡期|\bD期"),
)
_SECONDS = re.compile(r"(?<![\w.])(\d{2,3}) ?(?:S|SEC|秒)(?![A-Z0-9])", re.ASCII)  # 0.5s is a rotation, H31s a kernel
_FIRST_PASS_S = 15  # nothing has come round before
_ANGIOGRAPHY = re.compile(r"\bC?CTA\b|\bCTPA\b|ANGIO|\bCORONARY|动脉|冠脉", re.ASCII)
_FAT_SATURATED = re.compile(
    r"(?<!NO )(?<!NON )(?<!WITHOUT )(?:\b(?:T[12]\w*|PD\w*|DP)?F ?S(?:AT)?\b|FAT ?S[AU]\w+|\bSPAIR|\bA?SPIR\b|\bPASTA\b|\bW ?E\b"
    r"|WATER EXC|\bWATER\b(?! ?(?:SUP|SAT|PHANTOM))|\b(?:M?DIXON|IDEAL)\b.* W$|压脂|抑脂|脂肪抑制)",
    re.ASCII,
)
_BOTH = re.compile(
    r"\bW ?[/+&]? ?W ?/?O\b|\bW ?[/+&]? ?(?:AND|&)? ?WITHOUT|WITH ?(?:AND|OR|&|\+|/)? ?WITHOUT|WITHOUT ?(?:AND|&|\+|/)? ?WITH\b"
    r"|平扫.*增强|增强.*平扫"
)
_C_MINUS = re.compile(r"(?<![A-Z0-9])C ?-(?! ?[A-Z0-9])|(?<![A-Z0-9])C- (?!SP)")
_POST = re.compile(r"\bPOST\b(?! ?(?:OP|FOSSA|SURG|TRAUM|PROC|VOID))", re.ASCII)
_SEPARATORS = re.compile(r"(?:[_\-/\\()\[\]{}:;,=^|&，。、（）【】；：]|\.(?!\d)|(?<!\d)\.)+")


@lru_cache(maxsize=4096)
def role_in_text(text: str, modality: str) -> str | None:
    """The role that a text claims for a CT or MR series, or None; where it names several phases of contrast, `enhanced`."""
    words = _words(text)
    if modality == "MR":
        return _mr_role(words, series_contrast_in(text))
    return _ct_role(words, series_contrast_in(text)) if modality == "CT" else None


def series_contrast_in(text: str) -> bool | None:
    """Whether a text says that one series shows contrast agent; None where it says nothing, or both (W+WO) as of a study."""
    upper = text.upper()
    if _BOTH.search(upper):
        return None
    if _C_MINUS.search(upper):
        return False
    said = contrast_in(text)
    return True if said is None and _POST.search(_words(text)) else said


def fat_saturated_in(text: str) -> bool:
    """Whether a text speaks of fat saturation or water excitation."""
    return _FAT_SATURATED.search(_words(text)) is not None


def _words(text: str) -> str:
    return " ".join(_SEPARATORS.sub(" ", text.upper()).split())


def _first(words: str, table: Table) -> str | None:
    return next((role for role, pattern in table if pattern.search(words)), None)


def _mr_role(words: str, contrast: bool | None) -> str | None:
    role = _first(words, _MR)
    if role in ("T2", "PD") and _FAT_SATURATED.search(words):
        return role + "FS"
    return "T1C" if contrast and role in ("T1", None) else role


def _ct_role(words: str, contrast: bool | None) -> str | None:
    role = _first(words, _CT)
    if role is not None:
        return role
    phases = [name for name, pattern in _PHASES if pattern.search(words)]
    if contrast is False:
        return None if phases else "plain"
    if not phases and (found := _SECONDS.search(words)) and int(found[1]) >= _FIRST_PASS_S:
        return phase_after(int(found[1]))
    if len(phases) == 1:
        return phases[0]
    if not phases and _ANGIOGRAPHY.search(words):
        return "arterial"
    return "enhanced" if contrast or phases else None
