"""Planners of one run or of several, compared on the tasks that they share."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from ..core import UsageError
from .inference import Interval, Paired, holm, paired, rate_interval
from .labels import labels
from .scored import Item, ScoredRun
from .statistics import pass_at_k, pass_hat_k


@dataclass(frozen=True)
class TaskScore:
    """One planner's planned trials of one task.

    Attributes:
        items: the trials, in order.
    """

    items: tuple[Item, ...]

    @property
    def suite(self) -> str:
        """The suite it is of."""
        return self.items[0].key.suite

    @property
    def task(self) -> str:
        """The task's id."""
        return self.items[0].key.task

    @property
    def digest(self) -> str:
        """Of the task's content."""
        return self.items[0].digest

    @property
    def value(self) -> float:
        """The mean over the planned trials; a trial of which nothing is known counts 0."""
        return sum(item.value or 0.0 for item in self.items) / len(self.items)

    @property
    def passed(self) -> int:
        """Trials that passed wholly."""
        return sum(item.value == 1 for item in self.items)

    @property
    def unknown(self) -> int:
        """Trials of which nothing is known."""
        return sum(item.value is None for item in self.items)

    @property
    def best(self) -> float:
        """The value if all that is unknown had passed."""
        return self.value + self.unknown / len(self.items)


@dataclass(frozen=True)
class Contender:
    """A planner of a run.

    Attributes:
        label: what it is called here; with the run's name where two runs have the planner.
        run: the run.
        planner: its spec.
        tasks: what came of each planned task.
    """

    label: str
    run: ScoredRun
    planner: str
    tasks: tuple[TaskScore, ...] = field(repr=False)


@dataclass(frozen=True)
class Rate:
    """A contender's pass rate over its planned tasks.

    Attributes:
        label: the contender's.
        suite: of one suite, or None for all.
        tasks, trials: planned tasks, and planned trials of each.
        rate: the mean of the tasks' values.
        interval: 95 % of it.
        unknown: by outcome, trials of which nothing is known; they count as not passed.
        at_k, hat_k: pass@k and pass^k for k from 1 to ``trials``.
        calls: of the model a trial, over the trials that were run; None if none was.
    """

    label: str
    suite: str | None
    tasks: int
    trials: int
    rate: float
    interval: Interval
    unknown: Mapping[str, int]
    at_k: tuple[float, ...]
    hat_k: tuple[float, ...]
    calls: float | None


@dataclass(frozen=True)
class Row:
    """Two contenders on the tasks that they share, of one suite or of all.

    Attributes:
        suite: its name, both names with ``=`` between where the runs call it otherwise, or None
            for all tasks.
        result: rates, difference, interval and test.
        unknown: trials of the first, and of the second, of which nothing is known.
        bounds: the least and the greatest difference that the unknown trials could make.
        holm: the p-value corrected for the number of its family: all pairs on all tasks are one
            family; all pairs on all single suites are another.
    """

    suite: str | None
    result: Paired
    unknown: tuple[int, int]
    bounds: tuple[float, float]
    holm: float = 1.0


@dataclass(frozen=True)
class Pair:
    """Two contenders, and their tasks of equal content.

    Attributes:
        first, second: the contenders.
        tasks: of both, as paired.
        alone: tasks of the first, and of the second, that the other does not have.
        rows: for all tasks; with several suites one for each follows. Empty if no task is shared.
    """

    first: Contender
    second: Contender
    tasks: tuple[tuple[TaskScore, TaskScore], ...] = field(repr=False)
    alone: tuple[tuple[TaskScore, ...], tuple[TaskScore, ...]] = field(repr=False)
    rows: tuple[Row, ...] = ()

    @property
    def pooled(self) -> Row | None:
        """The row for all tasks."""
        return self.rows[0] if self.rows else None


class Comparison:
    """Planners of scored runs, each with each, on tasks of equal content.

    Args:
        runs: read with the verdicts that count; one planner is compared across two or more.
        planners: specs of those to compare; else all.
        seed: of resampling and of random signs.

    Attributes:
        contenders: who is compared, in the order of runs and planners.
        rates: of each contender over its own planned tasks: all, then suite by suite.
        pairs: each contender with each later one.

    Raises:
        UsageError: a run is given twice, a planner is in no run, there is only one contender, or
            no two of them share a task.
    """

    def __init__(
        self, runs: Sequence[ScoredRun], planners: Sequence[str] = (), *, seed: int = 0
    ) -> None:
        self.contenders = _contenders(runs, planners)
        self.rates = [rate for one in self.contenders for rate in _rates(one, seed)]
        pairs = [_pair(a, b, seed) for a, b in combinations(self.contenders, 2)]
        if not any(pair.tasks for pair in pairs):
            names = " and ".join(str(run.path) for run in runs)
            raise UsageError(
                f"{names} have no task in common: tasks pair where instruction, APIs offered and "
                f"answer are equal"
            )
        self.pairs = _corrected(pairs)

    @property
    def disagreements(self) -> list[dict[str, TaskScore]]:
        """Tasks on which paired contenders have different values, by their labels.

        Those that differ most come first, then by suite and id.
        """
        twice: set[str] = set()
        for one in self.contenders:
            held = Counter(score.digest for score in one.tasks)
            twice |= {digest for digest, count in held.items() if count > 1}
        found: dict[tuple[str, ...], dict[str, TaskScore]] = {}
        for pair in self.pairs:
            for a, b in pair.tasks:
                # Equal content that one contender holds twice stays apart by suite and id.
                place = min(_place(a), _place(b)) if a.digest in twice else ()
                group = found.setdefault((a.digest, *place), {})
                group[pair.first.label], group[pair.second.label] = a, b
        groups = [g for g in found.values() if len({score.value for score in g.values()}) > 1]
        order = [contender.label for contender in self.contenders]
        groups = [{label: g[label] for label in order if label in g} for g in groups]
        return sorted(groups, key=_by_spread)


def _by_spread(group: Mapping[str, TaskScore]) -> tuple[float, list[tuple[str, str]]]:
    values = [score.value for score in group.values()]
    return min(values) - max(values), sorted((s.suite, s.task) for s in group.values())


def _contenders(runs: Sequence[ScoredRun], planners: Sequence[str]) -> list[Contender]:
    """Who is compared, each under a name of its own."""
    paths = [run.path.resolve() for run in runs]
    if twice := [path for path, count in Counter(paths).items() if count > 1]:
        raise UsageError(f"{twice[0]} is given twice")
    there = list(dict.fromkeys(spec for run in runs for spec in run.planners))
    for spec in planners:
        if spec not in there:
            near = difflib.get_close_matches(spec, there, 1, 0.3)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UsageError(f"no planner {spec!r} in these runs{hint}; of: {', '.join(there)}")
    wanted = list(dict.fromkeys(planners)) or there
    names, places = labels(wanted), labels([str(run.path) for run in runs])
    count = Counter(spec for run in runs for spec in run.planners)
    found = []
    for run in runs:
        for spec in run.planners:
            if spec in wanted:
                place = f" ({places[str(run.path)]})" if count[spec] > 1 else ""
                found.append(Contender(names[spec] + place, run, spec, _tasks(run.of(spec))))
    if len(found) < 2:
        only = found[0].label if found else "none"
        raise UsageError(
            f"a comparison needs two planners, or one planner in two runs; there is only {only}"
        )
    return found


def _tasks(items: Iterable[Item]) -> tuple[TaskScore, ...]:
    trials: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        trials.setdefault((item.key.suite, item.key.task), []).append(item)
    return tuple(TaskScore(tuple(sorted(t, key=lambda i: i.key.trial))) for t in trials.values())


def _rates(contender: Contender, seed: int) -> list[Rate]:
    """Of all tasks, and with several suites of each."""
    suites: dict[str, list[TaskScore]] = {}
    for score in contender.tasks:
        suites.setdefault(score.suite, []).append(score)
    found = [_rate(contender, None, contender.tasks, seed)]
    if len(suites) > 1:
        found += [_rate(contender, suite, tasks, seed) for suite, tasks in suites.items()]
    return found


def _rate(contender: Contender, suite: str | None, tasks: Sequence[TaskScore], seed: int) -> Rate:
    trials, values = contender.run.trials, [score.value for score in tasks]
    passed = [score.passed for score in tasks]
    items = [item for score in tasks for item in score.items]
    calls = [item.trial.spent["calls"] for item in items if item.trial is not None]
    return Rate(
        contender.label,
        suite,
        len(tasks),
        trials,
        math.fsum(values) / len(values),
        rate_interval(values, seed=seed),
        dict(Counter(item.outcome for item in items if item.value is None)),
        tuple(pass_at_k(passed, trials, k) for k in range(1, trials + 1)),
        tuple(pass_hat_k(passed, trials, k) for k in range(1, trials + 1)),
        math.fsum(calls) / len(calls) if calls else None,
    )


def _pair(first: Contender, second: Contender, seed: int) -> Pair:
    tasks, alone = matched(first.tasks, second.tasks)
    suites: dict[str, list[tuple[TaskScore, TaskScore]]] = {}
    for a, b in tasks:
        name = a.suite if a.suite == b.suite else f"{a.suite} = {b.suite}"
        suites.setdefault(name, []).append((a, b))
    rows = [_row(None, tasks, seed)] if tasks else []
    if len(suites) > 1:
        rows += [_row(suite, each, seed) for suite, each in suites.items()]
    return Pair(first, second, tuple(tasks), alone, tuple(rows))


def _row(suite: str | None, tasks: Sequence[tuple[TaskScore, TaskScore]], seed: int) -> Row:
    firsts, seconds = [a for a, _ in tasks], [b for _, b in tasks]
    result = paired([a.value for a in firsts], [b.value for b in seconds], seed=seed)
    least = math.fsum(a.value - b.best for a, b in tasks) / len(tasks)
    greatest = math.fsum(a.best - b.value for a, b in tasks) / len(tasks)
    unknown = sum(a.unknown for a in firsts), sum(b.unknown for b in seconds)
    return Row(suite, result, unknown, (least, greatest))


def matched(
    first: Iterable[TaskScore], second: Iterable[TaskScore]
) -> tuple[list[tuple[TaskScore, TaskScore]], tuple[tuple[TaskScore, ...], tuple[TaskScore, ...]]]:
    """Pair tasks of equal content, and tell those that stay alone on either side.

    Content that is there more than once pairs under equal ids first, then within equal suites,
    then anyhow, in the order of suites and ids: the order given changes nothing.
    """
    left, right = list(first), list(second)
    pairs: list[tuple[TaskScore, TaskScore]] = []
    for what in ("digest suite task", "digest suite", "digest"):
        rest: dict[tuple[str, ...], list[TaskScore]] = {}
        for score in sorted(right, key=_place):
            rest.setdefault(_named(score, what), []).append(score)
        for score in sorted(left, key=_place):
            if there := rest.get(_named(score, what)):
                pairs.append((score, there.pop(0)))
        taken = {id(score) for pair in pairs for score in pair}
        left = [score for score in left if id(score) not in taken]
        right = [score for score in right if id(score) not in taken]
    return pairs, (tuple(left), tuple(right))


def _place(score: TaskScore) -> tuple[str, str]:
    return score.suite, score.task


def _named(score: TaskScore, what: str) -> tuple[str, ...]:
    return tuple(str(getattr(score, name)) for name in what.split())


def _corrected(pairs: Iterable[Pair]) -> list[Pair]:
    """With Holm's correction: all pairs on all tasks, and all pairs on all single suites."""
    found = list(pairs)
    for pooled in (True, False):
        rows = [row for pair in found for row in pair.rows if (row.suite is None) == pooled]
        fixed = iter(holm([row.result.p for row in rows]))
        found = [
            replace(
                pair,
                rows=tuple(
                    replace(row, holm=next(fixed)) if (row.suite is None) == pooled else row
                    for row in pair.rows
                ),
            )
            for pair in found
        ]
    return found
