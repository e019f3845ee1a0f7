"""Where what a series is called contradicts what was played out."""

from qc_models.facts import StackFacts
from qc_models.roles.text_roles import role_in_text

# Roles that may bear one another's names; whatever shares no line contradicts.
_COMPATIBLE = tuple(
    frozenset(line.split())
    for line in (
        "T1 DYNAMIC IN_OUT_PHASE GRE",
        "T1C DYNAMIC IN_OUT_PHASE",
        "T2 T2FS MRCP GRE",
        "T2 T2FS PD PDFS",
        "STIR T2FS PDFS T2",
        "FLAIR T2 T2FS",
        "T2STAR SWI GRE EPI T2",
        "DWI ADC EPI",
        "EPI ASL FIELDMAP",
        "CINE GRE T2",
        "PHASE SWI FIELDMAP CINE TOF",
        "TOF MIP T1",
        "enhanced arterial",
        "enhanced portal",
        "enhanced delayed",
        "plain calcium_score",
    )
)
_ASIDE = frozenset({"LOC", "MIP", "SUB"})  # said of the plan or the processing, not of what was played out


def conflicts(read: str | None, said: str | None) -> bool:
    """Whether two roles, one read from parameters and one said in words, exclude each other."""
    if read is None or said is None or read == said or _ASIDE & {read, said}:
        return False
    return not any({read, said} <= line for line in _COMPATIBLE)


def role_conflict(facts: StackFacts, text: str) -> str | None:
    """The role that a text claims for a stack where its header's parameters exclude it; None where they agree or one is silent."""
    if facts.role_source != "header":
        return None
    said = role_in_text(text, facts.modality)
    return (
        said
        if facts.roles and all(conflicts(role, said) for role in facts.roles if role not in ("bone", "lung"))
        else None
    )
