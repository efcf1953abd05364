"""Rates and their intervals. Every rate is over the tasks planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from ..core import UsageError


def wilson(passed: float, planned: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a rate (Wilson 1927), from 0 to 1.

    >>> wilson(29, 63)
    (0.3431, 0.5821)
    """
    if planned <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    rate, spread = passed / planned, z * z / planned
    centre = rate + spread / 2
    half = z * math.sqrt(rate * (1 - rate) / planned + spread / (4 * planned))
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return round(max(0.0, low), 4), round(min(1.0, high), 4)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % around the mean of the tasks' values.

    Wilson's interval; where a task has several trials that of :func:`.inference.rate_interval`.

    Raises:
        UsageError: tasks have several trials, and the extra ``report`` is not installed.
    """
    if set(values) <= {0.0, 1.0}:
        return wilson(math.fsum(values), len(values))
    try:
        from .inference import rate_interval
    except ModuleNotFoundError as error:
        raise UsageError(
            f"intervals over several trials of a task need {error.name}: "
            f"pip install 'toolgrove[report]'"
        ) from error
    found = rate_interval(values)
    return round(found.low, 4), round(found.high, 4)


def effective_size(shares: Sequence[float], trials: int) -> float:
    """How many independent trials tell as much of a mean over tasks that had several trials each.

    Trials of one task are alike, so they count for less than as many tasks: the size is that of
    independent trials whose mean has the variance which the tasks' shares show (the design effect:
    Kish 1965; Korn and Graubard 1998, section 2), from one to all trials of a task.

    Args:
        shares: for each task planned, the share of its trials that passed.
        trials: of a task.
    """
    n = len(shares)
    mean = math.fsum(shares) / n if n else 0.0
    if trials == 1 or not 0 < mean < 1:
        return float(n)
    spread = math.fsum((share - mean) ** 2 for share in shares)
    most = float(n * trials)
    return most if spread == 0 else min(most, max(n, mean * (1 - mean) * (n - 1) * n / spread))


def wilson_of_tasks(shares: Sequence[float], trials: int) -> tuple[float, float]:
    """Wilson's interval of a mean over tasks, by the :func:`effective_size`."""
    size = effective_size(shares, trials)
    return wilson(math.fsum(shares) / len(shares) * size if shares else 0.0, size)


def pass_at_k(passed: Sequence[int], trials: int, k: int) -> float:
    """How often at least one of k trials passes: pass@k (Chen et al. 2021, section 2.1).

    The unbiased estimator, 1 - C(n - c, k) / C(n, k) for c of n trials, averaged over tasks.

    Args:
        passed: for each task planned, how many of its trials passed.
        trials: planned for each task; one that is missing has not passed.
        k: from 1 to ``trials``.

    >>> pass_at_k([0, 1, 4, 4], trials=4, k=2)
    0.625
    """
    _check(passed, trials, k)
    ways = math.comb(trials, k)
    return 1 - sum(math.comb(trials - c, k) for c in passed) / (ways * len(passed))


def pass_hat_k(passed: Sequence[int], trials: int, k: int) -> float:
    """How often all of k trials pass: pass^k (tau-bench, Yao et al. 2024, section 4).

    C(c, k) / C(n, k) for c of n trials, averaged over tasks; arguments as of :func:`pass_at_k`.

    >>> pass_hat_k([0, 1, 4, 4], trials=4, k=2)
    0.5
    """
    _check(passed, trials, k)
    return sum(math.comb(c, k) for c in passed) / (math.comb(trials, k) * len(passed))


def _check(passed: Sequence[int], trials: int, k: int) -> None:
    if not 1 <= k <= trials:
        raise ValueError(f"k = {k}: must be from 1 to the {trials} trials of a task")
    if not passed or not all(0 <= c <= trials for c in passed):
        raise ValueError(f"each of one or more tasks has from 0 to {trials} trials that passed")
