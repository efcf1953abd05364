"""Intervals and tests for tasks run several times, or by two planners: ``compare`` loads it.

The unit is the task. Its value is the mean over its planned trials, from 0 to 1, where a trial
that passed counts 1 and one that is missing counts 0. Trials of one task are alike, so that they
are never taken for tasks of their own. numpy, scipy and statsmodels are in the extra ``report``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats  # type: ignore[import-untyped]
from statsmodels.stats import contingency_tables, multitest  # type: ignore[import-untyped]

from .statistics import wilson

Floats = NDArray[np.float64]
RESAMPLES: Final = 9999
LEAST: Final = 6  # tasks: with fewer the exact test never comes below 5 %


@dataclass(frozen=True)
class Interval:
    """Where a rate or a difference of rates lies.

    Attributes:
        low, high: its ends.
        method: ``Wilson`` or ``cluster bootstrap`` of a rate; of a difference ``Tango`` or, with
            several trials a task, ``Tango, clustered``.
    """

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Paired:
    """Two planners on the same tasks.

    Attributes:
        tasks: how many.
        first, second: their rates on these tasks.
        difference: first minus second.
        interval: 95 % of the difference.
        wins, losses: tasks where the first is better, and where the second is; with one trial a
            task these are McNemar's discordant counts.
        p: two-sided p-value of the test that both are equally good.
        test: ``exact McNemar`` or ``sign-flip permutation``.
        detectable: the smallest difference that a comparison of so many tasks, which differ as
            much as these, finds with a power of 80 % at the 5 % level; None where it finds none.
    """

    tasks: int
    first: float
    second: float
    difference: float
    interval: Interval
    wins: int
    losses: int
    p: float
    test: str
    detectable: float | None


def rate_interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """A 95 % interval of a rate.

    Wilson's where every task passed wholly or not at all, as with one trial a task; else the
    cluster bootstrap. Where all tasks have one value there is nothing to resample, and Wilson's
    interval for so many tasks stands in.

    Args:
        values: of each planned task.
        seed: of the resampling.
    """
    found = _array(values)
    if _whole(found) or found.min() == found.max():
        return Interval(*_wilson(_mean(found), len(found)), "Wilson")
    return Interval(*_resampled(found, seed), "cluster bootstrap")


def paired(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Paired:
    """Compare two planners, task by task.

    The exact McNemar test and Tango's interval where every task passed wholly or not at all; else
    the sign-flip permutation test and Tango's interval for clusters.

    Args:
        first: values of the tasks; one or more.
        second: those of the same tasks in the same order.
        seed: of the random signs; the order of the tasks changes nothing.
    """
    one, two = _array(first), _array(second)
    differences = (one - two).round(12)  # thirds and sixths that are equal, made equal
    rates = _mean(one), _mean(two)
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    tasks, whole = len(differences), _whole(one) and _whole(two)
    if whole:
        interval = Interval(*tango(wins, losses, tasks), "Tango")
        p, test = mcnemar(wins, losses), "exact McNemar"
    else:
        interval = difference_interval(differences)
        p, test = sign_flip(differences, seed=seed), "sign-flip permutation"
    return Paired(
        tasks,
        *rates,
        rates[0] - rates[1],
        interval,
        wins,
        losses,
        p,
        test,
        detectable(tasks, _mean(differences**2), whole=whole),
    )


def mcnemar(wins: int, losses: int) -> float:
    """Two-sided p-value of McNemar's exact test: a fair coin for each task that differs.

    Args:
        wins: tasks that only the first passed.
        losses: tasks that only the second passed.

    >>> mcnemar(5, 1)
    0.21875
    """
    found = contingency_tables.mcnemar([[0, wins], [losses, 0]], exact=True)
    return float(found.pvalue)


def sign_flip(differences: Sequence[float] | Floats, *, seed: int = 0) -> float:
    """Two-sided p-value of the sign-flip permutation test of a mean difference of zero.

    Under the hypothesis that the planners are equally good each task's difference could as well
    have the other sign. All signs are tried up to 13 tasks that differ, else 9,999 at random.

    Args:
        differences: first minus second, for each task.
        seed: of the random signs.
    """
    given = np.asarray(differences, dtype=np.float64)
    differing = _oriented(given[given != 0])
    if differing.size < 2:  # either sign is as extreme as the other, and scipy needs two
        return 1.0
    found = stats.permutation_test(
        (differing,),
        _total,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=1000,
        random_state=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values of one family, corrected for their number (Holm 1979)."""
    if len(ps) < 2:
        return list(ps)
    return [float(p) for p in multitest.multipletests(ps, method="holm")[1]]


def tango(wins: float, losses: float, tasks: float, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a difference of paired rates (Tango 1998, Stat. Med. 17:891).

    It holds those differences that the asymptotic McNemar test would not reject, the other
    parameter being at its maximum likelihood; unlike the exact test it is not conservative, so
    that it may leave out 0 where that test's p is just above 5 %.

    Args:
        wins: tasks that only the first passed.
        losses: tasks that only the second passed.
        tasks: all, those where both ended alike included.
        level: of confidence.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return -_tango_upper(losses, wins, tasks, z), _tango_upper(wins, losses, tasks, z)


def _tango_upper(b: float, c: float, n: float, z: float) -> float:
    def excess(delta: float) -> float:
        linear = (2 * n - b + c) * delta - b - c
        root = math.sqrt(max(0.0, linear**2 + 8 * n * c * delta * (1 - delta)))
        losing = (root - linear) / (4 * n)  # the likeliest share that only the second passes
        variance = n * (2 * losing + delta * (1 - delta))
        return b - c - n * delta + z * math.sqrt(max(0.0, variance))

    start = (b - c) / n + 1e-9  # at the estimate itself the variance may be zero
    return float(optimize.brentq(excess, start, 1.0, xtol=1e-12)) if b < n else 1.0


def difference_interval(differences: Sequence[float] | Floats) -> Interval:
    """A 95 % interval of a mean difference where tasks have several trials.

    Tango's, with the counts and the number of tasks of one trial each that would have the variance
    seen between the tasks: the effective sample size, as Wilson's interval of one rate takes it in
    surveys of clusters (Franco et al. 2019, J. Surv. Stat. Methodol. 7:334). It covers 94 to 96 %
    in simulations where the bootstrap of the differences, which cannot leave the side on which all
    of a few differences stand, covers 88 to 95 %.

    Args:
        differences: first minus second, for each task, from -1 to 1.
    """
    given = np.asarray(differences, dtype=np.float64)
    tasks, mean, share = len(given), _mean(given), _mean(np.abs(given))
    worth = float(tasks)
    if share:
        variance = (_mean(given**2) - mean**2) * tasks / max(tasks - 1, 1)
        most = tasks / float(np.abs(given[given != 0]).min())  # about all trials, if not alike
        full = share - mean**2  # the variance if every difference were 1, 0 or -1
        worth = max(worth, min(most, tasks * full / variance if variance > 1e-12 else most))
    wins, losses = worth * (share + mean) / 2, worth * (share - mean) / 2
    return Interval(*tango(wins, losses, worth), "Tango, clustered")


def detectable(tasks: int, share: float, *, whole: bool = True) -> float | None:
    """The smallest difference of paired rates found with a power of 80 % at the 5 % level.

    The sample size formula of Connor (1987, Biometrics 43:207), solved for the difference d::

        sqrt(n) d = z(.975) sqrt(s) + z(.80) sqrt(s - d d)

    n being the tasks and s the share of tasks that differ. With several trials a task s is the
    mean of the squared differences, which is the variance that the sign-flip test has. With one
    trial a difference d takes a share of at least d: where the formula gives more than the share
    seen, s = d, as if all tasks that differ were won by one planner. The formula takes the normal
    approximation: the exact test's power at d is 74 to 79 %, not 80 % (20 to 765 tasks).

    Args:
        tasks: how many.
        share: as seen.
        whole: every task passed wholly or not at all.

    Returns:
        None with fewer than six tasks: no outcome at all is below 5 % then.
    """
    if tasks < LEAST:
        return None
    normal = NormalDist()
    a, b = normal.inv_cdf(0.975), normal.inv_cdf(0.8)
    root = math.sqrt(tasks) * a + b * math.sqrt(tasks + b * b - a * a)
    found = math.sqrt(share) * root / (tasks + b * b)
    if not share or (whole and found > share):

        def short(d: float) -> float:
            return math.sqrt(tasks * d) - a - b * math.sqrt(1 - d)

        return float(optimize.brentq(short, 0.0, 1.0))
    return min(found, 1.0)


def bootstrapped(
    values: Floats, counts: NDArray[np.int64], rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[Floats, Floats]:
    """The ends of 95 % intervals of the means of several samples, by the bootstrap.

    The bias-corrected and accelerated bootstrap (BCa: Efron 1987, JASA 82:171), which is that of
    ``scipy.stats.bootstrap``; the plain percentiles cover 92 % where a rate of .1 was seen on 61
    tasks. Its level is widened for few tasks by Student's t, as Hesterberg (2015, Am. Stat.
    69:371) does for the percentiles. To draw tasks with replacement is to draw how often each
    value comes, which takes no account of their order and is quick enough for ``coverage``.

    Args:
        values: the different ones, of shape (k,).
        counts: how many tasks have each, of shape (samples, k); the sums are one number of tasks.
        rng: the source of chance.
        resamples: drawn from each sample.

    Returns:
        Lower and upper ends, each of shape (samples,).
    """
    tasks = int(counts[0].sum())
    means = counts @ values / tasks
    drawn = rng.multinomial(tasks, counts / tasks, size=(resamples, len(counts))) @ values / tasks
    drawn.sort(axis=0)
    close = 1e-12
    below = ((drawn < means - close).mean(axis=0) + (drawn <= means + close).mean(axis=0)) / 2
    bias = stats.norm.ppf(np.clip(below, 1 / resamples, 1 - 1 / resamples))
    away = values - means[:, None]
    squares = np.maximum((counts * away**2).sum(axis=1), 1e-30)  # of equal values
    acceleration = (counts * away**3).sum(axis=1) / (6 * squares**1.5)
    wide = stats.t.ppf(0.975, tasks - 1) * math.sqrt(tasks / (tasks - 1))
    ends = []
    for z in (bias - wide, bias + wide):
        place = stats.norm.cdf(bias + z / (1 - acceleration * z)) * (resamples - 1)
        under, columns = np.floor(place).astype(np.int64), np.arange(len(counts))
        over = np.minimum(under + 1, resamples - 1)
        part = place - under
        ends.append(drawn[under, columns] * (1 - part) + drawn[over, columns] * part)
    return ends[0], ends[1]


def _resampled(tasks: Floats, seed: int) -> tuple[float, float]:
    values, counts = np.unique(tasks, return_counts=True)
    low, high = bootstrapped(values, counts[None], np.random.default_rng(seed))
    return float(low[0]), float(high[0])


def _array(values: Sequence[float]) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if not found.size:
        raise ValueError("no task")
    return found


def _whole(values: Floats) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _wilson(rate: float, tasks: int) -> tuple[float, float]:
    """Wilson's interval at a rate that need not be a whole number of the tasks."""
    if abs(rate * tasks - round(rate * tasks)) < 1e-9:
        return wilson(round(rate * tasks), tasks)
    below, above = math.floor(rate * tasks), math.ceil(rate * tasks)
    return wilson(below, tasks)[0], wilson(above, tasks)[1]


def _oriented(values: Floats) -> Floats:
    """The values, sorted, or their mirror image: the same whichever planner comes first."""
    up, down = np.sort(values), np.sort(-values)
    return up if tuple(up) >= tuple(down) else down


def _mean(values: Floats) -> float:
    return math.fsum(values) / len(values)  # exactly the same in any order of the tasks


def _total(values: Floats, axis: int) -> Floats:
    """Sums, rounded, so that equal ones are equal: thirds do not add up exactly."""
    found: Floats = np.round(np.sum(values, axis=axis), 9)
    return found
