"""Which components of an exam item a simulated study is to hold: the required ones less those left out."""

from collections.abc import Callable, Sequence

from qc_models.errors import InputError
from qc_models.exam_item import ExamItem


def wanted_tokens(
    item: ExamItem, omit: Sequence[str], include_optional: bool, fills: Callable[[set[str], str], bool] | None = None
) -> tuple[list[str], frozenset[str]]:
    """The tokens to make and those that must not come about: the first alternative of each component that is not omitted.

    A component that a token chosen before already fills asks for nothing more; `fills(chosen, token)` may know more than equality.
    Raises InputError where `omit` names no component of the item.
    """
    known = item.required + item.optional
    for component in omit:
        if component not in known:
            raise InputError(f"{item.id} has no component {component!r} to leave out; it has {', '.join(known)}")
    banned = frozenset(token for component in omit for token in component.split("|"))
    chosen: list[str] = []
    for component in item.required + (item.optional if include_optional else ()):
        if component in omit:
            continue
        tokens = [token for token in component.split("|") if token not in banned]
        filled = any(token in chosen or (fills is not None and fills(set(chosen), token)) for token in tokens)
        if tokens and not filled:
            chosen.append(tokens[0])
    return chosen, banned


def filled_components(item: ExamItem, tokens: Sequence[str]) -> tuple[str, ...]:
    """The item's components that any of these tokens fills."""
    return tuple(component for component in item.required + item.optional if set(component.split("|")) & set(tokens))
