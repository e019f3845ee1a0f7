"""A metric in words, from the page of its check and the sentences of its quantity, with the numbers left out."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from qc_models.check_registry import checks


class Label(NamedTuple):
    """What a metric is called."""

    en: str
    zh: str


class Meaning(NamedTuple):
    """What one check looks at, and by name each of its quantities."""

    check: str
    sentence: str
    quantities: dict[str, Label]


def label(metric: str) -> Label:
    """`ring amplitude`, 环状伪影幅度; a metric that no check measures is called by its own name."""
    check, _, last = metric.rpartition(".")
    words = checks()[check].quantities.get(last) if check in checks() else None
    if words is None:
        return Label(metric, metric)
    en, zh = plain(words.en), plain(words.zh)
    short = re.sub(
        r",? (is|are|reach|reaches) …( \S{1,4})?$", "", re.sub(r",? (at|in) slices? …(\s*(-|–|to)\s*…)?", "", en)
    )
    if short == en:  # a whole sentence
        return Label(en, zh)
    return Label(short, re.sub(r"(\s*[为达是])?\s*…( \S{1,4})?$", "", re.sub(r"第 …(\s*[-–至]\s*…)? 层，?", "", zh)))


def meanings(metrics: Iterable[str]) -> list[Meaning]:
    """What the checks of these metrics mean, in the order of the registry; a reason of the decision itself has no check."""
    wanted = {metric.rpartition(".")[0] for metric in metrics}
    return [
        Meaning(
            check.name, first_sentence(check.page), {last: label(f"{check.name}.{last}") for last in check.quantities}
        )
        for check in checks().values()
        if check.name in wanted
    ]


def first_sentence(page: str) -> str:
    """The sentence that opens the page of a check."""
    paragraph = " ".join(page.partition("\n\n")[0].split())
    return re.split(r"(?<=[.])\s", paragraph, maxsplit=1)[0]


def plain(template: str) -> str:
    """The words of a quantity with `…` for each number; what is said of the limit, and asides of numbers, are left out."""
    without_limit = re.sub(r"[,，;；]?\s*[^,，;；(（]*\{limit[^}]*\}[^,，;；)）]*$", "", template)
    without_asides = re.sub(r"\s*[(（][^()（）]*\{[^()（）]*[)）]", "", without_limit)
    return re.sub(r"\{[^}]*\}", "…", without_asides).strip(" ,，;；")
