"""Sweeps: what planners of many hyper-parameters pass, which is the best, and how sure that is.

The best one of a suite is *clear* only if it is better than each other one by the paired test and
its interval. Each test is at the 5 % level: to be the best is to win all of them, so that
the level of the whole is no more than that of each (an intersection-union test: Berger 1982,
Technometrics 24:295), however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import UsageError
from .ranges import Variant, variants
from .scored import ScoredRun
from .summary import pooled

LEVEL = 0.05


@dataclass(frozen=True)
class Swept:
    """A planner text of the command, and the planners that it stands for.

    Attributes:
        text: as given.
        variants: the planners.
    """

    text: str
    variants: tuple[Variant, ...]

    @property
    def parameter(self) -> str | None:
        """The only parameter that varies; None if there are more, or none."""
        names = [name for name, _ in self.variants[0].values]
        return names[0] if len(names) == 1 and len(self.variants) > 1 else None


def swept(texts: Sequence[str]) -> list[Swept]:
    """What each text stands for.

    Raises:
        UsageError: a range is wrong.
    """
    return [Swept(text, tuple(variants(text))) for text in texts]


def planners_of(sweeps: Sequence[Swept], reference: str | None = None) -> list[str]:
    """All planners, each once; the reference first where no text stands for it."""
    specs = [variant.spec for each in sweeps for variant in each.variants]
    first = [reference] if reference is not None and reference not in specs else []
    return list(dict.fromkeys([*first, *specs]))


@dataclass(frozen=True)
class Best:
    """Who passes most of a suite.

    Attributes:
        suite: which; None are all together.
        planner: the spec; of equal ones the first.
        rate: its pass rate.
        tied: planners that the run does not tell from it; none if it is clearly the best.
    """

    suite: str | None
    planner: str
    rate: float
    tied: tuple[str, ...]

    @property
    def clear(self) -> bool:
        """Whether it is better than each other one."""
        return not self.tied


def best(run: ScoredRun) -> list[Best]:
    """The best planner of all suites together and, with several, of each.

    Raises:
        UsageError: the extra ``report`` is not installed.
    """
    try:
        from .inference import paired
    except ModuleNotFoundError as error:
        raise UsageError(
            f"to tell whether a planner is the best needs {error.name}: "
            f"pip install 'toolgrove[report]'"
        ) from error
    suites: list[str | None] = [None, *(run.tasks if len(run.tasks) > 1 else ())]
    found = []
    for suite in suites:
        values = {planner: _values(run, planner, suite) for planner in run.planners}
        rates = {p: math.fsum(of.values()) / len(of) for p, of in values.items()}
        first = max(rates, key=lambda p: round(rates[p], 9))
        tasks = list(values[first])
        tied = []
        for planner in run.planners:
            if planner == first:
                continue
            most = _values(run, planner, suite, unknown=1.0)  # clear whatever is still owed
            result = paired([values[first][task] for task in tasks], [most[task] for task in tasks])
            if result.p > LEVEL or result.interval.low <= 0:
                tied.append(planner)
        found.append(Best(suite, first, rates[first], tuple(tied)))
    return found


def _values(
    run: ScoredRun, planner: str, suite: str | None, unknown: float = 0.0
) -> dict[tuple[str, str], float]:
    """The mean over each task's trials; one of which nothing is known counts ``unknown``."""
    trials: dict[tuple[str, str], list[float]] = {}
    for item in run.of(planner, suite):
        value = unknown if item.value is None else item.value
        trials.setdefault((item.key.suite, item.key.task), []).append(value)
    return {task: math.fsum(each) / len(each) for task, each in trials.items()}


@dataclass(frozen=True)
class Setting:
    """What one value of a parameter comes to.

    Attributes:
        value: as text.
        planner: the spec.
        suite: of one suite, or None for all together.
        rate, low, high: the pass rate and its interval, as in the summary.
        calls: of the model a trial.
    """

    value: str
    planner: str
    suite: str | None
    rate: float
    low: float
    high: float
    calls: float


def settings(sweep: Swept, rows: Sequence[Mapping[str, Any]]) -> list[Setting]:
    """A parameter's values by what they pass: of all suites together and, with several, of each."""
    found = []
    for variant in sweep.variants:
        [(_, value)] = variant.values
        mine = [row for row in rows if row["planner"] == variant.spec]
        places: list[tuple[str | None, list[Mapping[str, Any]]]] = [(None, mine)]
        if len(mine) > 1:
            places += [(row["suite"], [row]) for row in mine]
        for suite, part in places:
            whole = part[0] if len(part) == 1 else pooled(part)
            there = sum(row["planned"] - row["outcomes"].get("missing", 0) for row in part)
            calls = sum(row["calls"] for row in part) / there if there else 0.0
            low, high = whole["ci95"]
            found.append(Setting(value, variant.spec, suite, whole["pass_rate"], low, high, calls))
    return found
