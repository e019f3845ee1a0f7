"""Which exam items a study is: by request, by region and by what its stacks show. A study may hold several.

The request speaks first (procedure code, then words that mean one item alone). Else, region by region, the item is taken that a
word of the request names, whose region fits best, that is complete, and that uses most of the stacks; a tie takes the smaller
required set and leaves a note. What shows no item goes to the fallback, whose best verdict is review.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from qc_models.exam_item import Catalogue, ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.region_names import is_vague, region_words_in, regions_in, words_in
from qc_models.vocabulary import ITEM_REGIONS

_JOINED = {"abdomen_pelvis": ("abdomen", "pelvis"), "head_neck": ("head", "neck")}
# The body parts under which consoles file an examination for want of its own.
_FILED_UNDER: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("nasal", "sinus", "orbit", "temporal_bone"), frozenset({"skull", "head", "face"})),
    **dict.fromkeys(("ribs", "clavicle"), frozenset({"chest"})),
    **dict.fromkeys(("prostate", "hip"), frozenset({"pelvis"})),
    "pituitary": frozenset({"brain", "head"}),
    "pelvis": frozenset({"hip"}),
    "patella": frozenset({"knee"}),
    "calcaneus": frozenset({"foot", "ankle"}),
}
_JOINERS = frozenset("AND ET UND Y E 及 和 与 加".split())  # of two regions that share the other words of a request

StackKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Matched:
    """An item that a study is judged as, why, and what else it might have been.

    `sure` is False where nobody asked for the item itself, and less than two thirds of what it requires are there: perhaps it is
    another examination, which no item covers.
    """

    item: ExamItem
    why: str  # "given", "request code", "request text", "request word", "images" or "none fits"
    note: str = ""
    sure: bool = True


def match(facts: Facts, catalogue: Catalogue) -> tuple[Matched, ...]:
    """The items of a study, best first; the fallback alone where none fits, or where nobody knows which part a stack shows."""
    items = [item for item in catalogue.items.values() if item.modality in facts.modalities]
    named = _named_by_a_word(facts, items)
    chosen = _requested(facts, items)
    shown = [item for item in items if _is_shown(item, facts)]  # no other can be best
    while (best := _best(facts, shown, chosen, named)) is not None:
        chosen.append(best)
    uses = Counter(key for matched in chosen for key in _used(matched.item, facts))
    one_for_many = any(is_vague(stack.region.label) and uses[_key(stack)] > 1 for stack in facts.stacks)
    return (Matched(catalogue.fallback, "none fits"),) if one_for_many or not chosen else tuple(chosen)


def _is_shown(item: ExamItem, facts: Facts) -> bool:
    """Whether a stack fills a required component of an item."""
    return any(fills(component, stack) for stack in stacks_for(item, facts) for component in item.required)


def stacks_for(item: ExamItem, facts: Facts) -> tuple[StackFacts, ...]:
    """The stacks that can belong to an item: of its modality, no localizers, of a region that fits or is not known."""
    if item.is_fallback:
        return facts.stacks
    known, modality = regions_of(item), item.modality
    return tuple(
        [
            stack
            for stack in facts.stacks
            if stack.modality == modality
            and not stack.is_localizer
            and (not stack.region.label or not known.isdisjoint(stack.region.label))
        ]
    )


def fills(component: str, stack: StackFacts) -> bool:
    """Whether a stack fills a component: any of its `|` alternatives."""
    return not _tokens_of(component).isdisjoint(stack.components)


@cache
def _tokens_of(component: str) -> frozenset[str]:
    return frozenset(component.split("|"))


def filling(item: ExamItem, facts: Facts) -> dict[str, tuple[StackFacts, ...]]:
    """For each required component of an item the stacks that fill it, in order of the item's list."""
    stacks = stacks_for(item, facts)
    return {component: tuple([stack for stack in stacks if fills(component, stack)]) for component in item.required}


def regions_of(item: ExamItem) -> frozenset[str]:
    """The regions that a stack of this item may carry: its own, those that its synonyms name, those it is filed under."""
    return _known_regions(item.region, item.match.region_synonyms)


@cache
def _known_regions(region: str, synonyms: tuple[str, ...]) -> frozenset[str]:
    return _own_regions(region, synonyms) | _FILED_UNDER.get(region, frozenset())


@cache
def _own_regions(region: str, synonyms: tuple[str, ...]) -> frozenset[str]:
    named = (regions_in(synonym) for synonym in synonyms)
    return ITEM_REGIONS[region].union(*(regions for regions in named if not is_vague(regions)))


# What the request says.


def _requested(facts: Facts, items: Sequence[ExamItem]) -> list[Matched]:
    """The items of the procedure codes; else of the first text that names any: the others repeat it in other words."""
    codes = set(facts.request.codes)
    by_code = [item for item in items if codes.intersection(item.match.procedure_codes)]
    if by_code:
        return [Matched(item, "request code") for item in by_code]
    by_text = next((named for text in facts.request.texts if (named := _named_in(text, items))), [])
    return [Matched(item, "request text") for item in by_text]


def _named_in(text: str, items: Sequence[ExamItem]) -> list[ExamItem]:
    """The items that a text names: the longest words first, none over another's, and none of them the same in other words."""
    found: list[ExamItem] = []
    taken: set[int] = set()
    for place, item in _phrases_in(text, items):
        if taken.isdisjoint(place):
            taken.update(place)
            found.append(item)
    for shared in _said_of_each(text, taken):
        found.extend(item for _, item in _phrases_in(shared, items)[:1])
    named: list[ExamItem] = []
    for item in found:
        if not any(item.region == other.region and _tokens(item) & _tokens(other) for other in named):
            named.append(item)
    return named


def _tokens(item: ExamItem) -> set[str]:
    return {token for component in item.required for token in _tokens_of(component)}


def _phrases_in(text: str, items: Iterable[ExamItem]) -> list[tuple[range, ExamItem]]:
    """Where a text has words that mean an item, the longest first; of equal ones the smaller item first."""
    said = _spaced(text)
    found = [
        (place, item)
        for item in items
        for phrase, spaced in _all_spaced(item.match.request_texts)
        if spaced in said  # most are not, and this is quick
        for place in _places_of(phrase, text)
    ]
    return sorted(found, key=lambda entry: (-len(entry[0]), *_small_first(entry[1])))


def _said_of_each(text: str, taken: Iterable[int]) -> Iterator[str]:
    """What a text says of each region that it names beside the `taken` words: `胸部+上腹部CT平扫` is 胸部CT平扫 too."""
    words, regions = words_in(text), region_words_in(text)
    for own in regions:
        others = {place for region in regions if region is not own for place in region}
        joiners = {place for other in others for place in (other - 1, other + 1) if 0 <= place < len(words)}
        left_out = others | {place for place in joiners if words[place] in _JOINERS}
        if others and set(own).isdisjoint(taken):
            yield " ".join(word for place, word in enumerate(words) if place not in left_out)


def _places_of(phrase: str, text: str) -> list[range]:
    """Where a text has the words of a phrase, and no word for a region is cut in two: 腹部CT is not in 胸腹部CT."""
    said, wanted = _spaced(text), _spaced(phrase)
    places: list[range] = []
    found = said.find(wanted)
    while found >= 0:
        start = said.count(" ", 0, found)
        end = start + wanted.count(" ") - 1
        if not any(word.start < edge < word.stop for word in region_words_in(text) for edge in (start, end)):
            places.append(range(start, end))
        found = said.find(wanted, found + 1)
    return places


@lru_cache(maxsize=4096)
def _spaced(text: str) -> str:
    """The words of a text between single blanks, without a plural S."""
    return f" {' '.join(word.removesuffix('S') if len(word) > 3 else word for word in words_in(text))} "


@cache
def _all_spaced(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The words of an item, each with what `_spaced` makes of it."""
    return tuple((word, _spaced(word)) for word in words)


def _named_by_a_word(facts: Facts, items: Sequence[ExamItem]) -> frozenset[str]:
    """The ids of items of which the request has a word that no other item of the modality shares, and that is not vague."""
    said = "".join(map(_spaced, facts.request.texts))
    heard = [
        (item, synonym)
        for item in items
        for synonym, spaced in _all_spaced(item.match.region_synonyms)
        if spaced in said and any(_places_of(synonym, text) for text in facts.request.texts)
    ]
    return frozenset(
        item.id
        for item, synonym in heard
        if not is_vague(regions_in(synonym)) and not any(_shares(other, item, synonym) for other in items)
    )


def _shares(other: ExamItem, item: ExamItem, synonym: str) -> bool:
    return other is not item and other.modality == item.modality and synonym in other.match.region_synonyms


# What the images show.


def _key(stack: StackFacts) -> StackKey:
    return (stack.series_instance_uid, stack.index)


def _used(item: ExamItem, facts: Facts) -> set[StackKey]:
    """The stacks that fill a component of an item."""
    components = item.required + item.optional
    return {
        _key(stack) for stack in stacks_for(item, facts) if any(fills(component, stack) for component in components)
    }


def _shown(stack: StackFacts, facts: Facts) -> tuple[str, ...]:
    """The regions that a stack shows; behind a vague word (SPINE) the one that the request names, if it names one alone."""
    label = stack.region.label
    if not is_vague(label):
        return label
    said = {region for text in facts.request.texts for region in regions_in(text) if not is_vague(regions_in(text))}
    return tuple(said.intersection(label)) if len(said.intersection(label)) == 1 else ()


def _covers(matched: Matched, to_named: bool) -> frozenset[str]:
    """The regions of which a matched item leaves nothing over in the stacks that it uses, to an item that is named or not."""
    item = matched.item
    if to_named or matched.why == "images":
        return _own_regions(item.region, item.match.region_synonyms)
    return regions_of(item)


def _open_stacks(facts: Facts, chosen: Sequence[Matched], to_named: bool) -> dict[StackKey, tuple[str, ...]]:
    """What the stacks show that no chosen item uses, or of which a region is left over."""
    covered: dict[StackKey, set[str]] = {}
    for matched in chosen:
        for key in _used(matched.item, facts):
            covered.setdefault(key, set()).update(_covers(matched, to_named))
    shown = {_key(stack): _shown(stack, facts) for stack in facts.stacks if not stack.is_localizer}
    return {key: regions for key, regions in shown.items() if not covered.get(key, set()).issuperset(regions)}


def _best(facts: Facts, items: Sequence[ExamItem], chosen: Sequence[Matched], named: frozenset[str]) -> Matched | None:
    """The best further item for stacks that no item uses yet."""
    open_to = {to_named: _open_stacks(facts, chosen, to_named) for to_named in (True, False)}
    taken = {matched.item.id for matched in chosen}
    ranks = {
        item.id: rank
        for item in items
        if item.id not in taken
        and (rank := _rank(item, facts, chosen, open_to[item.id in named], item.id in named)) is not None
    }
    if not ranks:
        return None
    best = max(ranks.values())
    first, *ties = sorted((item for item in items if ranks.get(item.id) == best), key=_small_first)
    note = f"the images fit {', '.join(item.id for item in ties)} too" if ties else ""
    there = sum(map(bool, filling(first, facts).values()))
    why = "request word" if first.id in named else "images"
    return Matched(first, why, note, sure=there * 3 >= len(first.required) * 2)


def _rank(
    item: ExamItem,
    facts: Facts,
    chosen: Sequence[Matched],
    open_stacks: Mapping[StackKey, tuple[str, ...]],
    is_named: bool,
) -> tuple[float, ...] | None:
    """How well an item suits what is open, the higher the better; None where it is no item of this study."""
    core = ITEM_REGIONS[item.region]
    own = [
        stack
        for stack in stacks_for(item, facts)
        if (shown := open_stacks.get(_key(stack))) and (is_named or core.intersection(shown))
    ]
    filled = [component for component in item.required if any(fills(component, stack) for stack in own)]
    if not filled:
        return None
    complete = all(filling(item, facts).values())
    half = len(filled) >= 2 and len(filled) * 2 >= len(item.required)
    covered = {region for matched in chosen for region in _covers(matched, is_named)}
    new = {region for stack in own for region in open_stacks[_key(stack)]} - covered
    if not (new & core or complete or half) or (not new and _narrower(item, chosen)):
        return None
    fit = max(_region_fit(item, open_stacks[_key(stack)]) for stack in own)
    used = len(_used(item, facts).intersection(map(_key, own)))
    return (is_named, fit, complete, used, len(filled))


def _small_first(item: ExamItem) -> tuple[int, str]:
    return (len(item.required), item.id)


def _narrower(item: ExamItem, chosen: Sequence[Matched]) -> bool:
    """Whether a chosen item of the same region already asks for all that this one asks (plain beside enhanced)."""
    return any(
        (matched.item.modality, matched.item.region) == (item.modality, item.region)
        and set(item.required) <= set(matched.item.required)
        for matched in chosen
    )


def _region_fit(item: ExamItem, shown: Sequence[str]) -> float:
    """1 where the item's region is all that is shown; less where it is the first of several, a part, or a neighbour word."""
    core = set(_JOINED.get(item.region, (item.region,)))
    if core == set(shown):
        return 1.0
    if shown[:1] == (item.region,):
        return 0.9
    if set(shown) <= ITEM_REGIONS[item.region]:
        return 0.8
    return 0.3 + 0.4 * len(core.intersection(shown)) / len(core.union(shown))
