"""What a replay found, as a table and as JSON values: flips by hospital and item, and what cannot be told."""

from collections import Counter
from typing import Any

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table

from serving.replay import Tally
from serving.replay_rules import Rules

_MOST_METRICS = 4  # in one cell
_MOST_LIMITS = 20  # lines
_PIPE_WIDTH = 160  # a pipe or a file has no width of its own


def figures(tally: Tally, rules: Rules) -> dict[str, Any]:
    """The counts as JSON values."""
    return {
        "studies": tally.studies,
        "judged_again": tally.studies - tally.not_judged.total(),
        "not_judged_again": dict(tally.not_judged),
        "studies_that_flip": tally.flipped,
        "of_these_decided_by_a_person": tally.decided,
        "study_verdicts": [
            {"before": before, "after": after, "studies": number}
            for (before, after), number in tally.study_flips.most_common()
        ],
        "flips": [
            {
                "hospital": hospital,
                "item": item,
                "before": before,
                "after": after,
                "studies": number,
                "metrics": dict(_metrics(tally, (hospital, item, before, after)).most_common()),
            }
            for (hospital, item, before, after), number in sorted(tally.flips.items())
        ],
        "limits_that_differ": [
            {"item": item, "metric": metric, "studies": tally.judged[item], "tell": tally.measured[item, metric]}
            for item, metric in _differing(tally, rules)
        ],
        "metrics_that_are_gone": dict(tally.gone.most_common()),
        "scored_by_others": [
            {"what": what, "which": which, "studies": number} for (what, which), number in sorted(tally.others.items())
        ],
        "models": [
            {"model": model, "version": version, "studies": number}
            for (model, version), number in sorted(tally.models.items())
        ],
    }


def print_table(tally: Tally, rules: Rules, console: Console | None = None) -> None:
    """Prints flips by hospital and item, then what cannot be told, then the sums."""
    console = console or Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    if tally.flips:
        console.print(_flips(tally))
    for line in [*_untold(tally, rules), *_sums(tally)]:
        console.print(line, highlight=False, soft_wrap=True)


def _flips(tally: Tally) -> Table:
    table = Table(box=HORIZONTALS, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("hospital", "item", "before", "after"):
        table.add_column(column, no_wrap=True)
    table.add_column("studies", justify="right", no_wrap=True)
    table.add_column("responsible", ratio=1)
    for (hospital, item, before, after), number in sorted(tally.flips.items()):
        metrics = _metrics(tally, (hospital, item, before, after)).most_common()
        told = [f"{metric} ({times})" for metric, times in metrics[:_MOST_METRICS]]
        more = [f"and {len(metrics) - _MOST_METRICS} more"] if len(metrics) > _MOST_METRICS else []
        table.add_row(hospital, item, before, after, str(number), "\n".join(told + more))
    return table


def _metrics(tally: Tally, flip: tuple[str, str, str, str]) -> Counter[str]:
    return Counter({key[4]: number for key, number in tally.metrics.items() if key[:4] == flip})


def _differing(tally: Tally, rules: Rules) -> list[tuple[str, str]]:
    """The limits that differ, of items that some study was judged as."""
    return [(item, metric) for item, limits in sorted(rules.changed.items()) if tally.judged[item] for metric in limits]


def _untold(tally: Tally, rules: Rules) -> list[str]:
    """What a replay cannot know, one line each."""
    lines = [f"not judged again: {number} studies, {why}" for why, number in tally.not_judged.most_common()]
    limits = _differing(tally, rules)
    silent = [(item, metric) for item, metric in limits if not tally.measured[item, metric]]
    lines += [
        f"no stored report of {item} holds a value of {metric} ({tally.judged[item]} studies): what its limit does is"
        " not known where a check measures it by now; score some of them again"
        for item, metric in silent[:_MOST_LIMITS]
    ]
    if len(silent) > _MOST_LIMITS:
        lines.append(f"and {len(silent) - _MOST_LIMITS} more limits of which no stored report holds a value")
    lines += [
        f"{number} stored reports hold {metric}, which no check of this version measures: no limit can judge it"
        for metric, number in tally.gone.most_common(_MOST_LIMITS)
    ]
    words = {
        "code": "were scored by another version of the code",
        "catalogue": "were scored under another catalogue than the present one",
        "policy": "were scored under another policy than the present one",
    }
    for what, said in words.items():
        number = sum(times for (kind, _), times in tally.others.items() if kind == what)
        if number:
            lines.append(f"{number} studies {said}: their flips may come from that too")
    versions = Counter(model for model, _ in tally.models)
    lines += [
        f"{model} looked in {number} versions: what it measured may differ between them"
        for model, number in sorted(versions.items())
        if number > 1
    ]
    return lines


def _sums(tally: Tally) -> list[str]:
    number = tally.studies - tally.not_judged.total()
    lines = [f"{number} of {tally.studies} studies looked at, {tally.flipped} of them flip"]
    if tally.flipped:
        kinds = ", ".join(f"{before} to {after} {times}" for (before, after), times in tally.study_flips.most_common())
        lines.append(f"the study's verdict: {kinds}")
    if tally.decided:
        lines.append(f"on {tally.decided} of those that flip a person has said the last word, which stays")
    return lines
