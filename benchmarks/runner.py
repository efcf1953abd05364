"""The runner: suites times planners times trials, concurrently, into a run directory."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Protocol

from ..core import (
    Budget,
    Evaluator,
    Journal,
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
from ..core.deadline import Overdue, within
from ..core.registry import singular
from ..models import Batcher
from ..models.cache import Cached
from .fingerprints import digests
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
        model, env, judge: specs; "" is each suite's own.
        faults: a fault profile, added to the environment's spec (``faults=mixed``).
        cache: a file to keep the models' replies in, and to take them from; it changes no result,
            so it is no part of what must be equal for a run to be resumed.
        policy, evaluator: specs.
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
    faults: str | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        _distinct("planner", self.planners)
        _distinct("suite", [suite.name for suite in self.suites])
        for suite in self.suites:
            _distinct(f"task of {suite.name}", [task.id for task in suite.tasks])
        if (self.match is None) != (self.reference is None):
            raise UsageError("--match and --reference go together")
        if self.reference is not None and self.reference not in self.planners:
            given = ", ".join(self.planners)
            raise UsageError(f"--reference {self.reference!r} is none of the planners: {given}")
        if self.trials < 1 or (self.limit is not None and self.limit < 1):
            raise UsageError("--trials and --limit must be 1 or more")
        Budget(**self.budget)

    def spec(self, what: Literal["model", "env", "judge"], suite: Suite) -> str:
        """The model, environment or judge of a suite: the plan's, or else the suite's own."""
        text = str(getattr(self, what) or getattr(suite, what))
        if what == "env" and self.faults is not None:
            text += f"{',' if ':' in text else ':'}faults={self.faults}"
        return text

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
        """What must be equal for a run to be resumed; files named in specs by their content."""
        models = {suite.name: self.spec("model", suite) for suite in self.suites}
        envs = {suite.name: self.spec("env", suite) for suite in self.suites}
        named = [*self.planners, *models.values(), *envs.values(), self.policy]
        files = digests([*named, self.evaluator or ""])
        return {
            "suites": {s.name: {"digest": s.digest, "tasks": len(s.tasks)} for s in self.suites},
            "planners": list(self.planners),
            "model": self.model or models,
            "env": envs if self.faults or not self.env else self.env,
            **{k: getattr(self, k) for k in ("policy", "evaluator")},
            **{k: getattr(self, k) for k in ("trials", "seed", "limit", "match", "reference")},
            "budget": dict(self.budget),
            **({"files": files} if files else {}),
        }

    def name(self) -> str:
        """A name for the run directory: the same plan has the same name."""
        first = self.suites[0].name.rpartition("/")[2]
        plain = "".join(c if c.isalnum() else "-" for c in first).strip("-").lower()[:32]
        mark = blake2b(repr(self.identity()).encode(), digest_size=4).hexdigest()
        return f"{plain}-{mark}"


def _distinct(what: str, given: Sequence[str]) -> None:
    if not given:
        raise UsageError(f"no {what} given")
    name, count = Counter(given).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{what} {name!r} is given twice")


class Observer(Protocol):
    """Told of a run's progress."""

    def started(self, total: int, done: int) -> None:
        """The run begins, so many trials being there already."""

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        """One more trial is done."""


@dataclass
class Parts:
    """The components that a plan names, made once and shared by all trials.

    Attributes:
        own: the parts of suites that have another model, environment or judge, by their name.
        caches: the models' caches, if the plan has one.
    """

    planners: Mapping[str, Planner]
    model: Model
    env: Callable[[], ToolEnv]
    policy: Policy
    evaluator: Evaluator | None
    judge: Judge
    own: Mapping[str, Parts] = field(default_factory=dict)
    caches: Sequence[Cached] = ()

    def of_suite(self, name: str) -> Parts:
        """The parts that a suite runs with."""
        return self.own.get(name, self)

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
        evaluator = plan.evaluator and _made("evaluators", plan.evaluator, "__call__")
        policy = _made("policies", plan.policy, "start", "extend", "read", "fingerprint")
        models: dict[str, Model] = {}
        made: dict[tuple[str, str, str], Parts] = {}
        own: dict[str, Parts] = {}
        caches: list[Cached] = []
        for suite in plan.suites:
            model, env, judge = (plan.spec(w, suite) for w in ("model", "env", "judge"))
            if model not in models:
                asked = _made("models", model, "complete")
                if plan.cache is not None:
                    asked = Cached(asked, plan.cache)
                    caches.append(asked)
                models[model] = _batched(asked)
            if (model, env, judge) not in made:
                judged = _made("judges", judge, "__call__")
                world = _world(env, planners)
                parts = cls(planners, models[model], world, policy, evaluator or None, judged)
                made[model, env, judge] = parts
            own[suite.name] = made[model, env, judge]
        first = own[plan.suites[0].name]
        first.own = {name: parts for name, parts in own.items() if parts is not first}
        first.caches = caches
        return first


def _made(kind: str, spec: str, *needs: str) -> Any:
    """The component, which has what one of its kind needs."""
    found = make(kind, spec)
    for need in needs:
        if not hasattr(found, need):
            what = f"a {type(found).__name__}, which has no {need!r}"
            raise UsageError(f"{spec!r} is no {singular(kind)}, but {what}")
    return found


def _batched(model: Model) -> Model:
    size = getattr(model, "max_batch", 1)
    return Batcher(model, max_batch=size) if size > 1 else model


def _world(spec: str, planners: Mapping[str, Planner]) -> Callable[[], ToolEnv]:
    """What makes the environment, which fits the planners."""
    world = bind("envs", spec)
    if not isinstance(one := world(), ToolEnv):
        raise UsageError(f"{spec!r} is no ToolEnv, but a {type(one).__name__}")
    for name, planner in planners.items():
        if one.fork == "never" and planner.branches:
            raise UsageError(
                f"planner {name!r} branches, and environment {spec!r} cannot go back "
                f"(fork='never'): use cot or react, or another environment"
            )
    return world


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
    ) -> None:
        self.plan, self.directory = plan, directory
        self.parts = parts or Parts.of(plan)
        self.timeout, self.step_timeout = timeout, step_timeout
        self._tasks = {(suite.name, task.id): task for suite, task in plan.tasks()}
        self._judges = {suite.name: plan.spec("judge", suite) for suite in plan.suites}
        self.paused = False
        self.running = self.most_running = 0

    async def run(self, *, concurrency: int = 8, observer: Observer | None = None) -> list[Any]:
        """Run what is owed; the rows of the summary."""
        keys = self.plan.keys()
        owed = {key for key in keys if self._owes(key)}
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
            rows = summarise(keys, self.directory.trials, self._verdicts(keys))
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

    def _reference(self, key: Key) -> Key | None:
        """The trial whose spend is this one's cap, if there is one."""
        name = self.plan.reference
        return None if name is None or name == key.planner else key._replace(planner=name)

    def _caps(self, key: Key) -> dict[str, float]:
        caps, match = dict(self.plan.budget), self.plan.match
        if (reference := self._reference(key)) is not None and match is not None:
            spent = self.directory.trials[reference].spent[match]
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
        parts = self.parts.of_suite(key.suite)
        caps, seed = self._caps(key), self.plan.seed + key.trial
        known = self.directory.trials.get(key)
        if known is not None and known.budget == caps and self.directory.finished(key):
            return known
        journal = self.directory.journal(key)
        if known is not None and known.budget != caps:
            _forget_limits(journal)
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
                timeout=self.timeout,
                step_timeout=self.step_timeout,
            )
            await journal.synced()
        finally:
            self.running -= 1
            journal.close()
        trial = Trial.of(key, job.task, seed, caps, result)
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
        """The verdict on an answer: given once, and again to one made anew or still unjudged."""
        spec = self._judges[trial.key.suite]
        known = self.directory.verdicts.get(spec, {}).get(trial.key)
        if trial.end != "answered":
            return None
        made_now = bool(trial.tree_data)
        if known is not None and known.decision != "unjudged" and not made_now:
            return known
        task = self._tasks[trial.key.suite, trial.key.task]
        if not made_now:
            trial = self.directory.load(trial.key)
        judge = self.parts.of_suite(trial.key.suite).judge
        try:
            verdict = await within(self.timeout, judge(task, trial))
            if not isinstance(verdict, Verdict):
                raise TypeError(f"it returned {type(verdict).__name__}, not a Verdict")
        except Overdue:
            verdict = Verdict("unjudged", f"the judge took over {self.timeout:g} s")
        except Exception as error:
            verdict = Verdict("unjudged", f"the judge raised {type(error).__name__}: {error}")
        if verdict != known:
            self.directory.add_verdict(trial.key, spec, verdict)
        return verdict


def _forget_limits(journal: Journal) -> None:
    """What had no budget is tried again, under the caps of now."""
    for name in [name for name, record in journal.past.items() if "exhausted" in record]:
        journal.retract(name)
        del journal.past[name]


def describe(plan: Plan, parts: Parts) -> dict[str, Any]:
    """What ``run.json`` keeps beside the identity: versions, git, fingerprints."""
    from .. import __version__

    return {
        "identity": {**plan.identity(), "prompts": parts.policy.fingerprint},
        "judge": plan.judge or {s.name: s.judge for s in plan.suites},
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
