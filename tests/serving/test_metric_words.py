"""Metrics are called by words taken from their checks, without numbers, in both languages."""

import pytest

from qc_models.check_registry import checks
from serving.metric_words import first_sentence, label, meanings, plain


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("ring amplitude is {value:.1f} at slice {worst_slice}, limit {limit:.1f}", "ring amplitude is … at slice …"),
        ("noise is {value:.1f} HU (median of {num_frames} images), limit {limit:.1f} HU", "noise is … HU"),
        ("噪声 {value:.1f} HU（{num_frames} 幅图像的中位数），限值 {limit:.1f} HU", "噪声 … HU"),
        ("the request is about {asked}", "the request is about …"),
        ("fat (T2) is missing", "fat (T2) is missing"),
        ("slices {worst_range[0]}-{worst_range[1]} are dark", "slices …-… are dark"),
    ],
)
def test_numbers_limits_and_asides_are_left_out(template: str, words: str) -> None:
    assert plain(template) == words


def test_a_page_is_told_by_its_first_sentence() -> None:
    assert first_sentence("Rings in a stack: circles\nround it. More of it.\n\nDirection: higher.") == (
        "Rings in a stack: circles round it."
    )


def test_what_no_check_measures_is_called_by_its_own_name() -> None:
    assert label("adequacy.score.abstain_band") == ("adequacy.score.abstain_band",) * 2
    assert meanings(["adequacy.score.abstain_band"]) == []


def test_every_metric_has_words_in_both_languages_without_braces() -> None:
    for check in checks().values():
        for last in check.quantities:
            words = label(f"{check.name}.{last}")
            assert words.en
            assert any("一" <= letter <= "鿿" for letter in words.zh) or words.zh.isascii(), words
            assert not set("{}") & set(words.en + words.zh)


def test_meanings_come_once_a_check_in_the_order_of_the_registry() -> None:
    found = meanings(["metadata.uids.malformed", "completeness.slice_positions.missing", "metadata.uids.modalities"])
    assert [meaning.check for meaning in found] == ["completeness.slice_positions", "metadata.uids"]
    assert all(meaning.sentence.endswith(".") for meaning in found)
