"""Rates and their intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]

from toolgrove.benchmarks.statistics import wilson


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
