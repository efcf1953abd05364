"""Intervals and tests: worked by hand, published elsewhere, or true whatever the data."""

from __future__ import annotations

import json
import math
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]
from statsmodels.stats import contingency_tables  # type: ignore[import-untyped]

from toolgrove.benchmarks.coverage import (
    RATES,
    TASKS,
    cluster_coverage,
    clustered_coverage,
    tango_coverage,
    wilson_coverage,
)
from toolgrove.benchmarks.inference import (
    Interval,
    detectable,
    difference_interval,
    holm,
    mcnemar,
    paired,
    rate_interval,
    sign_flip,
    tango,
)
from toolgrove.benchmarks.statistics import pass_at_k, pass_hat_k, wilson

TRIALS = 3
passes = st.integers(0, TRIALS).map(lambda count: count / TRIALS)
pairs = st.lists(st.tuples(passes, passes), min_size=1, max_size=30)


# pass@k and pass^k


def test_tau_bench(shared: Path) -> None:
    [file] = (shared / "tau_bench" / "historical_trajectories").glob("*.json")
    passed: dict[int, int] = {}
    for row in json.loads(file.read_text("utf-8")):
        passed[row["task_id"]] = passed.get(row["task_id"], 0) + (row["reward"] == 1)
    assert len(passed) == 38
    found = [pass_hat_k(list(passed.values()), 4, k) for k in (1, 2, 3, 4)]
    assert found == pytest.approx([0.4145, 0.2632, 0.2105, 0.1842], abs=5e-5)
    assert pass_at_k(list(passed.values()), 4, 1) == pytest.approx(found[0])


@given(st.integers(1, 6).flatmap(lambda n: st.lists(st.booleans(), min_size=n, max_size=n)))
def test_at_k_and_hat_k_are_shares_of_all_ways_to_draw_k_trials(trials: list[bool]) -> None:
    for k in range(1, len(trials) + 1):
        drawn = list(combinations(trials, k))
        some, every = (sum(map(f, drawn)) / len(drawn) for f in (any, all))
        assert pass_at_k([sum(trials)], len(trials), k) == pytest.approx(some)
        assert pass_hat_k([sum(trials)], len(trials), k) == pytest.approx(every)


@given(st.lists(st.integers(1, 5), min_size=1), st.integers(1, 5), st.data())
def test_a_missing_trial_never_raises_them(passed: list[int], k: int, data: st.DataObject) -> None:
    task = data.draw(st.integers(0, len(passed) - 1))
    fewer = [c - (i == task) for i, c in enumerate(passed)]
    for measure in (pass_at_k, pass_hat_k):
        assert measure(fewer, 5, k) <= measure(passed, 5, k)


@pytest.mark.parametrize(
    ("passed", "trials", "k"), [([1], 2, 3), ([1], 2, 0), ([3], 2, 1), ([], 2, 1)]
)
def test_there_are_no_more_passes_than_trials(passed: list[int], trials: int, k: int) -> None:
    for measure in (pass_at_k, pass_hat_k):
        with pytest.raises(ValueError):
            measure(passed, trials, k)


# Intervals of a rate


def test_one_trial_a_task_has_wilsons_interval() -> None:
    assert rate_interval([1.0] * 29 + [0.0] * 34) == Interval(*wilson(29, 63), "Wilson")
    assert rate_interval([0.5] * 10) == Interval(*wilson(5, 10), "Wilson")
    low, high = wilson(3, 10)[0], wilson(4, 10)[1]
    assert rate_interval([1 / 3] * 10) == Interval(low, high, "Wilson")


def test_trials_of_a_task_are_not_taken_for_tasks() -> None:
    """Tasks that always or never pass: three trials tell hardly more than one."""
    values = [1.0] * 30 + [0.0] * 29 + [2 / 3]
    found = rate_interval(values)
    one = wilson(31, 60)
    many = wilson(92, 180)
    width = found.high - found.low
    assert found.method == "cluster bootstrap"
    assert width == pytest.approx(one[1] - one[0], rel=0.1)
    assert width > 1.4 * (many[1] - many[0])


@given(st.lists(passes, min_size=1, max_size=40), st.randoms())
@settings(max_examples=40)
def test_the_order_of_tasks_is_nothing_to_an_interval(values: list[float], draw: object) -> None:
    mixed = list(values)
    draw.shuffle(mixed)  # type: ignore[attr-defined]
    found = rate_interval(values)
    assert rate_interval(mixed) == found
    assert 0 <= found.low <= found.high <= 1
    assert found.low - 1e-3 <= math.fsum(values) / len(values) <= found.high + 1e-3


@pytest.mark.parametrize("values", [[0.0] * 20, [1.0] * 20, [2 / 3] * 20, [1 / 3], [1.0]])
def test_equal_tasks_do_not_make_certain(values: list[float]) -> None:
    found = rate_interval(values)
    assert found.high - found.low > 0.1


@pytest.mark.parametrize("counts", [(30, 9, 11, 11), (52, 3, 3, 3), (2, 3, 8, 148), (3, 0, 1, 4)])
def test_the_bootstrap_is_scipys(counts: tuple[int, ...]) -> None:
    """At the level widened for few tasks, up to two steps of what a mean can be."""
    values = np.repeat([0, 1 / 3, 2 / 3, 1], counts)
    tasks = len(values)
    level = 1 - 2 * stats.norm.cdf(stats.t.ppf(0.025, tasks - 1) * math.sqrt(tasks / (tasks - 1)))
    known = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=level,
        method="BCa",
        random_state=np.random.default_rng(1),
    ).confidence_interval
    found = rate_interval(list(values))
    assert (found.low, found.high) == pytest.approx(tuple(known), abs=2.01 / (3 * tasks))


# Paired tests


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        # 6 tasks differ: 2 (C(6,0) + C(6,1)) / 2^6 = 2 (1 + 6) / 64
        (5, 1, 14 / 64),
        # 12 differ: 2 (C(12,0) + C(12,1) + C(12,2)) / 2^12 = 2 (1 + 12 + 66) / 4096
        (10, 2, 158 / 4096),
        # 8 differ, all one way: 2 / 2^8
        (0, 8, 2 / 256),
        # 5 differ, all one way: 2 / 2^5, the least that five tasks can give
        (5, 0, 2 / 32),
        # as many each way: the half of all outcomes counts twice
        (4, 4, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_by_hand(wins: int, losses: int, p: float) -> None:
    assert mcnemar(wins, losses) == pytest.approx(p, rel=1e-12)
    # Each task that differs is worth 1: every sign of 13 is tried, as the binomial counts them.
    assert sign_flip([1.0] * wins + [-1.0] * losses + [0.0] * 9) == pytest.approx(p, rel=1e-12)


def test_signs_by_hand() -> None:
    # +2/3 +1/3 +1/3 = 4/3; of the eight signs one reaches that, and one -4/3
    assert sign_flip([2 / 3, 1 / 3, 1 / 3, 0.0]) == pytest.approx(2 / 8)
    # +2/3 +1/3 -1/3 = 2/3; of 2 1 1 the sums are 4 2 2 0 0 -2 -2 -4 thirds: three reach 2/3
    assert sign_flip([2 / 3, 1 / 3, -1 / 3]) == pytest.approx(2 * 3 / 8)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
@settings(max_examples=40)
def test_signs_by_trying_all(thirds: list[int]) -> None:
    total = sum(thirds)
    sums = [
        sum(s * d for s, d in zip(signs, thirds, strict=True))
        for signs in product((1, -1), repeat=len(thirds))
    ]
    more = sum(each >= abs(total) for each in sums) / len(sums)
    assert sign_flip([d / 3 for d in thirds]) == pytest.approx(min(1.0, 2 * more))


def test_many_random_signs_come_near_the_binomial() -> None:
    found = sign_flip([1.0] * 40 + [-1.0] * 22)
    assert found == pytest.approx(mcnemar(40, 22), abs=0.006)
    assert sign_flip([1.0] * 80) == pytest.approx(2 / 10_000)  # 9,999 and the one seen


def test_holm_by_hand() -> None:
    # .01 x 3; then max(.03, .03 x 2); then max(.06, .04 x 1)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


# The interval of a difference


@pytest.mark.parametrize(
    ("wins", "losses", "tasks", "level", "ends"),
    [
        # Fagerland, Lydersen and Laake 2014 (Stat. Med. 33:2850): airway hyper-responsiveness
        (1, 7, 21, 0.95, (-0.517, -0.026)),
        # R's PropCIs 0.3-0: scoreci.mp(0, 7, 14) and scoreci.mp(25, 28, 618, conf.level = .9)
        (7, 0, 14, 0.95, (0.177034, 0.732008)),
        (28, 25, 618, 0.90, (-0.0148, 0.0247)),
    ],
)
def test_tango_is_as_published(
    wins: int, losses: int, tasks: int, level: float, ends: tuple[float, float]
) -> None:
    digits = max(len(str(end).partition(".")[2]) for end in ends)
    assert tango(wins, losses, tasks, level) == pytest.approx(ends, abs=0.51 * 10**-digits)


tables = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60)).filter(any)


@given(tables)
def test_tango_holds_zero_where_the_asymptotic_test_does_not_reject(
    table: tuple[int, int, int],
) -> None:
    wins, losses, alike = table
    low, high = tango(wins, losses, sum(table))
    assert -1 <= low <= (wins - losses) / sum(table) <= high <= 1 and low < high
    if wins + losses:
        found = contingency_tables.mcnemar([[0, wins], [losses, alike]], False, False)
        assert (low <= 0 <= high) == (found.pvalue >= 0.05)


def test_no_difference_is_not_certain() -> None:
    z = 1.959964
    # without a task that differs the ends solve n d = z sqrt(n d (1 - d))
    assert tango(0, 0, 50) == pytest.approx((-(z**2) / (50 + z**2), z**2 / (50 + z**2)))
    found = difference_interval([0.0] * 50)
    assert (found.low, found.high) == tango(0, 0, 50)


def test_a_few_differences_on_one_side_do_not_exclude_the_other() -> None:
    """Three of twenty tasks, one trial of three each: by the signs p = 2 / 2^3."""
    differences = [-1 / 3] * 3 + [0.0] * 17
    assert sign_flip(differences) == pytest.approx(0.25)
    found = difference_interval(differences)
    assert found.low < -0.05 < 0 < found.high < 0.1


@given(tables)
def test_tango_for_clusters_is_tango_with_one_trial_a_task(table: tuple[int, int, int]) -> None:
    wins, losses, alike = table
    found = difference_interval([1.0] * wins + [-1.0] * losses + [0.0] * alike)
    assert (found.low, found.high) == pytest.approx(tango(wins, losses, sum(table)))


def test_trials_that_are_always_alike_are_worth_one() -> None:
    """Three trials that never differ within a task tell what one trial tells."""
    three, one = [1.0] * 9 + [-1.0] * 4 + [0.0] * 30, tango(9, 4, 43)
    found = difference_interval(three)
    assert (found.low, found.high) == pytest.approx(one)
    thirds = difference_interval([d / 3 for d in three])
    assert thirds.high - thirds.low < (one[1] - one[0]) / 2


# Two planners


@given(pairs, st.randoms())
@settings(max_examples=60, deadline=None)
def test_order_changes_nothing_and_swapping_mirrors(
    values: list[tuple[float, float]], draw: object
) -> None:
    mixed = list(values)
    draw.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = zip(*values, strict=True)
    found = paired(first, second)
    assert paired(*zip(*mixed, strict=True)) == found
    swapped = paired(second, first)
    assert swapped.difference == -found.difference
    ends = (-found.interval.high, -found.interval.low)
    assert (swapped.interval.low, swapped.interval.high) == ends
    assert (swapped.wins, swapped.losses) == (found.losses, found.wins)
    assert (swapped.p, swapped.test) == (found.p, found.test)
    assert (swapped.first, swapped.second) == (found.second, found.first)
    assert swapped.detectable == found.detectable
    assert 0 <= found.p <= 1 and -1 <= found.interval.low <= found.interval.high <= 1


@given(pairs.filter(lambda values: any(a for a, _ in values)), st.data())
@settings(max_examples=40, deadline=None)
def test_a_missing_trial_never_raises_a_rate(
    values: list[tuple[float, float]], data: st.DataObject
) -> None:
    first, second = map(list, zip(*values, strict=True))
    task = data.draw(st.sampled_from([i for i, value in enumerate(first) if value]))
    fewer = list(first)
    fewer[task] -= 1 / TRIALS
    before, after = paired(first, second), paired(fewer, second)
    assert after.first < before.first and after.second == before.second
    assert after.difference < before.difference


def test_the_test_fits_the_data() -> None:
    one = paired([1.0, 0.0, 1.0], [0.0, 0.0, 1.0])
    assert (one.test, one.interval.method) == ("exact McNemar", "Tango")
    three = paired([1.0, 1 / 3, 1.0], [0.0, 0.0, 1.0])
    assert (three.test, three.interval.method) == ("sign-flip permutation", "Tango, clustered")
    assert (three.wins, three.losses, three.tasks) == (2, 0, 3)


# What a comparison can find


@pytest.mark.parametrize(
    ("tasks", "share", "difference"),
    [
        # powerandsamplesize.com, McNemar's Z-test: p01 = .45, p10 = .05 needs 23
        (23, 0.5, 0.4),
        # a share of .45 and a difference of .15 need 155 (Connor's formula, as cited there)
        (155, 0.45, 0.15),
    ],
)
def test_connors_sample_sizes(tasks: int, share: float, difference: float) -> None:
    enough, few = detectable(tasks, share), detectable(tasks - 1, share)
    assert enough is not None and few is not None
    assert enough <= difference < few


@pytest.mark.parametrize(
    ("tasks", "share"), [(20, 0.3), (61, 0.3), (61, 0.1), (163, 0.2), (765, 0.1), (163, 0.0)]
)
def test_such_a_difference_is_found_nearly_four_times_in_five(tasks: int, share: float) -> None:
    difference = detectable(tasks, share)
    assert difference is not None
    share = max(share, difference)
    ways = [(share + difference) / 2, (share - difference) / 2, 1 - share]
    drawn = np.random.default_rng(5).multinomial(tasks, ways, size=20_000)
    wins, losses = drawn[:, 0], drawn[:, 1]
    p = 2 * stats.binom.cdf(np.minimum(wins, losses), wins + losses, 0.5)
    assert (p <= 0.05).mean() == pytest.approx(0.77, abs=0.03)


def test_more_tasks_find_less_and_a_few_find_nothing() -> None:
    assert detectable(5, 0.5) is None
    sizes = [detectable(n, 0.2) or 2 for n in (6, 10, 61, 163, 765, 10_000)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] <= 1


# Coverage


@pytest.mark.parametrize("rate", RATES)
def test_wilson_covers(rate: float) -> None:
    """Exact at the sizes of ToolBench's test sets: no chance in it."""
    for tasks in TASKS:
        assert 0.93 <= wilson_coverage(tasks, rate) <= 0.97


@pytest.mark.parametrize(
    ("tasks", "rate"), [(61, 0.1), (61, 0.5), (61, 0.9), (163, 0.3), (765, 0.7)]
)
def test_the_bootstrap_covers(tasks: int, rate: float) -> None:
    """A part of what ``python -m toolgrove.benchmarks.coverage`` does for every cell."""
    found = cluster_coverage(tasks, rate, benchmarks=1000, resamples=499)
    assert 0.93 <= found <= 0.97


@pytest.mark.parametrize("alike", [0.2, 0.8])
def test_the_bootstrap_covers_however_alike_the_trials_are(alike: float) -> None:
    assert 0.93 <= cluster_coverage(61, 0.2, alike=alike, benchmarks=1000, resamples=499) <= 0.97


def test_tango_covers() -> None:
    for first, second in ((0.2, 0.1), (0.5, 0.4), (0.6, 0.6)):
        assert 0.93 <= tango_coverage(61, first, second, 0.4) <= 0.97
        assert 0.93 <= clustered_coverage(61, first, second, benchmarks=1500) <= 0.97
