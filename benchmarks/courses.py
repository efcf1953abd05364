"""What every trial of a run is worth at smaller budgets: cut searches, and verdicts on them.

The searches are cut exactly, by :mod:`.cuts`. What they answer is judged by the verdict that is
there, where it is the trial's own answer, else by the run's judge, if that asks no model or may.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..core import API, Budget, Evaluator, Planner, Policy, Task, UsageError, make, world
from ..core.registry import load, parse
from .cuts import Cut, Over, recorded
from .judges import ModelJudge, Verdict
from .scored import Item, ScoredRun, tasks_of
from .scoring import Scorer
from .trial import Key, Trial

SMALL = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 58, 70, 84)
SERIES = (1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2)  # E12: 12 steps a decade


@dataclass(frozen=True)
class Course:
    """One planned trial at every budget.

    Attributes:
        key: which.
        values: what it counts at each budget, from 0 to 1; None where nobody knows.
        unjudged: at how many budgets an answer is there that nobody judged.
        spent: in all.
        ended: its own budget ended it; what it would have done with more is not known.
        why: what is missing, where a value is.
    """

    key: Key
    values: tuple[float | None, ...]
    unjudged: int = 0
    spent: float = 0.0
    ended: bool = False
    why: str = ""


@dataclass
class Reader:
    """Reads the trials of a run at smaller budgets.

    Attributes:
        run: the run.
        over: what is budgeted.
        budgets: how much of it.
        planners, policy, evaluator: the run's.
        tasks: by suite and id.
        apis: what is offered where a task names nothing, by suite.
        scorers: whose verdicts count, by suite.
        ask: ask a model judge about answers that have no verdict.
    """

    run: ScoredRun
    over: Over
    budgets: tuple[float, ...]
    planners: Mapping[str, Planner]
    policy: Policy
    evaluator: Evaluator | None
    tasks: Mapping[tuple[str, str], Task]
    apis: Mapping[str, tuple[API, ...]]
    scorers: Mapping[str, Scorer]
    ask: bool = False

    @classmethod
    def of(
        cls,
        run: ScoredRun,
        over: Over,
        budgets: Sequence[float] = (),
        *,
        scorers: Mapping[str, Scorer] | None = None,
        ask: bool = False,
    ) -> Reader:
        """Make the run's parts again; no model and, where tasks name their APIs, no environment.

        Args:
            run: the run.
            over: what is budgeted.
            budgets: how much of it; else :func:`budgets_of` the run.
            scorers: whose verdicts count, by suite; else the run's own judges.
            ask: let a model judge be asked.

        Raises:
            UsageError: a part is gone, or a suite, or one of its tasks is another one now.
        """
        identity = run.directory.config["identity"]
        tasks = tasks_of(run.directory)
        for key, trial in run.directory.trials.items():
            task = tasks.get((key.suite, key.task))
            if task is None or task.digest != trial.digest:
                what = "no longer has the task" if task is None else "now has another task under"
                raise UsageError(f"suite {key.suite} {what} {key.task!r}: it cannot be searched")
        evaluator = identity["evaluator"] and make("evaluators", identity["evaluator"])
        return cls(
            run,
            over,
            tuple(sorted(set(budgets))) or budgets_of(run, over),
            {spec: make("planners", spec) for spec in run.planners},
            make("policies", identity["policy"]),
            evaluator or None,
            tasks,
            _apis(run, tasks),
            scorers if scorers is not None else scorers_of(run, ask=ask),
            ask,
        )

    async def course(self, item: Item) -> Course:
        """One trial at all budgets."""
        key = item.key
        if item.trial is None or not self._journal(key).exists():
            why = "it was not run" if item.trial is None else "it has no journal"
            return Course(key, (None,) * len(self.budgets), why=why)
        trial = self.run.directory.load(key)
        task = self.tasks[key.suite, key.task]
        search = recorded(
            self.run.path, trial, task, self.planners[key.planner], self.policy, self.evaluator,
            self.apis.get(key.suite, ()),
        )  # fmt: skip
        cuts = await search.cuts(self.over, self.budgets)
        worth: dict[int, float | None] = {}
        for cut in cuts:
            if id(cut) not in worth:
                worth[id(cut)] = await self._worth(task, trial, cut)
        values = tuple(worth[id(cut)] for cut in cuts)
        found = [(cut, value) for cut, value in zip(cuts, values, strict=True) if value is None]
        return Course(
            key,
            values,
            sum(cut.node is not None for cut, _ in found),
            float(trial.spent[self.over]),
            trial.limit is not None
            or any(trial.spent[k] >= cap for k, cap in trial.budget.items()),
            next((cut.why for cut, _ in found if cut.why), ""),
        )

    def _journal(self, key: Key) -> Path:
        return self.run.path / "journal" / key.file

    async def _worth(self, task: Task, trial: Trial, cut: Cut) -> float | None:
        """What a cut search counts; of an answer that the trial gave, its verdict is known."""
        if cut.result is None or cut.result.end == "env_miss":
            return None
        if cut.node is None:
            return 0.0
        key, scorer = trial.key, self.scorers[trial.key.suite]
        same = (cut.node.id, cut.result.answer) == (trial.tree_data["winner"], trial.answer)
        if same and (known := scorer.known(key)) is not None:
            return known.value
        if isinstance(scorer.judge, ModelJudge) and not self.ask:
            return None
        shown = Trial.of(key, task, trial.seed, trial.budget, cut.result)
        return (await scorer.decide(task, shown)).value


class Unasked:
    """Stands for a judge that asks a model, and is not asked: its model need not be there."""

    async def __call__(self, task: Task, trial: Trial) -> Verdict:
        """No verdict."""
        return Verdict("unjudged", "the judge asks a model, and was not asked")


def asks_model(spec: str) -> bool:
    """Whether a judge asks a model; it is not made for that."""
    factory, _ = load("judges", parse(spec))
    return isinstance(factory, type) and issubclass(factory, ModelJudge)


def scorers_of(
    run: ScoredRun,
    judge: str | None = None,
    budget: Budget | None = None,
    *,
    ask: bool = False,
) -> dict[str, Scorer]:
    """The judges of a run's suites, or one for all.

    Args:
        run: the run.
        judge: a spec; else the run's own.
        budget: what new votes may cost in all.
        ask: make judges that ask a model, too.
    """
    specs = {suite: judge or own for suite, own in run.judges.items()}
    seed, budget = int(run.directory.config["identity"]["seed"]), budget or Budget()
    made = {
        spec: Scorer(
            run.directory,
            spec,
            make("judges", spec) if ask or not asks_model(spec) else Unasked(),
            budget,
            seed,
        )
        for spec in set(specs.values())
    }
    return {suite: made[spec] for suite, spec in specs.items()}


def _apis(run: ScoredRun, tasks: Mapping[tuple[str, str], Task]) -> dict[str, tuple[API, ...]]:
    """What the environment of each suite offers, where a task names nothing."""
    env, found = run.directory.config["identity"]["env"], {}
    for suite in run.tasks:
        if any(not tasks[suite, task].apis for task in run.tasks[suite]):
            found[suite] = world(env if isinstance(env, str) else env[suite]).apis
    return found


def budgets_of(run: ScoredRun, over: Over) -> tuple[float, ...]:
    """Where to look at a run: close together where little is spent, up to what any trial spent.

    Raises:
        UsageError: nothing was spent.
    """
    spent = [trial.spent[over] for trial in run.directory.trials.values() if trial.spent[over]]
    if not spent:
        raise UsageError(f"no trial of {run.path} spent any {over}")
    least, most = min(spent), max(spent)
    found: list[float] = []
    for at in _round_numbers(over, least / 4):
        if not found or at > found[-1]:
            found.append(at)
        if at >= most:
            break
    return tuple(found)


def _round_numbers(over: Over, least: float) -> Iterator[float]:
    """Ascending for ever; of tokens and dollars those from ``least`` on."""
    if over == "calls":
        yield from SMALL
    for power in itertools.count(2 if over == "calls" else math.floor(math.log10(least))):
        for step in SERIES:
            at = step * 10.0**power
            if over == "usd":
                yield at
            elif at >= least:
                yield round(at)


_reader: Reader | None = None  # of this worker process


def courses(
    reader: Reader, *, jobs: int = 1, told: Callable[[int], object] | None = None
) -> list[Course]:
    """Every planned trial at all budgets.

    Args:
        reader: reads them.
        jobs: processes.
        told: how many more are done.
    """
    items = reader.run.items
    chunks = [items[i : i + 32] for i in range(0, len(items), 32)]
    found: list[Course] = []
    for each in _chunkwise(reader, chunks, jobs):
        found += each
        if told is not None:
            told(len(each))
    return found


def _chunkwise(
    reader: Reader, chunks: Sequence[Sequence[Item]], jobs: int
) -> Iterator[list[Course]]:
    if jobs == 1 or len(chunks) < 2:
        yield from (asyncio.run(_chunk(reader, chunk)) for chunk in chunks)
        return
    context = multiprocessing.get_context("fork")  # the run was read already
    with ProcessPoolExecutor(min(jobs, len(chunks)), context, _take, (reader,)) as pool:
        yield from pool.map(_in_worker, chunks)


def _take(reader: Reader) -> None:
    global _reader
    _reader = reader


def _in_worker(chunk: Sequence[Item]) -> list[Course]:
    assert _reader is not None, "the worker was given it when it began"
    return asyncio.run(_chunk(_reader, chunk))


async def _chunk(reader: Reader, chunk: Sequence[Item]) -> list[Course]:
    if reader.ask:  # a model judge may be asked about several answers at once
        return list(await asyncio.gather(*[reader.course(item) for item in chunk]))
    return [await reader.course(item) for item in chunk]
