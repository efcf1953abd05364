"""Rates and their intervals."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]

from toolgrove.benchmarks.statistics import wilson, wilson_of_tasks


@pytest.mark.parametrize("planned", [1, 2, 7, 63, 100, 765, 20_000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_wilson_is_scipys(planned: int, level: float) -> None:
    for passed in {0, 1, planned // 3, planned - 1, planned}:
        known = binomtest(passed, planned).proportion_ci(level, method="wilson")
        assert wilson(passed, planned, level) == pytest.approx(known, abs=5.1e-5)


def test_nothing_planned_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_rate_and_mirrors(counts: tuple[int, int]) -> None:
    passed, planned = counts
    low, high = wilson(passed, planned)
    assert 0 <= low <= round(passed / planned, 4) <= high <= 1 and low < high
    mirrored = wilson(planned - passed, planned)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1.01e-4)
    narrower = wilson(passed, planned, 0.5)
    assert low <= narrower[0] and narrower[1] <= high


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_one_trial_a_task_is_wilsons(passed: list[bool]) -> None:
    assert wilson_of_tasks([float(p) for p in passed], 1) == wilson(sum(passed), len(passed))


def test_trials_of_one_task_count_for_less_than_tasks() -> None:
    alike = wilson_of_tasks([1.0] * 30 + [0.0] * 30, 4)
    assert alike == wilson(30, 60)  # nothing was learnt from the repetitions
    mixed = wilson_of_tasks([0.5] * 60, 4)
    assert mixed == wilson(120, 240)  # no task was easier than another
    between = wilson_of_tasks([1.0] * 15 + [0.5] * 30 + [0.0] * 15, 4)
    assert alike[0] < between[0] < mixed[0] and mixed[1] < between[1] < alike[1]


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.8])
def test_it_covers_the_rate_over_tasks_of_different_difficulty(rate: float) -> None:
    """Simulated: 61 tasks of 3 trials, difficulties from a beta distribution; nominally 95 %."""
    rng, hits, runs = random.Random(7), 0, 1500
    for _ in range(runs):
        chances = [rng.betavariate(2 * rate, 2 * (1 - rate)) for _ in range(61)]
        shares = [sum(rng.random() < p for _ in range(3)) / 3 for p in chances]
        low, high = wilson_of_tasks(shares, 3)
        hits += low <= rate <= high
    assert 0.93 <= hits / runs <= 0.975
