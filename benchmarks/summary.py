"""The summary of a run: pass rates over the planned tasks, outcomes, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .judges import Verdict
from .statistics import effective_size, wilson
from .trial import Key, Trial

SPENT = ("calls", "tokens", "steps", "usd", "seconds")


def outcome(trial: Trial | None, verdict: Verdict | None) -> str:
    """An answered trial counts by its verdict, another by its end; ``missing`` was not run."""
    if trial is None:
        return "missing"
    if trial.end != "answered":
        return trial.end
    return "unjudged" if verdict is None else verdict.decision


def worth(trial: Trial | None, verdict: Verdict | None) -> float:
    """What a trial counts, from 0 to 1: a judge's score where it gives parts of a pass."""
    found = outcome(trial, verdict)
    if found in ("passed", "failed") and verdict is not None and verdict.score is not None:
        return verdict.score
    return float(found == "passed")


def summarise(
    planned: Iterable[Key],
    trials: Mapping[Key, Trial],
    verdicts: Mapping[Key, Verdict],
) -> list[dict[str, Any]]:
    """One row for each planner and suite, in the order planned.

    ``passed`` counts decisions; ``pass_rate`` is the mean of what the trials count, which differs
    from it for judges that give parts of a pass (SoPR).
    ``size`` is the number of independent trials that tell as much as those planned; the interval
    is Wilson's for it, so repetitions of a task are no evidence of their own.

    ``calls``, ``tokens``, ``steps``, ``usd`` and ``seconds`` are sums over the trials there are.
    ``provenance`` counts their tool calls by who answered, and ``simulated`` is the share of
    those that a model made up: a rate with many of them says little of the real tools.
    """
    cells: dict[tuple[str, str], list[Key]] = {}
    for key in planned:
        cells.setdefault((key.planner, key.suite), []).append(key)
    rows = []
    for (planner, suite), keys in cells.items():
        outcomes = Counter(outcome(trials.get(key), verdicts.get(key)) for key in keys)
        passed = outcomes["passed"]
        shares = _shares(keys, trials, verdicts)
        rate = sum(shares) / len(shares)
        size = effective_size(shares, len(keys) // len(shares))
        row: dict[str, Any] = {
            "planner": planner,
            "suite": suite,
            "planned": len(keys),
            "passed": passed,
            "pass_rate": round(rate, 4),
            "ci95": list(wilson(rate * size, size)),
            "size": round(size, 1),
            "outcomes": dict(sorted(outcomes.items())),
        }
        there = [trials[key] for key in keys if key in trials]
        for what in SPENT:
            total = sum(trial.spent[what] for trial in there)
            row[what] = round(total, 6) if what in ("usd", "seconds") else int(total)
        row["provenance"], row["simulated"] = answered(there)
        rows.append(row)
    return rows


def pooled(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rate and interval of one planner's rows: all their planned trials together."""
    planned = sum(row["planned"] for row in rows)
    rate = sum(row["pass_rate"] * row["planned"] for row in rows) / planned
    size = sum(row["size"] for row in rows)
    return {"pass_rate": rate, "ci95": list(wilson(rate * size, size))}


def answered(trials: Iterable[Trial]) -> tuple[dict[str, int], float]:
    """Tool calls by who answered them, and the share of simulated ones (0 to 1)."""
    total: Counter[str] = Counter()
    for trial in trials:
        total.update(trial.provenance)
    share = total["simulated"] / total.total() if total.total() else 0.0
    return dict(sorted(total.items())), round(share, 4)


def _shares(
    keys: Sequence[Key], trials: Mapping[Key, Trial], verdicts: Mapping[Key, Verdict]
) -> list[float]:
    """What each task's trials count, on average."""
    tasks: dict[str, list[float]] = {}
    for key in keys:
        tasks.setdefault(key.task, []).append(worth(trials.get(key), verdicts.get(key)))
    return [sum(each) / len(each) for each in tasks.values()]


def incomplete(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many planned trials are missing or owed again."""
    return sum(row["outcomes"].get(k, 0) for row in rows for k in ("missing", "infra", "cancelled"))
