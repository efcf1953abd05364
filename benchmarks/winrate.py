"""Win rates: how often one planner's answer is preferred, and what that is worth.

Needs the extra ``report`` (scipy, statsmodels).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm  # type: ignore[import-untyped]
from scipy.stats import binomtest  # type: ignore[import-untyped]

from .preference import Choice, Look
from .statistics import wilson, wilson_of_tasks


@dataclass(frozen=True)
class WinRate:
    """How one side fares against another.

    Attributes:
        planned: pairs planned; the denominator.
        wins, ties, losses, unjudged: they add up to ``planned``.
        rate: (wins + ties / 2) / planned; what is unjudged counts nothing, for either side.
        ci95: Wilson's interval of the rate, by the effective number where a task has several
            pairs; with ties it is wider than it need be.
        p: of the exact sign test, ties left out; 1 where nothing is decided. Pairs of one task
            are alike: each task has one sign, that of its wins less its losses.
    """

    planned: int
    wins: int
    ties: int
    losses: int
    unjudged: int
    rate: float
    ci95: tuple[float, float]
    p: float

    @classmethod
    def of(cls, choices: Sequence[Choice], tasks: Sequence[Hashable] | None = None) -> WinRate:
        """From the side called ``first``: its wins are the choices of it.

        Args:
            choices: one for each pair.
            tasks: what each pair is of; by default every pair has a task of its own.
        """
        of_task: dict[Hashable, list[Choice]] = {}
        for choice, task in zip(choices, tasks or range(len(choices)), strict=True):
            of_task.setdefault(task, []).append(choice)
        ahead = [told.count("first") - told.count("second") for told in of_task.values()]
        up, down = sum(each > 0 for each in ahead), sum(each < 0 for each in ahead)
        counts = Counter(choices)
        wins, losses, ties = counts["first"], counts["second"], counts["tie"]
        worth, n = wins + ties / 2, len(choices)
        p = float(binomtest(up, up + down).pvalue) if up + down else 1.0
        rate = worth / n if n else 0.0
        ends = wilson(worth, n)
        if len(of_task) < n:
            shares = [(t.count("first") + t.count("tie") / 2) / len(t) for t in of_task.values()]
            ends = wilson_of_tasks(shares, max(map(len, of_task.values())))
        return cls(n, wins, ties, losses, counts["unjudged"], rate, ends, p)


@dataclass(frozen=True)
class Bias:
    """How often a judge goes by something that should not count.

    Attributes:
        n: looks that could show it.
        share: of those, how many went that way; one half is no bias.
        ci95: Wilson's interval.
        p: of the exact binomial test against one half.
    """

    n: int
    share: float
    ci95: tuple[float, float]
    p: float

    @classmethod
    def of(cls, went: Sequence[bool]) -> Bias:
        """From whether each look went that way."""
        n, k = len(went), sum(went)
        p = float(binomtest(k, n).pvalue) if n else 1.0
        return cls(n, k / n if n else 0.5, wilson(k, n), p)


def position_bias(looks: Sequence[Look]) -> Bias:
    """How often the answer that stands first is preferred, of the looks that prefer one.

    Each pair is shown in both orders, so without a bias the share is one half.
    """
    return Bias.of([look.said == "first" for look in looks if look.said in ("first", "second")])


def length_bias(choices: Sequence[Choice], lengths: Sequence[tuple[int, int]]) -> Bias:
    """How often the longer answer is preferred, of the pairs that have a winner and a longer one.

    Args:
        choices: one for each pair.
        lengths: of its first and its second answer, in characters.
    """
    went = [
        (choice == "first") == (a > b)
        for choice, (a, b) in zip(choices, lengths, strict=True)
        if choice in ("first", "second") and a != b
    ]
    return Bias.of(went)


def bradley_terry(
    choices: Mapping[tuple[str, str], Sequence[Choice]], draws: int = 500, seed: int = 0
) -> dict[str, tuple[float, tuple[float, float]]]:
    """Strengths of three or more sides on one scale (Bradley and Terry 1952), with intervals.

    The log odds that one side's answer is preferred to another's is the difference of their
    strengths, whose mean is 0. A tie is half a win for both. Each pair of sides gets half a win
    either way beforehand, so that a side that always wins has a finite strength. Intervals are
    percentiles of a bootstrap over the choices of each pair of sides.

    Args:
        choices: for each pair of sides, (first, second), the preferences.
        draws: of the bootstrap.
        seed: of it.
    """
    sides = list(dict.fromkeys(itertools.chain.from_iterable(choices)))
    found = _strengths(sides, {pair: _worth(told) for pair, told in choices.items()})
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        again: dict[tuple[str, str], tuple[float, float]] = {}
        for pair, told in choices.items():
            again[pair] = _worth([told[i] for i in rng.integers(0, max(1, len(told)), len(told))])
        drawn.append(_strengths(sides, again))
    low, high = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    return {
        side: (float(found[i]), (float(low[i]), float(high[i]))) for i, side in enumerate(sides)
    }


def _worth(choices: Sequence[Choice]) -> tuple[float, float]:
    """Wins of either side, ties halved."""
    counts = Counter(choices)
    half = counts["tie"] / 2
    return counts["first"] + half, counts["second"] + half


def _strengths(
    sides: Sequence[str], worth: Mapping[tuple[str, str], tuple[float, float]]
) -> np.ndarray[Any, Any]:
    rows, ends = [], []
    for (first, second), (won, lost) in worth.items():
        row = np.zeros(len(sides))
        row[sides.index(first)], row[sides.index(second)] = 1.0, -1.0
        rows += [row[1:]] * 2  # the first side's strength is 0 until they are centred
        ends += [(won, lost), (0.5, 0.5)]
    fitted = sm.GLM(np.array(ends), np.array(rows), family=sm.families.Binomial()).fit()
    strengths = np.concatenate([[0.0], fitted.params])
    return np.asarray(strengths - strengths.mean())
