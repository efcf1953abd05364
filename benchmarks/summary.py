"""The summary of a run: pass rates over the planned tasks, outcomes, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .judges import Verdict
from .statistics import wilson
from .trial import Key, Trial

SPENT = ("calls", "tokens", "steps", "usd", "seconds")


def outcome(trial: Trial | None, verdict: Verdict | None) -> str:
    """An answered trial counts by its verdict, another by its end; ``missing`` was not run."""
    if trial is None:
        return "missing"
    if trial.end != "answered":
        return trial.end
    return "unjudged" if verdict is None else verdict.decision


def summarise(
    planned: Iterable[Key],
    trials: Mapping[Key, Trial],
    verdicts: Mapping[Key, Verdict],
) -> list[dict[str, Any]]:
    """One row for each planner and suite, in the order planned.

    ``calls``, ``tokens``, ``steps``, ``usd`` and ``seconds`` are sums over the trials there are.
    """
    cells: dict[tuple[str, str], list[Key]] = {}
    for key in planned:
        cells.setdefault((key.planner, key.suite), []).append(key)
    rows = []
    for (planner, suite), keys in cells.items():
        outcomes = Counter(outcome(trials.get(key), verdicts.get(key)) for key in keys)
        passed = outcomes["passed"]
        row: dict[str, Any] = {
            "planner": planner,
            "suite": suite,
            "planned": len(keys),
            "passed": passed,
            "pass_rate": round(passed / len(keys), 4),
            "ci95": list(wilson(passed, len(keys))),
            "outcomes": dict(sorted(outcomes.items())),
        }
        there = [trials[key] for key in keys if key in trials]
        for what in SPENT:
            total = sum(trial.spent[what] for trial in there)
            row[what] = round(total, 6) if what in ("usd", "seconds") else int(total)
        rows.append(row)
    return rows


def incomplete(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many planned trials are missing or owed again."""
    return sum(row["outcomes"].get(k, 0) for row in rows for k in ("missing", "infra", "cancelled"))
