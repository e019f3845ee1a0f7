"""Which exam items a study is: by request, by region and by what its stacks show. A study may hold several.

The request speaks first (procedure code, then words that mean one item alone). Else, region by region, the item is taken whose
region fits best, that is complete, and that uses most of the stacks; a tie takes the smaller required set and leaves a note.
What shows no item goes to the fallback, whose best verdict is review.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from qc_models.exam_item import Catalogue, ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.region_names import regions_in
from qc_models.vocabulary import ITEM_REGIONS

_JOINED = {"abdomen_pelvis": ("abdomen", "pelvis"), "head_neck": ("head", "neck")}


@dataclass(frozen=True, slots=True)
class Matched:
    """An item that a study is judged as, why, and what else it might have been."""

    item: ExamItem
    why: str  # "given", "request code", "request text", "images" or "none fits"
    note: str = ""


def match(facts: Facts, catalogue: Catalogue) -> tuple[Matched, ...]:
    """The items of a study, best first; the fallback alone where none fits."""
    items = [item for item in catalogue.items.values() if item.modality in facts.modalities]
    owners = _owners(items)
    chosen = _requested(facts, items)
    while True:
        open_stacks = _open_stacks(facts, chosen)
        best = _best(facts, open_stacks, items, chosen, owners)
        if best is None:
            break
        chosen.append(best)
    return tuple(chosen) or (Matched(catalogue.fallback, "none fits"),)


def stacks_for(item: ExamItem, facts: Facts) -> tuple[StackFacts, ...]:
    """The stacks that can belong to an item: of its modality, no localizers, of a region that fits or is not known."""
    if item.is_fallback:
        return facts.stacks
    known = regions_of(item)
    return tuple(
        stack
        for stack in facts.stacks
        if stack.modality == item.modality
        and not stack.is_localizer
        and (not stack.region.label or known.intersection(stack.region.label))
    )


def fills(component: str, stack: StackFacts) -> bool:
    """Whether a stack fills a component: any of its `|` alternatives."""
    return any(token in stack.components for token in component.split("|"))


def filling(item: ExamItem, facts: Facts) -> dict[str, tuple[StackFacts, ...]]:
    """For each required component of an item the stacks that fill it, in order of the item's list."""
    stacks = stacks_for(item, facts)
    return {component: tuple(stack for stack in stacks if fills(component, stack)) for component in item.required}


@cache
def _synonym_regions(synonyms: tuple[str, ...]) -> frozenset[str]:
    return frozenset(region for synonym in synonyms for region in regions_in(synonym))


def regions_of(item: ExamItem) -> frozenset[str]:
    """The regions that a stack of this item may carry: its own, and those that its synonyms name."""
    return ITEM_REGIONS[item.region] | _synonym_regions(item.match.region_synonyms)


def _words(text: str) -> str:
    """Upper-case words between single blanks, for whole-word search of Latin text."""
    return " " + " ".join("".join(c if c.isalnum() else " " for c in text.upper()).split()) + " "


def _says(words: str, phrase: str) -> bool:
    """Whether `words` (of `_words`) hold a phrase: Latin as whole words, Chinese anywhere."""
    return _words(phrase) in words if phrase.isascii() else _words(phrase).strip() in words


def _owners(items: Iterable[ExamItem]) -> Mapping[tuple[str, str], int]:
    """How many items of a modality share a synonym: a word that only one has decides."""
    owners: dict[tuple[str, str], int] = {}
    for item in items:
        for synonym in set(item.match.region_synonyms):
            owners[item.modality, synonym] = owners.get((item.modality, synonym), 0) + 1
    return owners


def _requested(facts: Facts, items: Sequence[ExamItem]) -> list[Matched]:
    codes = set(facts.request.codes)
    by_code = [item for item in items if codes.intersection(item.match.procedure_codes)]
    if by_code:
        return [Matched(item, "request code") for item in by_code]
    found: list[Matched] = []
    for text in facts.request.texts:
        words = _words(text)
        said = [(len(phrase), item) for item in items for phrase in item.match.request_texts if _says(words, phrase)]
        longest = max((length for length, _ in said), default=0)
        named = sorted({item.id: item for length, item in said if length == longest}.values(), key=_small_first)
        if named and named[0].id not in {matched.item.id for matched in found}:
            others = ", ".join(item.id for item in named[1:])
            found.append(Matched(named[0], "request text", f"the request fits {others} too" if others else ""))
    return found[:1]  # the first text is the most official one; the others repeat it in other words


def _small_first(item: ExamItem) -> tuple[int, str]:
    return (len(item.required), item.id)


def _open_stacks(facts: Facts, chosen: Sequence[Matched]) -> list[StackFacts]:
    """Stacks of a known region that no chosen item uses, or of which a region is left over."""
    covered: dict[tuple[str, int], set[str]] = {}
    for matched in chosen:
        components = matched.item.required + matched.item.optional
        for stack in stacks_for(matched.item, facts):
            if any(fills(component, stack) for component in components):
                covered.setdefault((stack.series_instance_uid, stack.index), set()).update(regions_of(matched.item))
    return [
        stack
        for stack in facts.stacks
        if not stack.is_localizer
        and stack.region.label
        and not covered.get((stack.series_instance_uid, stack.index), set()).issuperset(stack.region.label)
    ]


def _best(
    facts: Facts,
    open_stacks: Sequence[StackFacts],
    items: Sequence[ExamItem],
    chosen: Sequence[Matched],
    owners: Mapping[tuple[str, str], int],
) -> Matched | None:
    """The best further item for stacks that no item uses yet."""
    taken = {matched.item.id for matched in chosen}
    covered = frozenset(region for matched in chosen for region in regions_of(matched.item))
    words = _words(" ".join(facts.request.texts))
    ranked: list[tuple[tuple[float, ...], ExamItem]] = []
    for item in items:
        own = [stack for stack in stacks_for(item, facts) if stack in open_stacks]
        new_regions = {region for stack in own for region in stack.region.label} - covered
        filled = [component for component in item.required if any(fills(component, stack) for stack in own)]
        complete = all(filling(item, facts).values())
        half = len(filled) >= 2 and len(filled) * 2 >= len(item.required)
        if (
            item.id in taken
            or not filled
            or not (new_regions.intersection(ITEM_REGIONS[item.region]) or complete or half)
        ):
            continue
        if (
            chosen
            and not new_regions
            and item.region in {matched.item.region for matched in chosen}
            and _narrower(item, chosen)
        ):
            continue
        unique = any(
            owners[item.modality, synonym] == 1 and _says(words, synonym) for synonym in item.match.region_synonyms
        )
        fit = max(_region_fit(item, stack) for stack in own)
        used = sum(any(fills(component, stack) for component in item.required + item.optional) for stack in own)
        ranked.append(((unique, fit, complete, used, len(filled)), item))
    if not ranked:
        return None
    ranked.sort(key=lambda entry: (tuple(-value for value in entry[0]), *_small_first(entry[1])))
    key, item = ranked[0]
    ties = [other.id for rank, other in ranked[1:] if rank == key]
    return Matched(item, "images", f"the images fit {', '.join(ties)} too" if ties else "")


def _narrower(item: ExamItem, chosen: Sequence[Matched]) -> bool:
    """Whether a chosen item of the same modality already asks for all that this one asks (plain beside enhanced)."""
    return any(
        matched.item.modality == item.modality and set(item.required) <= set(matched.item.required)
        for matched in chosen
    )


def _region_fit(item: ExamItem, stack: StackFacts) -> float:
    """1 where the item's region is the stack's; less where it is the first of several, a part, or a neighbour word."""
    label = stack.region.label
    if not label:
        return 0.0
    core = set(_JOINED.get(item.region, (item.region,)))
    if core == set(label):
        return 1.0
    if item.region == label[0]:
        return 0.9
    if set(label) <= ITEM_REGIONS[item.region]:
        return 0.8
    return 0.3 + 0.4 * len(core.intersection(label)) / len(core.union(label))
