"""Roles in the words of vendors and departments."""

import pytest

from qc_models.roles.text_roles import fat_saturated_in, role_in_text, series_contrast_in

MR = {
    "T2 HASTE": "T2",
    "DP FS": "PDFS",
    "PD": "PD",
    "PDW_SPAIR": "PDFS",
    "FSE PD AXIAL OBL": "PD",
    "t2_tse_tra_fs": "T2FS",
    "T2 NO FS": "T2",
    "矢状位 T2WI 压脂": "T2FS",
    "t2_tirm_tra_dark-fluid": "FLAIR",
    "t2_tirm_cor": "STIR",
    "OAx T2 FLAIR": "FLAIR",
    "T2 FLAIR +C": "FLAIR",
    "Sag T1 FLAIR": "T1",
    "COR STIR": "STIR",
    "T1WI+C": "T1C",
    "T1WI增强": "T1C",
    "AX T1 POST GD": "T1C",
    "T1 SAG SANS INJ": "T1",
    "AX +C": "T1C",
    "t1_se_tra post": "T1C",
    "T1 SAG POST OP": "T1",
    "T1 SAG POSTOP": "T1",
    "AX POST FOSSA T1": "T1",
    "T2 FRFSE IDEAL WATER": "T2FS",
    "T2 WATER SAT": "T2",
    "t1_mprage_sag_p2": "T1",
    "Ax 3D BRAVO": "T1",
    "t2_fl2d_tra_hemo": "T2STAR",
    "Ax T2* GRE": "T2STAR",
    "ep2d_diff_b50_400_800_ADC": "ADC",
    "ep2d_diff_b50_400_800_TRACEW": "DWI",
    "弥散": "DWI",
    "SWI_Images": "SWI",
    "mIP_Images(SW)": "MIP",
    "TOF_3D_multi-slab": "TOF",
    "MRCP_3D_SPACE": "MRCP",
    "ep2d_bold_rest": "EPI",
    "gre_field_mapping": "FIELDMAP",
    "tra_pcasl": "ASL",
    "t1_vibe_dixon_tra_opp": "IN_OUT_PHASE",
    "同反相位": "IN_OUT_PHASE",
    "t1_vibe_dynamic": "DYNAMIC",
    "动态增强": "DYNAMIC",
    "localizer 3 PLANS": "LOC",
    "CARE Bolus": "LOC",
    "电影": "CINE",
    "Zugfahrt": None,
    "PROT VD FEVD JC2": None,
    "AX T12-L1": None,
}
CT = {
    "CT ABDOMEN PELVIS W CONT": "enhanced",
    "C+": "enhanced",
    "CT HEAD W/O CONTRAST": "plain",
    "NON-CON": "plain",
    "平扫": "plain",
    "Thorax nativ": "plain",
    "C- 5mm": "plain",
    "CT C-SPINE": None,
    "上腹部平扫+增强": None,
    "MRI ABD W+WO CONT": None,
    "CHEST WITHOUT AND WITH CONTRAST": None,
    "动脉期": "arterial",
    "ART 1.25": "arterial",
    "CTA HEAD": "arterial",
    "冠状动脉CTA": "arterial",
    "门脉期 1mm": "portal",
    "PV 5mm": "portal",
    "VEN 1.0 I40": "portal",
    "Delay 3min": "delayed",
    "延迟期": "delayed",
    "A期": "arterial",
    "腹部 V期": "portal",
    "D期 1mm": "delayed",
    "C+ 30s": "arterial",
    "Abdomen 5.0 70s": "portal",
    "180 sec": "delayed",
    "静脉期 45s": "portal",  # words before seconds
    "Abdomen 0.75s 5.0 H31s": None,  # a rotation, a kernel
    "CT 5s": None,
    "C- 70s": "plain",
    "腹部增强(动脉期、门脉期)": "enhanced",
    "CaSc 3.0 B35f": "calcium_score",
    "Topogram 0.6 T20f": "LOC",
    "定位像": "LOC",
    "Dose Report": "LOC",
    "剂量报告": "LOC",
    "PreMonitoring I30f": "LOC",
    "LOW DOSE CHEST": None,
    "胸部低剂量CT": None,
    "Lung 1.0 Bl57": None,
    "Abdomen_Pelv  5.0  B30f": None,
}


@pytest.mark.parametrize(("text", "role"), MR.items())
def test_words_for_mr(text: str, role: str | None) -> None:
    assert role_in_text(text, "MR") == role


@pytest.mark.parametrize(("text", "role"), CT.items())
def test_words_for_ct(text: str, role: str | None) -> None:
    assert role_in_text(text, "CT") == role


def test_other_modalities_have_no_roles_in_words() -> None:
    assert role_in_text("CHEST PA", "XR") is None


def test_a_text_that_says_both_says_nothing_of_one_series() -> None:
    assert series_contrast_in("CT HEAD WITH & WITHOUT CONTRAST") is None
    assert series_contrast_in("CT HEAD WITH CONTRAST") is True
    assert series_contrast_in("头颅平扫") is False


@pytest.mark.parametrize(
    "text", ["SAG PD FATSAT", "T2_SPAIR", "AXIAL PDFS", "T1 FS", "抑脂", "PD SPIR", "WATER: T2", "t2_tse_dixon_cor_W"]
)
def test_fat_saturation(text: str) -> None:
    assert fat_saturated_in(text)


@pytest.mark.parametrize("text", ["T2 NON FS", "T2 TSE", "FFE", "OFFSET", "WATER PHANTOM", "T2 DIXON W CONTRAST"])
def test_no_fat_saturation(text: str) -> None:
    assert not fat_saturated_in(text)
