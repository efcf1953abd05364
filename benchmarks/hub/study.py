"""What planners gain, by level: ``python -m toolgrove.benchmarks.hub.study RUN [RUN ..]``.

Rates are means over tasks of the share of trials that passed; intervals are bootstrapped over
tasks, so repetitions of one task do not count as evidence of their own. Gains are paired: the same
tasks, planner against planner.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ...core import UsageError
from ..rundir import RunDirectory

DRAWS: Final = 2000
Shares = Mapping[str, Mapping[tuple[str, str], float]]


def shares(run: RunDirectory, judge: str = "truth") -> dict[str, dict[tuple[str, str], float]]:
    """For each planner and task (suite, id), the share of its trials that passed.

    Raises:
        UsageError: the run has no verdicts of that judge.
    """
    verdicts = run.verdicts.get(judge)
    if not verdicts:
        raise UsageError(f"{run.path} has no verdicts of the judge {judge!r}")
    passed: dict[str, dict[tuple[str, str], list[bool]]] = {}
    for key in run.trials:
        verdict = verdicts.get(key)
        good = verdict is not None and verdict.decision == "passed"
        passed.setdefault(key.planner, {}).setdefault((key.suite, key.task), []).append(good)
    return {
        planner: {task: sum(each) / len(each) for task, each in tasks.items()}
        for planner, tasks in passed.items()
    }


def level_of(suite: str) -> str:
    """I1, I2 or I3, by the suite's name (``hub:i2-cat``)."""
    return suite.removeprefix("hub:")[:2].upper()


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean (Efron 1979; percentiles)."""
    rng = random.Random(seed)
    n = len(values)
    means = sorted(sum(rng.choices(values, k=n)) / n for _ in range(DRAWS))
    return means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS)]


def lines(found: Shares, reference: str) -> list[str]:
    """A table in Markdown: rates by level, then the reference's gain over each other planner."""
    levels = sorted({level_of(suite) for tasks in found.values() for suite, _ in tasks})
    out = ["| | " + " | ".join(levels) + " |", "|---|" + "---|" * len(levels)]
    for planner, tasks in found.items():
        out.append(_row(planner, [_of(tasks, level) for level in levels]))
    best = found[reference]
    for planner, tasks in found.items():
        if planner != reference:
            gains = {task: best[task] - share for task, share in tasks.items() if task in best}
            name = f"{reference} over {planner}"
            out.append(_row(name, [_of(gains, level) for level in levels], signed=True))
    return out


def _of(tasks: Mapping[tuple[str, str], float], level: str) -> list[float]:
    return [share for (suite, _), share in tasks.items() if level_of(suite) == level]


def _row(name: str, cells: Sequence[Sequence[float]], *, signed: bool = False) -> str:
    shown = []
    for values in cells:
        low, high = interval(values)
        mean = sum(values) / len(values)
        sign = "+" if signed else ""
        shown.append(f"{100 * mean:{sign}.1f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]")
    return f"| {name} | " + " | ".join(shown) + " |"


def main() -> None:
    """Print a table for each run."""
    for name in sys.argv[1:]:
        try:
            found = shares(RunDirectory(Path(name)))
        except UsageError as error:
            sys.exit(f"study: {error}")
        print("\n".join([f"{name}:", *lines(found, "dfsdt"), ""]))


if __name__ == "__main__":
    main()
