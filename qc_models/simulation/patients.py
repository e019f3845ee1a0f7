"""Invented patients: Chinese names, hospital numbers and birth dates that fit an examination, all drawn from a seed."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np

_FAMILY = "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 罗 高 欧阳 上官".split()
_GIVEN_F = "秀英 桂兰 丽 静 敏 婷婷 雪梅 淑珍 晓燕 玉兰 芳 欣怡".split()
_GIVEN_M = "建国 伟 强 志明 军 勇 杰 国庆 海涛 浩然 文博 永福".split()
_PINYIN = dict(
    zip(
        [*_FAMILY, *_GIVEN_F, *_GIVEN_M],
        "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Luo Gao Ouyang Shangguan XiuYing GuiLan Li "
        "Jing Min TingTing XueMei ShuZhen XiaoYan YuLan Fang XinYi JianGuo Wei Qiang ZhiMing Jun Yong Jie GuoQing HaiTao HaoRan "
        "WenBo YongFu".split(),
        strict=True,
    )
)


@dataclass(frozen=True)
class Patient:
    """Who was examined; `family` and `given` are Chinese characters, `birth_date` is YYYYMMDD."""

    family: str
    given: str
    patient_id: str
    birth_date: str
    sex: Literal["F", "M"]
    issuer: str = "CQ-HOSPITAL-01"

    def name(self, ideographic_group: bool) -> str:
        """PatientName: characters alone, or Latin letters with the characters as ideographic group (PS3.5 6.2.1)."""
        characters = f"{self.family}^{self.given}"
        latin = f"{_PINYIN.get(self.family, self.family)}^{_PINYIN.get(self.given, self.given)}"
        return f"{latin}={characters}" if ideographic_group else characters

    def age(self, study_date: str) -> str:
        """PatientAge on a day, as PS3.5 writes it: years, or months below two years, days below a month."""
        born, then = dt.date.fromisoformat(self.birth_date), dt.date.fromisoformat(study_date)
        years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
        if years >= 2:
            return f"{years:03d}Y"
        days = (then - born).days
        return f"{days // 30:03d}M" if days >= 60 else f"{max(days, 0):03d}D"


def draw_patient(seed: int, study_date: str, sex: Literal["F", "M"] | None = None) -> Patient:
    """An adult of 25 to 80 years on the day of the study."""
    rng = np.random.default_rng([seed, 7919])
    drawn_sex: Literal["F", "M"] = sex or ("F" if rng.random() < 0.5 else "M")
    given = _GIVEN_F if drawn_sex == "F" else _GIVEN_M
    age_days = int(rng.integers(25 * 366, 80 * 365))
    born = dt.date.fromisoformat(study_date) - dt.timedelta(days=age_days)
    return Patient(
        _FAMILY[int(rng.integers(len(_FAMILY)))],
        given[int(rng.integers(len(given)))],
        f"{int(rng.integers(10_000_000, 99_999_999))}",
        born.strftime("%Y%m%d"),
        drawn_sex,
    )
