"""The runner: suites times planners times trials, concurrently, into a run directory."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Protocol

from ..core import (
    Budget,
    Evaluator,
    Model,
    Planner,
    Policy,
    Task,
    ToolEnv,
    UsageError,
    bind,
    make,
    run,
)
from ..models import Batcher
from .judges import Judge, Verdict
from .rundir import RunDirectory
from .suites import Suite
from .summary import summarise
from .trial import Key, Trial

Match = Literal["calls", "tokens", "usd"]


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        suites: the tasks.
        planners: specs, as given; they name the rows of the summary.
        model, env, judge, policy, evaluator: specs.
        trials: repetitions of each task, under seeds ``seed``, ``seed + 1``, ..
        limit: only the first so many tasks of each suite.
        budget: caps for every trial, by kind.
        match: give every planner, for the same task and trial, what ``reference`` spent of
            this there; the reference runs first.
    """

    suites: Sequence[Suite]
    planners: Sequence[str]
    model: str
    env: str
    judge: str = "answered"
    policy: str = "functions"
    evaluator: str | None = None
    trials: int = 1
    seed: int = 0
    limit: int | None = None
    budget: Mapping[str, float] = field(default_factory=dict)
    match: Match | None = None
    reference: str | None = None

    def __post_init__(self) -> None:
        if not self.planners:
            raise UsageError("no planner given")
        for what, given in (("planner", self.planners), ("suite", [s.name for s in self.suites])):
            twice = [x for x in given if list(given).count(x) > 1]
            if twice:
                raise UsageError(f"{what} {twice[0]!r} is given twice")
        if (self.match is None) != (self.reference is None):
            raise UsageError("--match and --reference go together")
        if self.reference is not None and self.reference not in self.planners:
            given = ", ".join(self.planners)
            raise UsageError(f"--reference {self.reference!r} is none of the planners: {given}")
        if self.trials < 1 or (self.limit is not None and self.limit < 1):
            raise UsageError("--trials and --limit must be 1 or more")
        Budget(**self.budget)

    def tasks(self) -> Iterator[tuple[Suite, Task]]:
        """The tasks to run, suite by suite."""
        for suite in self.suites:
            for task in suite.tasks[: self.limit]:
                yield suite, task

    def keys(self) -> list[Key]:
        """Every planned trial."""
        return [
            Key(suite.name, task.id, planner, trial)
            for planner in self.planners
            for suite, task in self.tasks()
            for trial in range(self.trials)
        ]

    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be resumed."""
        return {
            "suites": {s.name: {"digest": s.digest, "tasks": len(s.tasks)} for s in self.suites},
            "planners": list(self.planners),
            **{k: getattr(self, k) for k in ("model", "env", "policy", "evaluator")},
            **{k: getattr(self, k) for k in ("trials", "seed", "limit", "match", "reference")},
            "budget": dict(self.budget),
        }

    def name(self) -> str:
        """A name for the run directory: the same plan has the same name."""
        first = self.suites[0].name.rpartition("/")[2]
        plain = "".join(c if c.isalnum() else "-" for c in first).strip("-").lower()[:32]
        mark = blake2b(repr(self.identity()).encode(), digest_size=4).hexdigest()
        return f"{plain}-{mark}"


class Observer(Protocol):
    """Told of a run's progress."""

    def started(self, total: int, done: int) -> None:
        """The run begins, so many trials being there already."""

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        """One more trial is done."""


@dataclass
class Parts:
    """The components that a plan names, made once and shared by all trials."""

    planners: Mapping[str, Planner]
    model: Model
    env: Callable[[], ToolEnv]
    policy: Policy
    evaluator: Evaluator | None
    judge: Judge

    @classmethod
    def of(cls, plan: Plan) -> Parts:
        """Make them; every spec is checked before anything is spent.

        Raises:
            UsageError: a name or a parameter is wrong, or the parts do not fit together.
        """
        planners = {spec: make("planners", spec) for spec in plan.planners}
        for spec, planner in planners.items():
            if not isinstance(planner, Planner):
                raise UsageError(f"{spec!r} is no Planner, but a {type(planner).__name__}")
        model = make("models", plan.model)
        if (size := getattr(model, "max_batch", 1)) > 1:
            model = Batcher(model, max_batch=size)
        env = bind("envs", plan.env)
        fork = env().fork
        for spec, planner in planners.items():
            if fork == "never" and planner.branches:
                raise UsageError(
                    f"planner {spec!r} branches, and environment {plan.env!r} cannot go back "
                    f"(fork='never'): use cot or react, or another environment"
                )
        evaluator = None if plan.evaluator is None else make("evaluators", plan.evaluator)
        policy = make("policies", plan.policy)
        return cls(planners, model, env, policy, evaluator, make("judges", plan.judge))


@dataclass(frozen=True)
class _Job:
    key: Key
    task: Task
    then: tuple[_Job, ...] = ()


class Runner:
    """Runs a plan; what is in the directory already is not run again.

    Attributes:
        running: trials under way.
        most_running: at most so far.
        paused: set it to let every trial end at its next effect; all are resumed later.
    """

    def __init__(self, plan: Plan, directory: RunDirectory, *, parts: Parts | None = None) -> None:
        self.plan, self.directory = plan, directory
        self.parts = parts or Parts.of(plan)
        self._tasks = {(suite.name, task.id): task for suite, task in plan.tasks()}
        self.paused = False
        self.running = self.most_running = 0

    async def run(self, *, concurrency: int = 8, observer: Observer | None = None) -> list[Any]:
        """Run what is owed; the rows of the summary."""
        keys = self.plan.keys()
        owed = {key for key in keys if not self.directory.finished(key)}
        jobs = deque(self._jobs(owed))
        if observer is not None:
            observer.started(len(keys), len(keys) - len(owed))
        for key in keys:
            if key not in owed:
                await self._judge(self.directory.trials[key])

        async def worker() -> None:
            while not self.paused:
                try:
                    job = jobs.popleft()
                except IndexError:
                    return
                trial = self.directory.trials.get(job.key)
                if job.key in owed:
                    trial = await self._trial(job)
                    verdict = await self._judge(trial)
                    if observer is not None:
                        observer.ended(trial, verdict)
                if trial is not None and trial.end != "cancelled":
                    jobs.extendleft(reversed(job.then))
                    for _ in job.then[1:]:
                        if len(workers) < concurrency:
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
            verdicts = self.directory.verdicts.get(self.plan.judge, {})
            rows = summarise(keys, self.directory.trials, verdicts)
            self.directory.write_summary({"runs": rows})
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

    async def _trial(self, job: _Job) -> Trial:
        plan, parts, key = self.plan, self.parts, job.key
        caps = dict(plan.budget)
        if plan.match is not None and key.planner != plan.reference:
            reference = self.directory.trials[key._replace(planner=plan.reference or "")]
            spent = reference.spent[plan.match]
            caps[plan.match] = min(caps.get(plan.match, spent), spent)
        seed = plan.seed + key.trial
        journal = self.directory.journal(key)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            result = await run(
                parts.planners[key.planner],
                job.task,
                parts.model,
                parts.env,
                policy=parts.policy,
                evaluator=parts.evaluator,
                budget=Budget(**caps),
                journal=journal,
                seed=seed,
                paused=lambda: self.paused,
            )
        finally:
            self.running -= 1
            journal.close()
        trial = Trial.of(key, job.task, seed, caps, result)
        if trial.end != "cancelled":
            self.directory.add_trial(trial)
        return trial

    async def _judge(self, trial: Trial) -> Verdict | None:
        """The trial's verdict; judged once, and only where an answer was given."""
        spec = self.plan.judge
        known = self.directory.verdicts.get(spec, {}).get(trial.key)
        if known is not None or trial.end != "answered":
            return known
        task = self._tasks[trial.key.suite, trial.key.task]
        if not trial.tree_data:
            trial = self.directory.load(trial.key)
        try:
            verdict = await self.parts.judge(task, trial)
        except Exception as error:
            verdict = Verdict("unjudged", f"the judge raised {type(error).__name__}: {error}")
        self.directory.add_verdict(trial.key, spec, verdict)
        return verdict


def describe(plan: Plan, parts: Parts) -> dict[str, Any]:
    """What ``run.json`` keeps beside the identity: versions, git, fingerprints."""
    from .. import __version__

    return {
        "identity": plan.identity(),
        "judge": plan.judge,
        "planners": {spec: repr(planner) for spec, planner in parts.planners.items()},
        "fingerprints": {"prompts": parts.policy.fingerprint},
        "versions": {"toolgrove": __version__, "python": platform.python_version()},
        "platform": platform.platform(),
        "git": _git(),
        "command": sys.argv[1:],
    }


def _git() -> str | None:
    """The commit of the working directory, with ``+`` where files were changed."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=Path.cwd(),
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
