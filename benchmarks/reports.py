"""A report on runs: pass rates, outcomes, costs and how planners searched, as tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..core import Task, UsageError
from .labels import labels
from .metrics import TreeMetrics, average, is_call, measure
from .rendering import Cell, Column, Form, Rate, Table
from .scored import UNKNOWN, Item, ScoredRun
from .statistics import mean_interval

# What may become of a planned trial, the good first and what says nothing of the planner last.
OUTCOMES = (
    "passed", "failed", "gave_up", "limit", "unjudged", "env_miss", "infra", "cancelled", "missing",
)  # fmt: skip
BROKEN = frozenset({"infra", "cancelled", "env_miss"})  # their trees were not grown to the end
ALL = "all suites"
_LEFT_OUT = "Without relevant APIs, and hallucinated calls by their status alone,"


@dataclass(frozen=True)
class PassRate:
    """What planned trials were worth.

    Attributes:
        planned: trials.
        rate: over all of them, an unknown outcome counting 0: the worst case. Its interval is
            Wilson's where each task passed wholly or not at all, else a cluster bootstrap over
            tasks.
        known: trials with a known outcome.
        completed: the rate over those alone; None where there are none.
        best: the rate with every unknown outcome counted as passed.
    """

    planned: int
    rate: Rate
    known: int
    completed: float | None
    best: float

    @classmethod
    def of(cls, items: Sequence[Item]) -> PassRate:
        """From one planner's trials, one or more; their order is nothing."""
        by_task: dict[tuple[str, str], list[float]] = {}
        for item in items:
            task = by_task.setdefault((item.key.suite, item.key.task), [])
            task.append(item.value or 0.0)
        values = sorted(math.fsum(task) / len(task) for task in by_task.values())
        worth = [item.value for item in items if item.value is not None]
        total, n = math.fsum(worth), len(items)
        return cls(
            planned=n,
            rate=Rate(total / n, *mean_interval(values)),
            known=len(worth),
            completed=total / len(worth) if worth else None,
            best=(total + n - len(worth)) / n,
        )


SIMULATED = Column("simulated", "simulated answers", "share")


@dataclass(frozen=True)
class Entry:
    """One planner of one run.

    Attributes:
        run, planner: their short names.
        label: the planner's, with the run's where there are several runs.
        items: every planned trial.
        metrics: of the trees that were grown to their end, in no order.
        calls: how often each API was called in these trees.
    """

    run: str
    planner: str
    label: str
    items: tuple[Item, ...]
    metrics: tuple[TreeMetrics, ...] = ()
    calls: Mapping[str, int] = field(default_factory=Counter)

    @cached_property
    def rates(self) -> Mapping[str, PassRate]:
        """By suite, and of ``ALL``."""
        suites: dict[str, list[Item]] = {}
        for item in self.items:
            suites.setdefault(item.key.suite, []).append(item)
        found = {suite: PassRate.of(items) for suite, items in suites.items()}
        return found | {ALL: PassRate.of(self.items)}

    @cached_property
    def outcomes(self) -> Counter[str]:
        """How many trials came to what; they add up to those planned."""
        return Counter(item.outcome for item in self.items)

    @cached_property
    def simulated(self) -> float | None:
        """The share of the tools' answers that a model made up; None where no tool answered."""
        total: Counter[str] = Counter()
        for item in self.items:
            if item.trial is not None:
                total.update(item.trial.provenance)
        return total["simulated"] / total.total() if total.total() else None

    def cost(self, what: str) -> float | None:
        """The mean of what a trial spent, over the trials that were run; None without any."""
        spent = [item.trial.spent[what] for item in self.items if item.trial is not None]
        return math.fsum(spent) / len(spent) if spent else None


@dataclass(frozen=True)
class Report:
    """Everything that tables and figures are made of.

    Attributes:
        entries: planner by planner, run by run.
        suites: short names of the suites, by their specs.
        judges: specs, each with the suites it judged where there are several.
        reasons: why metrics that need the task were left out.
        several: there are several runs.
    """

    entries: tuple[Entry, ...]
    suites: Mapping[str, str]
    judges: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    several: bool = False

    def tables(self, *, full: bool = False) -> list[Table]:
        """All tables, pass rates first.

        Args:
            full: the bounds of suites whose every outcome is known, too: the rate itself.
        """
        bounds = self._bounds(full)
        wide = [self._rates()] if len(self.suites) > 1 else []
        return [*wide, bounds, self._outcomes(), self._cost(), self._calls(), self._shape()]

    def _table(
        self,
        name: str,
        title: str,
        columns: Sequence[tuple[Column, Callable[[Entry], Cell]]],
        notes: Sequence[str] = (),
    ) -> Table:
        """A table with a row for each entry; it says how much of the world was simulated."""
        heads, name_of = self._heads(), self._names
        if any(entry.simulated for entry in self.entries):
            columns = [*columns, (SIMULATED, lambda entry: entry.simulated)]
        rows = tuple(
            (*name_of(entry), *(cell(entry) for _, cell in columns)) for entry in self.entries
        )
        return Table(name, title, (*heads, *(column for column, _ in columns)), rows, tuple(notes))

    def _heads(self) -> tuple[Column, ...]:
        planner = Column("planner", "planner")
        return (Column("run", "run"), planner) if self.several else (planner,)

    def _names(self, entry: Entry) -> tuple[str, ...]:
        return (entry.run, entry.planner) if self.several else (entry.planner,)

    @property
    def _judged(self) -> str:
        return f"Judge: {'; '.join(self.judges)}."

    def _rates(self) -> Table:
        def column(suite: str, label: str) -> tuple[Column, Callable[[Entry], Cell]]:
            sizes = {e.rates[suite].planned for e in self.entries if suite in e.rates}
            n = f" n={sizes.pop()}" if len(sizes) == 1 else ""
            rate = Column(label.replace(" ", "_"), f"{label}{n}", "rate")
            return rate, lambda entry: entry.rates[suite].rate if suite in entry.rates else None

        columns = [column(suite, label) for suite, label in self.suites.items()]
        columns.append(column(ALL, ALL))
        return self._table("pass_rate", "Pass rate by planner and suite", columns, [
            f"Per cent of the trials planned, with 95 % intervals. {self._judged}"
        ])  # fmt: skip

    def _bounds(self, full: bool) -> Table:
        columns = (
            *self._heads(),
            Column("suite", "suite"),
            Column("planned", "planned", "count"),
            Column("pass_rate", "pass rate", "rate"),
            Column("known", "known", "count"),
            Column("completed_only", "completed only", "share"),
            Column("worst", "worst", "share"),
            Column("best", "best", "share"),
        )
        simulated = any(entry.simulated for entry in self.entries)
        columns = (*columns, SIMULATED) if simulated else columns
        shown = [*self.suites.items(), *([(ALL, ALL)] if len(self.suites) > 1 else [])]
        rows: list[tuple[Cell, ...]] = []
        for entry in self.entries:
            for suite, label in shown:
                if (r := entry.rates.get(suite)) is None:
                    continue
                if full or suite == shown[-1][0] or r.known < r.planned:
                    head: tuple[Cell, ...] = (*self._names(entry), label)
                    told = (r.planned, r.rate, r.known, r.completed, r.rate.value, r.best)
                    rows.append((*head, *told, *([entry.simulated] if simulated else [])))
        left_out = ["Suites of which all is known are left out."] if not full else []
        notes = (
            "The pass rate is over the trials planned. Its 95 % interval is Wilson's; where trials "
            "of a task differ, or count in part, it is a bootstrap over tasks.",
            f"What is not known ({', '.join(o for o in OUTCOMES if o in UNKNOWN)}) counts as not "
            "passed in the worst case and as passed in the best; completed only leaves it out.",
            *(left_out if len(shown) > 1 else []),
            self._judged,
        )
        return Table("bounds", "Pass rate, and what is not known", columns, tuple(rows), notes)

    def _outcomes(self) -> Table:
        def column(outcome: str) -> tuple[Column, Callable[[Entry], Cell]]:
            title = outcome.replace("_", " ")
            return Column(outcome, title, "count"), lambda entry: entry.outcomes[outcome]

        planned = Column("planned", "planned", "count"), lambda entry: len(entry.items)
        there = [o for o in OUTCOMES if any(entry.outcomes[o] for entry in self.entries)]
        return self._table("outcomes", "What became of the trials", [planned, *map(column, there)])

    def _cost(self) -> Table:
        def column(what: str, form: Form) -> tuple[Column, Callable[[Entry], Cell]]:
            return Column(what, what, form), lambda entry: entry.cost(what)

        def run(entry: Entry) -> Cell:
            return sum(item.trial is not None for item in entry.items)

        kinds: list[tuple[str, Form]] = [(k, "number") for k in ("calls", "tokens", "steps")]
        if any(entry.cost("usd") for entry in self.entries):
            kinds.append(("usd", "usd"))
        kinds.append(("seconds", "number"))
        first = Column("run_trials", "trials run", "count"), run
        columns = [first, *[column(what, form) for what, form in kinds]]
        note = "Means over the trials that were run. Calls are of the model, steps of the tools."
        return self._table("cost", "Cost of a trial", columns, [note])

    def _calls(self) -> Table:
        shown: list[tuple[str, str, Form]] = [
            ("recall", "relevant recall", "share"),
            ("precision", "relevant precision", "share"),
            ("path_recall", "recall on path", "share"),
            ("path_precision", "precision on path", "share"),
            ("calls", "API calls", "number"),
            ("hallucinated", "hallucinated", "number"),
            ("invalid", "invalid arguments", "number"),
            ("repeated", "repeated on path", "number"),
            ("repeated_tree", "repeated in tree", "number"),
            ("recovery", "recovery", "share"),
            ("wasted", "wasted calls", "share"),
        ]
        measured = [metrics for entry in self.entries for metrics in entry.metrics]
        unnamed = bool(measured) and all(metrics.recall is None for metrics in measured)
        notes = [
            "Relevant APIs: those with a successful call in the whole tree, and on the path of "
            "the answer. Recovery: errors below which a call succeeded or an answer was given. "
            "Wasted: calls off the path of the answer, all of them where there is none.",
            *(["No task names its relevant APIs."] if unnamed and not self.reasons else []),
            *self.reasons,
        ]
        return self._metrics("api_calls", "API calls in a tree", shown, notes)

    def _shape(self) -> Table:
        shown: list[tuple[str, str, Form]] = [
            ("nodes", "nodes", "number"),
            ("winner_depth", "depth of answer", "number"),
            ("max_depth", "greatest depth", "number"),
            ("branching", "branching", "number"),
            ("errors", "errors", "number"),
        ]
        notes = ["Depth in turns of the model; branching is over nodes that have children."]
        return self._metrics("shape", "Shape of a tree", shown, notes)

    def _metrics(
        self, name: str, title: str, shown: Sequence[tuple[str, str, Form]], notes: Sequence[str]
    ) -> Table:
        means = {entry.label: average(entry.metrics) for entry in self.entries}

        def column(key: str, title: str, form: Form) -> tuple[Column, Callable[[Entry], Cell]]:
            return Column(key, title, form, averaged=True), lambda e: means[e.label][key]

        trees = Column("trees", "trees", "count"), lambda entry: len(entry.metrics)
        partly = "Means over trees grown to their end; in brackets, how many had the metric."
        columns = [trees, *[column(*one) for one in shown]]
        return self._table(name, title, columns, [partly, *notes])


def read_report(runs: Sequence[ScoredRun]) -> Report:
    """Read runs with their trees.

    Args:
        runs: one or more.

    Raises:
        UsageError: one has no finished trial, or has answers and not one of them was judged, or
            two are the same.
    """
    paths = [str(run.path.resolve()) for run in runs]
    if twice := [path for path, count in Counter(paths).items() if count > 1]:
        raise UsageError(f"the run {twice[0]} is given twice")
    for run in runs:
        _check(run)
    names = dict(zip(paths, labels(paths).values(), strict=True))
    suites = labels(suite for run in runs for suite in run.tasks)
    planners = labels(planner for run in runs for planner in run.planners)
    known: dict[str, dict[str, Task] | str] = {}
    entries: list[Entry] = []
    reasons: dict[str, None] = {}
    for run, path in zip(runs, paths, strict=True):
        for spec in run.planners:
            items = run.of(spec)
            metrics, calls = [], Counter[str]()
            for item in items:
                if item.trial is None or item.trial.end in BROKEN:
                    continue
                tree = run.directory.load(item.key).tree
                task, why = _task(item, known)
                reasons |= {why: None} if why else {}
                metrics.append(measure(tree, task))
                calls.update(n.action.api for n in tree.walk() if is_call(n) and n.action)
            label = planners[spec] if len(runs) == 1 else f"{planners[spec]} · {names[path]}"
            entry = Entry(names[path], planners[spec], label, tuple(items), tuple(metrics), calls)
            entries.append(entry)
    return Report(tuple(entries), suites, _judges(runs, suites), tuple(reasons), len(runs) > 1)


def _check(run: ScoredRun) -> None:
    if not run.directory.trials:
        raise UsageError(f"{run.path} has no finished trial yet")
    answered = [i for i in run.items if i.trial is not None and i.trial.end == "answered"]
    if answered and not any(item.verdict for item in answered):
        raise UsageError(
            f"nothing in {run.path} was judged yet: `toolgrove score {run.path}` judges its "
            f"{len(answered)} answers"
        )


def _task(item: Item, known: dict[str, dict[str, Task] | str]) -> tuple[Task | None, str]:
    """The trial's task, or else why it is not to be had; suites are loaded once."""
    from .suites import load_suites

    suite = item.key.suite
    if suite not in known:
        try:
            known[suite] = {t.id: t for one in load_suites(suite) for t in one.tasks}
        except UsageError as error:
            known[suite] = str(error)
    tasks = known[suite]
    if isinstance(tasks, str):
        return None, f"{_LEFT_OUT} for {suite}, which cannot be read: {tasks}."
    task = tasks.get(item.key.task)
    if task is None or task.digest != item.digest:
        return None, f"{_LEFT_OUT} for those tasks of {suite} that have changed since."
    return task, ""


def _judges(runs: Sequence[ScoredRun], suites: Mapping[str, str]) -> tuple[str, ...]:
    by_judge: dict[str, dict[str, None]] = {}
    for run in runs:
        for suite, judge in run.judges.items():
            by_judge.setdefault(judge, {})[suites[suite]] = None
    if len(by_judge) == 1:
        return tuple(by_judge)
    return tuple(f"{judge} ({', '.join(names)})" for judge, names in by_judge.items())
