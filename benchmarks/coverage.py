"""Do 95 % intervals cover 95 %? ``python -m toolgrove.benchmarks.coverage`` prints how often.

Wilson's and Tango's coverage is exact: the probabilities of all outcomes whose interval holds the
truth, added up. The cluster bootstrap's is simulated with a seed: tasks whose difficulty follows a
beta distribution, three trials each, an interval for each of many such benchmarks. So is that of
Tango's interval for clusters, where a planner solves some of the tasks for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from .inference import Floats, bootstrapped, difference_interval, rate_interval, tango
from .statistics import wilson

TASKS: Final = (61, 163, 765)  # ToolBench's smallest and largest test set, and all of its tasks
RATES: Final = tuple(k / 10 for k in range(1, 10))
TRIALS: Final = 3
ALIKE: Final = 0.5  # correlation of two trials of one task
BENCHMARKS: Final = 2000
CHUNK: Final = 250


def wilson_coverage(tasks: int, rate: float) -> float:
    """How often Wilson's interval of one trial a task holds the rate; exact."""
    passed = np.arange(tasks + 1)
    low, high = _wilson_ends(tasks)
    holds = (low <= rate) & (rate <= high)
    return float(stats.binom.pmf(passed, tasks, rate)[holds].sum())


@cache
def _wilson_ends(tasks: int) -> tuple[Floats, Floats]:
    ends = np.array([wilson(passed, tasks) for passed in range(tasks + 1)])
    return ends[:, 0], ends[:, 1]


def cluster_coverage(
    tasks: int,
    rate: float,
    *,
    trials: int = TRIALS,
    alike: float = ALIKE,
    benchmarks: int = BENCHMARKS,
    resamples: int = 999,
    seed: int = 0,
) -> float:
    """How often the cluster bootstrap's interval holds the rate; simulated.

    Args:
        tasks: of each simulated benchmark.
        rate: the mean of the tasks' difficulties.
        trials: of each task.
        alike: the correlation of two trials of one task, above 0 and below 1.
        benchmarks: how many are simulated.
        resamples: of each of them.
        seed: of all draws.
    """
    rng = np.random.default_rng([seed, tasks, round(rate * 1000)])
    spread = (1 - alike) / alike
    passed = np.arange(trials + 1)
    shares = stats.betabinom.pmf(passed, trials, rate * spread, (1 - rate) * spread)
    held = 0
    for done in range(0, benchmarks, CHUNK):
        counts = rng.multinomial(tasks, shares, size=min(CHUNK, benchmarks - done))
        low, high = bootstrapped(passed / trials, counts, rng, resamples)
        for k in np.flatnonzero(counts.max(axis=1) == tasks):  # nothing to resample
            found = rate_interval(np.repeat(passed / trials, counts[k]).tolist())
            low[k], high[k] = found.low, found.high
        held += int(((low <= rate) & (rate <= high)).sum())
    return held / benchmarks


def tango_coverage(tasks: int, first: float, second: float, alike: float) -> float:
    """How often Tango's interval holds the difference of two paired rates; exact.

    Args:
        tasks: of one trial for each planner.
        first: the rate of one planner.
        second: that of the other.
        alike: the correlation of the two planners' outcomes on a task.
    """
    joint = first * second + alike * np.sqrt(first * (1 - first) * second * (1 - second))
    wins, losses = first - joint, second - joint
    held = 0.0
    for b in range(tasks + 1):
        c = np.arange(tasks - b + 1)
        chance = stats.binom.pmf(b, tasks, wins) * stats.binom.pmf(
            c, tasks - b, losses / (1 - wins)
        )
        for k in c[chance > 1e-9]:
            low, high = _tango(b, int(k), tasks)
            held += chance[k] * (low <= first - second <= high)
    return float(held)


@cache
def _tango(wins: int, losses: int, tasks: int) -> tuple[float, float]:
    return tango(wins, losses, tasks)


def clustered_coverage(
    tasks: int,
    first: float,
    second: float,
    *,
    trials: int = TRIALS,
    alike: float = ALIKE,
    benchmarks: int = BENCHMARKS,
    seed: int = 0,
) -> float:
    """How often Tango's interval for clusters holds the difference of two rates; simulated.

    The first planner does as the second one but for some tasks, which it always passes.

    Args:
        tasks: of each simulated benchmark.
        first: the rate of one planner, not the smaller one.
        second: that of the other.
        trials: of each task, for each planner.
        alike: the correlation of two trials of the second planner on one task.
        benchmarks: how many are simulated.
        seed: of all draws.
    """
    rng = np.random.default_rng([seed, tasks, round(second * 1000)])
    spread = (1 - alike) / alike
    size = benchmarks, tasks
    chance = rng.beta(second * spread, (1 - second) * spread, size)
    solved = rng.random(size) < (first - second) / (1 - second)
    passed = rng.binomial(trials, np.where(solved, 1.0, chance)) - rng.binomial(trials, chance)
    held = 0
    for differences in passed / trials:
        found = difference_interval(differences)
        held += found.low <= first - second <= found.high
    return held / benchmarks


def _line(name: str, found: Sequence[float]) -> str:
    return f"{name:28}" + "".join(f"{100 * each:7.1f}" for each in found)


def main() -> None:
    """Print coverage in per cent."""
    print(f"{'rate':28}" + "".join(f"{rate:7.1f}" for rate in RATES))
    for tasks in TASKS:
        print(_line(f"Wilson, {tasks} tasks", [wilson_coverage(tasks, r) for r in RATES]))
    for tasks in TASKS:
        found = [cluster_coverage(tasks, rate) for rate in RATES]
        print(_line(f"bootstrap, {tasks} tasks x {TRIALS}", found))
    print("\ndifference of .1 between two planners; rate of the worse one")
    for tasks in TASKS[:2]:
        pairs = [tango_coverage(tasks, rate + 0.1, rate, 0.4) for rate in RATES[:-1]]
        print(_line(f"Tango, {tasks} tasks", pairs))
    for tasks in TASKS[:2]:
        found = [clustered_coverage(tasks, rate + 0.1, rate) for rate in RATES[:-1]]
        print(_line(f"Tango, {tasks} tasks x {TRIALS}", found))
    error = 100 * np.sqrt(0.95 * 0.05 / BENCHMARKS)
    print(
        f"\nper cent of intervals that hold the truth, 95 wanted. One trial a task: exact; "
        f"{TRIALS} trials:\n{BENCHMARKS} simulated benchmarks, standard error {error:.1f}; two "
        f"trials of one task have a correlation of {ALIKE}"
    )


if __name__ == "__main__":
    main()
