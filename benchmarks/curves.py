"""Anytime curves: what planners pass within each budget, from one run, without running it again.

A trial counts as passed at x when its search, cut at x, gives an answer that passes; see
:mod:`.courses`. A point is a rate over the tasks planned, and its interval is that of
``compare``: the task is the unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .courses import Course, Reader
from .cuts import Over
from .statistics import mean_interval


@dataclass(frozen=True)
class Point:
    """A planner's pass rate within a budget.

    Attributes:
        planner: its spec.
        suite: of one suite, or None for all.
        over: what is budgeted.
        at: how much of it, for each trial.
        tasks, trials: planned tasks, and planned trials in all.
        passed: trials that passed.
        rate, low, high: the mean over the tasks, and its 95 % interval.
        unknown: trials of which nothing is known at this budget; they count as not passed.
        beyond: trials that their own budget ended below this one; they count as they ended.
    """

    planner: str
    suite: str | None
    over: Over
    at: float
    tasks: int
    trials: int
    passed: int
    rate: float
    low: float
    high: float
    unknown: int
    beyond: int


@dataclass(frozen=True)
class Curves:
    """The curves of a run.

    Attributes:
        over: what is budgeted.
        budgets: where they were looked at, ascending.
        planners: specs, as planned.
        suites: names; with several there are points for all of them together, too.
        points: by planner, then suite, then budget.
        unjudged: trials that have an answer which nobody judged at some budget.
        missing: trials that the journals do not tell all of, by what is missing.
    """

    over: Over
    budgets: tuple[float, ...]
    planners: tuple[str, ...]
    suites: tuple[str, ...]
    points: tuple[Point, ...] = field(repr=False)
    unjudged: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)

    def of(self, planner: str, suite: str | None = None) -> list[Point]:
        """A planner's points of one suite; None are all suites together."""
        if suite is None and len(self.suites) == 1:
            suite = self.suites[0]
        return [p for p in self.points if (p.planner, p.suite) == (planner, suite)]


def curves_of(reader: Reader, found: Sequence[Course]) -> Curves:
    """The points that courses come to."""
    run, suites = reader.run, list(reader.run.tasks)
    interval = Intervals()
    places: list[str | None] = [*([None] if len(suites) > 1 else []), *suites]
    by: dict[tuple[str, str], list[Course]] = {}
    for course in found:
        by.setdefault((course.key.planner, course.key.suite), []).append(course)
    points = []
    for planner in run.planners:
        for suite in places:
            mine = [c for s in ([suite] if suite else suites) for c in by[planner, s]]
            points += list(_points(reader, planner, suite, mine, interval))
    missing: dict[str, int] = {}
    for course in found:
        if course.why:
            missing[course.why] = missing.get(course.why, 0) + 1
    return Curves(
        reader.over,
        reader.budgets,
        tuple(run.planners),
        tuple(suites),
        tuple(points),
        sum(course.unjudged > 0 for course in found),
        missing,
    )


def _points(
    reader: Reader,
    planner: str,
    suite: str | None,
    mine: Sequence[Course],
    interval: Intervals,
) -> Iterator[Point]:
    tasks: dict[tuple[str, str], list[Course]] = {}
    for course in mine:
        tasks.setdefault((course.key.suite, course.key.task), []).append(course)
    for k, at in enumerate(reader.budgets):
        values = [
            math.fsum(course.values[k] or 0.0 for course in each) / len(each)
            for each in tasks.values()
        ]
        rate = math.fsum(values) / len(values)
        yield Point(
            planner,
            suite,
            reader.over,
            at,
            len(tasks),
            len(mine),
            sum(course.values[k] == 1 for course in mine),
            round(rate, 4),
            *interval(values),
            sum(course.values[k] is None for course in mine),
            sum(course.ended and course.spent < at for course in mine),
        )


class Intervals:
    """95 % intervals of means over tasks, as ``compare`` has them; equal ones are made once."""

    def __init__(self) -> None:
        self._known: dict[tuple[float, ...], tuple[float, float]] = {}

    def __call__(self, values: Sequence[float]) -> tuple[float, float]:
        """The interval of the mean; see :func:`.statistics.mean_interval`."""
        ordered = tuple(sorted(values))  # the order of tasks changes nothing
        if ordered not in self._known:
            self._known[ordered] = mean_interval(ordered)
        return self._known[ordered]


def records(found: Curves) -> list[dict[str, Any]]:
    """The points as plain data; the suite of all is ``all``."""
    return [{**asdict(point), "suite": point.suite or "all"} for point in found.points]
