"""Reads regions, side, contrast and view out of free text and DICOM codes, with the words of `configs/vocabulary.yaml`.

The longest word wins wherever words overlap (股骨头 is the hip, not a head), Latin words match whole words alone, and a vague
word (SPINE, whole body, a single Chinese character) counts only where a text names nothing else.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Generic, TypeVar

from pydantic import Field

from configs.strict import HERE, ConfigFileError, Strict, parse, read_yaml
from qc_models.errors import ConfigError
from qc_models.vocabulary import REGIONS, XR_COMPONENTS, Laterality

_FILE = HERE / "vocabulary.yaml"
_CACHED_TEXTS = 4096  # a study repeats the same few texts on each of its instances
_SNOMED_SCHEMES = frozenset({"SCT", "SRT", "SNM3", "99SDM", "SNOMED-CT", ""})
_PA_REGIONS = frozenset({"chest", "ribs", "hand", "finger", "wrist", "sinus"})  # a frontal view of these is PA, else AP

# A text is words of Latin letters, runs of digits, and single characters of any other script.
_TOKEN = re.compile(r"[A-Z]+|\d+|[^\W\d_]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PLUS_C = re.compile(r"\+ ?C(?![A-Z])|(?<![A-Z])C ?\+(?! ?[A-Z])")
# What is glued to a region in names of procedures and protocols: LTKNEE, CTHEAD, CHESTPA, KNEER.
_GLUED = re.compile(
    r"^(?:LEFT|RIGHT|LT|RT|BIL|CTA?|MR[IA]?|XR|DX|CR|SAG|COR|AX|TRA|L|R)(?=[A-Z]{4})"
    r"|(?<=[A-Z]{4})(?:LEFT|RIGHT|LT|RT|PA|AP|LAT|L|R)$"
)
_GLUED_SIDE = {"LEFT": "L", "LT": "L", "L": "L", "RIGHT": "R", "RT": "R", "R": "R", "BIL": "B"}

Words = Mapping[str, tuple[str, ...]]


class Variants(Strict):
    """Characters and the ones that they are read as, position by position."""

    origin: str = Field(alias="from")
    target: str = Field(alias="to")


class SideLetters(Strict):
    """Letters that name a side only beside words of their language."""

    words: tuple[str, ...]
    letters: dict[str, Laterality]


class SideWords(Strict):
    """Words of sides; `none` hides shorter ones (左心室 names no side)."""

    L: tuple[str, ...]
    R: tuple[str, ...]
    B: tuple[str, ...]
    none: tuple[str, ...]
    by_language: tuple[SideLetters, ...]


class ContrastWords(Strict):
    """Words for contrast medium; `vague` ones count only where nothing else is said, `none` hides shorter ones."""

    given: tuple[str, ...]
    not_given: tuple[str, ...]
    vague: tuple[str, ...]
    none: tuple[str, ...]


class Vocabulary(Strict):
    """The file `configs/vocabulary.yaml`; keys of regions may join several by ` + `."""

    regions: Words
    vague_regions: Words
    no_region: tuple[str, ...]
    variants: Variants
    laterality: SideWords
    contrast: ContrastWords
    views: Words
    region_codes: dict[str, str]
    view_codes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or character of a text, and where it stands."""

    text: str
    start: int
    end: int


Meaning = TypeVar("Meaning")


class Lexicon(Generic[Meaning]):
    """Words and what they mean; finds the longest word at each place of a text."""

    def __init__(self, key: str, entries: Iterable[tuple[Meaning, Iterable[str]]]) -> None:
        self._meanings: dict[str, Meaning] = {}
        self._longest = 1
        for meaning, words in entries:
            for word in words:
                tokens = tokens_of(word)
                joined = "".join(token.text for token in tokens)
                if not joined or joined in self._meanings:
                    raise ConfigError(f"{_FILE}: {key}: {word!r} is {'listed twice' if joined else 'no word'}")
                self._meanings[joined] = meaning
                self._longest = max(self._longest, len(tokens), 4)

    def meaning(self, word: str) -> Meaning | None:
        """What one word means, also with a plural S; None where it is not known."""
        found = self._meanings.get(word)
        if found is None and len(word) > 3 and word.endswith("S"):
            found = self._meanings.get(word[:-1])
        return found

    def found_in(self, tokens: Sequence[Token]) -> Iterator[tuple[int, int, Meaning]]:
        """First and last token (exclusive) and meaning of each word found, left to right, without overlap."""
        place = 0
        while place < len(tokens):
            for end in range(min(place + self._longest, len(tokens)), place, -1):
                meaning = self.meaning("".join(token.text for token in tokens[place:end]))
                if meaning is not None:
                    yield place, end, meaning
                    break
            else:
                end = place + 1
            place = end


def tokens_of(text: str) -> list[Token]:
    """Splits a text into upper-case words without accents, numbers, and characters of other scripts."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text)).upper()
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return [Token(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(plain)]


@dataclass(frozen=True, slots=True)
class _Region:
    """What a word says of regions: none (it only hides shorter words), some, or some vaguely."""

    regions: tuple[str, ...]
    vague: bool = False


@dataclass(frozen=True)
class _Names:
    """The vocabulary, made ready for look-up."""

    variants: Mapping[int, int]
    regions: Lexicon[_Region]
    vague: tuple[frozenset[str], ...]  # the regions of each vague word that stands for several
    sides: Lexicon[str]
    side_letters: tuple[tuple[frozenset[str], Mapping[str, Laterality]], ...]
    contrast: Lexicon[str]
    views: Lexicon[str]
    region_codes: Mapping[str, tuple[str, ...]]
    view_codes: Mapping[str, str]


@cache
def _names() -> _Names:
    try:
        words = parse(Vocabulary, read_yaml(_FILE), _FILE)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error
    if len(words.variants.origin) != len(words.variants.target):
        raise ConfigError(f"{_FILE}: variants: `from` and `to` differ in length")
    regions = [(_Region(_regions("regions", key)), listed) for key, listed in words.regions.items()]
    regions += [
        (_Region(_regions("vague_regions", key), vague=True), listed) for key, listed in words.vague_regions.items()
    ]
    unknown = (set(words.views) | set(words.view_codes)) - XR_COMPONENTS - {"FRONTAL", "several"}
    if unknown:
        raise ConfigError(f"{_FILE}: views: {', '.join(sorted(unknown))} is no view")
    sides = words.laterality
    return _Names(
        variants=str.maketrans(words.variants.origin, words.variants.target),
        regions=Lexicon("regions", [*regions, (_Region(()), words.no_region)]),
        vague=tuple(frozenset(_regions("vague_regions", key)) for key in words.vague_regions if " + " in key),
        sides=Lexicon("laterality", [("L", sides.L), ("R", sides.R), ("B", sides.B), ("none", sides.none)]),
        side_letters=tuple((frozenset(group.words), group.letters) for group in sides.by_language),
        contrast=Lexicon("contrast", [(key, getattr(words.contrast, key)) for key in ContrastWords.model_fields]),
        views=Lexicon("views", words.views.items()),
        region_codes={
            code: _regions("region_codes", key) for key, codes in words.region_codes.items() for code in codes.split()
        },
        view_codes={code: view for view, codes in words.view_codes.items() for code in codes.split()},
    )


def _regions(section: str, key: str) -> tuple[str, ...]:
    regions = tuple(key.split(" + "))
    unknown = set(regions) - REGIONS
    if unknown:
        raise ConfigError(f"{_FILE}: {section}: {', '.join(sorted(unknown))} is no region")
    return regions


def _tokens(text: str) -> list[Token]:
    return tokens_of(text.translate(_names().variants))


@lru_cache(maxsize=_CACHED_TEXTS)
def regions_in(text: str) -> tuple[str, ...]:
    """The region ids that a text or a BodyPartExamined value names, in the order of the text; empty where it names none."""
    tokens = _tokens(text)
    named: list[str] = []
    hinted: list[str] = []
    for start, end, region in _found_regions(tokens):
        lone = (
            end - start == 1
            and len(tokens[start].text) == 1
            and (start == 0 or tokens[start - 1].text not in "左右双两")
        )
        (hinted if region.vague or lone else named).extend(region.regions)
    if "phantom" in named:
        return ("phantom",)  # a head phantom is no head
    return tuple(dict.fromkeys(named or hinted))


def is_vague(regions: Iterable[str]) -> bool:
    """Whether one vague word (SPINE, whole body) stands for these regions: some of them are meant, and nobody knows which."""
    meant = frozenset(regions)
    return any(several <= meant for several in _names().vague)


@lru_cache(maxsize=_CACHED_TEXTS)
def words_in(text: str) -> tuple[str, ...]:
    """The words, numbers and single characters of a text as they are compared: upper case, without accents, simplified."""
    return tuple(token.text for token in _tokens(text))


@lru_cache(maxsize=_CACHED_TEXTS)
def region_words_in(text: str) -> tuple[range, ...]:
    """The places in `words_in` of each word for a region, also of those that only hide shorter ones."""
    return tuple(range(start, end) for start, end, _ in _found_regions(_tokens(text)))


def _found_regions(tokens: Sequence[Token]) -> Iterator[tuple[int, int, _Region]]:
    """Region words, and after them those with a side, a view or a modality glued to them."""
    lexicon = _names().regions
    place = 0
    for start, end, region in lexicon.found_in(tokens):
        yield from _glued(tokens, range(place, start))
        yield start, end, region
        place = end
    yield from _glued(tokens, range(place, len(tokens)))


def _glued(tokens: Sequence[Token], places: Iterable[int]) -> Iterator[tuple[int, int, _Region]]:
    for place in places:
        bare = _GLUED.sub("", tokens[place].text)
        region = _names().regions.meaning(bare) if bare != tokens[place].text else None
        if region is not None:
            yield place, place + 1, region


@lru_cache(maxsize=_CACHED_TEXTS)
def laterality_in(text: str) -> Laterality | None:
    """The side that a text names: L, R, or B for both; None where it names none."""
    names = _names()
    tokens = _tokens(text)
    found_regions = list(_found_regions(tokens))
    in_region_word = {place for start, end, _ in found_regions for place in range(start, end)}
    sides: set[str] = set()
    for start, end, side in names.sides.found_in(tokens):
        letter = end - start == 1 and tokens[start].text in ("L", "R")
        if not (letter and (start in in_region_word or _touches_digit(tokens, start))):
            sides.add(side)
    for start, end, _ in found_regions:
        if end - start == 1 and names.regions.meaning(tokens[start].text) is None:
            sides.update(_GLUED_SIDE[affix] for affix in _GLUED.findall(tokens[start].text) if affix in _GLUED_SIDE)
    words = {token.text for token in tokens}
    for language, letters in names.side_letters:
        if language & words:
            places = (
                place
                for place, token in enumerate(tokens)
                if token.text in letters and not _touches_digit(tokens, place)
            )
            sides.update(letters[tokens[place].text] for place in places)
    if "B" in sides or {"L", "R"} <= sides:
        return "B"
    return "L" if "L" in sides else "R" if "R" in sides else None


def _touches_digit(tokens: Sequence[Token], place: int) -> bool:
    """Whether a number stands right beside a token (L5, 3D), with nothing between."""
    token = tokens[place]
    before, after = tokens[:place][-1:], tokens[place + 1 : place + 2]
    return any(
        other.text.isdigit() and (other.end == token.start or other.start == token.end) for other in (*before, *after)
    )


@lru_cache(maxsize=_CACHED_TEXTS)
def contrast_in(text: str) -> bool | None:
    """Whether a text says that contrast medium was given; True where it says both (W+WO), None where it says nothing."""
    said = {
        meaning for _, _, meaning in _names().contrast.found_in(_tokens(_PLUS_C.sub(" PLUSCONTRAST ", text.upper())))
    }
    if "given" in said:
        return True
    return False if "not_given" in said else True if "vague" in said else None


@lru_cache(maxsize=_CACHED_TEXTS)
def view_in(text: str, regions: tuple[str, ...] = ()) -> str | None:
    """The view of one radiograph that a text names (`OBL:L` for LPO and RAO); None where it names none, or several.

    `regions` helps where the text says no more than frontal: PA for the chest and the hand, AP else.
    """
    views = {view for _, _, view in _names().views.found_in(_tokens(text))}
    if views & {"AP", "PA"}:
        views.discard("FRONTAL")
    if len(views) != 1 or "several" in views:
        return None
    return _resolved(views.pop(), regions or regions_in(text))


def _resolved(view: str, regions: Iterable[str]) -> str:
    if view != "FRONTAL":
        return view
    return "PA" if _PA_REGIONS.intersection(regions) else "AP"


def regions_of_code(value: str, scheme: str) -> tuple[str, ...]:
    """The region ids of a code of AnatomicRegionSequence (SNOMED CT, or the older SRT); empty where it is not known."""
    return _names().region_codes.get(value, ()) if scheme.upper() in _SNOMED_SCHEMES else ()


def view_of_code(value: str, scheme: str, regions: tuple[str, ...] = ()) -> str | None:
    """The view of a code of ViewCodeSequence (PS3.16 CID 4010, 4014); None where it is not known."""
    view = _names().view_codes.get(value) if scheme.upper() in _SNOMED_SCHEMES else None
    return None if view is None else _resolved(view, regions)
