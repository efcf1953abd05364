"""The runner: a plan's trials, concurrently, into a run directory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..core import Node, Task, UsageError
from .executors import Executor, Local, Search
from .judges import Verdict
from .plan import Parts, Plan
from .rundir import RunDirectory
from .scoring import Scorer
from .summary import summarise
from .trial import OWED, Key, Trial


class Observer(Protocol):
    """Told of a run's progress."""

    def started(self, total: int, done: int) -> None:
        """The run begins, so many trials being there already."""

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        """One more trial is done."""


@dataclass(frozen=True)
class _Job:
    key: Key
    task: Task
    then: tuple[_Job, ...] = ()


class Runner:
    """Runs a plan; what is in the directory already is not run again.

    Args:
        plan: what to run.
        directory: where to, and what is there.
        parts: the plan's components, if they were made already.
        timeout: seconds for one request to the model, or to the judge.
        step_timeout: seconds for one thing asked of the environment.
        listen: told of every node that is complete, with its trial; of this process only.
        executor: where trials run; here if not given. It is closed when the run ends.

    Attributes:
        running: trials under way.
        most_running: at most so far.
        paused: set it to let every trial end at its next effect; all are resumed later.
    """

    def __init__(
        self,
        plan: Plan,
        directory: RunDirectory,
        *,
        parts: Parts | None = None,
        timeout: float = 600.0,
        step_timeout: float = 60.0,
        listen: Callable[[Key, Node], None] | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.listen = listen
        self.plan, self.directory = plan, directory
        self.parts = parts or Parts.of(plan)
        self.executor = executor or Local(self.parts)
        self.timeout, self.step_timeout = timeout, step_timeout
        self._tasks = {(suite.name, task.id): task for suite, task in plan.tasks()}
        self._judges = {suite.name: plan.spec("judge", suite) for suite in plan.suites}
        self._scorers: dict[str, Scorer] = {}
        self.paused = False
        self.running = self.most_running = 0

    async def run(self, *, concurrency: int = 8, observer: Observer | None = None) -> list[Any]:
        """Run what is owed; the rows of the summary."""
        self._scorers = {
            name: Scorer(
                self.directory, spec, self.parts.of_suite(name).judge,
                seed=self.plan.seed, timeout=self.timeout,
            )
            for name, spec in self._judges.items()
        }  # fmt: skip
        keys = self.plan.keys()
        owed = {key for key in keys if self._owes(key)}
        jobs = deque(self._jobs(owed))
        if observer is not None:
            observer.started(len(keys), len(keys) - len(owed))
        for key in keys:
            if key not in owed and not self.paused:
                await self._judge(self.directory.trials[key])

        async def worker() -> None:
            while not self.paused:
                try:
                    job = jobs.popleft()
                except IndexError:
                    return
                if job.key in owed:
                    trial = await self._trial(job)
                    if trial.end == "cancelled":
                        continue
                    verdict = await self._judge(trial)
                    if observer is not None:
                        observer.ended(trial, verdict)
                jobs.extendleft(reversed(job.then))
                for _ in job.then[1:]:
                    if sum(not w.done() for w in workers) < concurrency:
                        workers.add(asyncio.ensure_future(worker()))

        workers = {asyncio.ensure_future(worker()) for _ in range(min(concurrency, len(jobs)))}
        try:
            while pending := [w for w in workers if not w.done()]:
                await asyncio.wait(pending)
            for done in workers:
                done.result()
        finally:
            for unfinished in workers:
                unfinished.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self.executor.close()
            await self.parts.close()
            rows = summarise(keys, self.directory.trials, self._verdicts(keys))
            self.directory.write_summary(rows)
        return rows

    def _jobs(self, owed: set[Key]) -> Iterator[_Job]:
        """Jobs in order; with a reference, the others follow on its trial of the same task."""
        plan = self.plan
        for trial in range(plan.trials):
            for suite, task in plan.tasks():
                jobs = [_Job(Key(suite.name, task.id, p, trial), task) for p in plan.planners]
                mine = [job for job in jobs if job.key in owed]
                if not mine:
                    continue
                if plan.reference is None:
                    yield from mine
                    continue
                [first] = [job for job in jobs if job.key.planner == plan.reference]
                yield _Job(first.key, task, tuple(job for job in mine if job != first))

    def _reference(self, key: Key) -> Key | None:
        """The trial whose spend is this one's cap, if there is one."""
        name = self.plan.reference
        return None if name is None or name == key.planner else key._replace(planner=name)

    def _caps(self, key: Key) -> dict[str, float]:
        caps, match = dict(self.plan.budget), self.plan.match
        if (reference := self._reference(key)) is not None and match is not None:
            trial = self.directory.trials[reference]
            spent = trial.spent[match]
            if not spent and trial.spent["calls"] and trial.end not in OWED:
                raise UsageError(
                    f"--match {match}: {reference.planner} made {trial.spent['calls']:g} calls on "
                    f"{reference.task} that count no {match}, so the others could make none: the "
                    f"model does not say what a call costs; match calls instead"
                )
            caps[match] = min(caps.get(match, spent), spent)
        return caps

    def _owes(self, key: Key) -> bool:
        """Whether it is not finished, or its reference was (or will be) made anew since."""
        if not self.directory.finished(key):
            return True
        reference = self._reference(key)
        if reference is None:
            return False
        there = self.directory.finished(reference)
        return not there or self.directory.trials[key].budget != self._caps(key)

    async def _trial(self, job: _Job) -> Trial:
        key = job.key
        caps, seed = self._caps(key), self.plan.seed + key.trial
        known = self.directory.trials.get(key)
        if known is not None and known.budget == caps and self.directory.finished(key):
            return known
        journal = self.directory.journal(key)
        if known is not None and known.budget != caps:
            journal.forget_limits()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            search = Search(key, job.task, caps, seed, self.timeout, self.step_timeout)
            trial = await self.executor.search(search, journal, lambda: self.paused, self.listen)
            await journal.synced()
        finally:
            self.running -= 1
            journal.close()
        if trial.end != "cancelled":
            self.directory.add_trial(trial)
            await self.directory.synced()
        return trial

    def _verdicts(self, keys: Iterable[Key]) -> dict[Key, Verdict]:
        """Those of each suite's own judge."""
        there = self.directory.verdicts
        found = {key: there.get(self._judges[key.suite], {}).get(key) for key in keys}
        return {key: verdict for key, verdict in found.items() if verdict is not None}

    async def _judge(self, trial: Trial) -> Verdict | None:
        """The verdict on an answer: given once, and again to one made anew or still owed."""
        key = trial.key
        if trial.end != "answered":
            return None
        scorer = self._scorers[key.suite]
        made_now = bool(trial.tree_data)
        if not made_now and not scorer.owes(key):
            return scorer.known(key)
        if not made_now:
            trial = self.directory.load(key)
        return await scorer.score(self._tasks[key.suite, key.task], trial)
