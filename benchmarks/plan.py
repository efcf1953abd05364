"""What to run: suites times planners times trials, and the components that a plan names."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core import (
    Budget,
    Evaluator,
    Model,
    Planner,
    Policy,
    Task,
    UsageError,
    World,
    make,
    world,
)
from ..core.registry import singular, takes
from ..models import Batcher
from ..models.cache import Cached
from ..models.identity import innermost
from ..models.trained import policy_of
from .fingerprints import digests
from .judges import Judge, ModelJudge
from .offering import GIVEN, parse_apis
from .suites import Suite
from .trial import Key

if TYPE_CHECKING:
    from ..models.retrieval import Retriever

Match = Literal["calls", "tokens", "usd"]


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        suites: the tasks.
        planners: specs, as given; they name the rows of the summary.
        model, env, judge: specs; "" is each suite's own.
        faults: a fault profile: the environment's own (``faults=mixed``), or one of ``faulty``
            around it.
        apis: ``given``, what each task names; or ``retrieve:k=5``, what a retriever finds for it.
        cache: a file to keep the models' replies in, and to take them from; it changes no result,
            so it is no part of what must be equal for a run to be resumed.
        policy: a spec; "" is what the model's training data was worded by, else ``functions``.
        evaluator: a spec.
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
    policy: str = ""
    evaluator: str | None = None
    trials: int = 1
    seed: int = 0
    limit: int | None = None
    budget: Mapping[str, float] = field(default_factory=dict)
    match: Match | None = None
    reference: str | None = None
    faults: str | None = None
    apis: str = GIVEN
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
        parse_apis(self.apis)
        if not self.policy:
            asked = self.spec("model", self.suites[0])
            object.__setattr__(self, "policy", (asked and policy_of(asked)) or "functions")

    def spec(self, what: Literal["model", "env", "judge"], suite: Suite) -> str:
        """The model, environment or judge of a suite: the plan's, or else the suite's own."""
        text = str(getattr(self, what) or getattr(suite, what))
        if what == "env" and self.faults is not None:
            if takes("envs", text, "faults"):
                text += f"{',' if ':' in text else ':'}faults={self.faults}"
            else:
                text = f"faulty:({text}),faults={self.faults}"
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
        files = digests([*named, self.evaluator or "", self.apis])
        return {
            "suites": {s.name: {"digest": s.digest, "tasks": len(s.tasks)} for s in self.suites},
            "planners": list(self.planners),
            "model": self.model or models,
            "env": envs if self.faults or not self.env else self.env,
            **{k: getattr(self, k) for k in ("policy", "evaluator")},
            **{k: getattr(self, k) for k in ("trials", "seed", "limit", "match", "reference")},
            "budget": dict(self.budget),
            **({"apis": self.apis} if self.apis != GIVEN else {}),
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


@dataclass
class Parts:
    """The components that a plan names, made once and shared by all trials.

    Attributes:
        own: the parts of suites that have another model, environment or judge, by their name.
        caches: the models' caches, if the plan has one.
        models: all models by their specs, without what stands in front of them.
        retriever: finds what a task is offered, ``k`` APIs; None offers what the task names.
    """

    planners: Mapping[str, Planner]
    model: Model
    world: World
    policy: Policy
    evaluator: Evaluator | None
    judge: Judge | ModelJudge
    own: Mapping[str, Parts] = field(default_factory=dict)
    caches: Sequence[Cached] = ()
    models: Mapping[str, Model] = field(default_factory=dict)
    retriever: Retriever | None = None
    k: int = 0

    def of_suite(self, name: str) -> Parts:
        """The parts that a suite runs with."""
        return self.own.get(name, self)

    def offered(self, task: Task) -> Task:
        """The task with what a retriever finds, or the world's functions where it names none."""
        if self.retriever is not None:
            found = self.retriever.search(task.instruction, self.k)
            return replace(task, apis=tuple([hit.api for hit in found]))
        return task if task.apis else replace(task, apis=self.world.apis)

    async def close(self) -> None:
        """Give back what the worlds hold."""
        held = {id(parts.world): parts.world for parts in (self, *self.own.values())}
        for each in held.values():
            await each.close()

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
        for spec, planner in planners.items():
            if planner.needs_evaluator and not evaluator:
                raise UsageError(
                    f"planner {spec!r} scores nodes: add --evaluator, such as value, vote, ranking"
                )
        policy = _made("policies", plan.policy, "start", "extend", "read", "fingerprint")
        models: dict[str, Model] = {}
        made: dict[tuple[str, str, str], Parts] = {}
        own: dict[str, Parts] = {}
        caches: list[Cached] = []
        bare: dict[str, Model] = {}
        for suite in plan.suites:
            model, env, judge = (plan.spec(w, suite) for w in ("model", "env", "judge"))
            if model not in models:
                asked = _made("models", model, "complete")
                _check_policy(model, asked, policy)
                bare[model] = innermost(asked)
                if plan.cache is not None:
                    asked = Cached(asked, plan.cache)
                    caches.append(asked)
                models[model] = _batched(asked)
            if (model, env, judge) not in made:
                judged = _made("judges", judge, "__call__")
                found = _world(env, planners)
                parts = cls(planners, models[model], found, policy, evaluator or None, judged)
                made[model, env, judge] = parts
            own[suite.name] = made[model, env, judge]
        if (asked_for := parse_apis(plan.apis)) is not None:
            for parts in made.values():
                suites = [suite for suite in plan.suites if own[suite.name] is parts]
                given = [api for suite in suites for task in suite.tasks for api in task.apis]
                retriever = asked_for.over([*parts.world.apis, *given])
                parts.retriever, parts.k = retriever, asked_for.k
        first = own[plan.suites[0].name]
        first.own = {name: parts for name, parts in own.items() if parts is not first}
        first.caches, first.models = caches, bare
        return first


def _made(kind: str, spec: str, *needs: str) -> Any:
    """The component, which has what one of its kind needs."""
    found = make(kind, spec)
    for need in needs:
        if not hasattr(found, need):
            what = f"a {type(found).__name__}, which has no {need!r}"
            raise UsageError(f"{spec!r} is no {singular(kind)}, but {what}")
    return found


def _check_policy(spec: str, model: Model, policy: Policy) -> None:
    """See to it that a model which was trained on one policy's words gets them."""
    needs = getattr(innermost(model), "needs_policy", "")
    if needs and policy.name != needs:
        raise UsageError(f"the model {spec!r} needs --policy {needs}, not {policy.name}")


def _batched(model: Model) -> Model:
    size = getattr(model, "max_batch", 1)
    return Batcher(model, max_batch=size) if size > 1 else model


def _world(spec: str, planners: Mapping[str, Planner]) -> World:
    """The environment's world, which fits the planners."""
    found = world(spec)
    for name, planner in planners.items():
        if found.fork == "never" and planner.branches:
            raise UsageError(
                f"planner {name!r} branches, and environment {spec!r} cannot go back "
                f"(fork='never'): use cot or react, or another environment"
            )
    return found


def describe(plan: Plan, parts: Parts) -> dict[str, Any]:
    """What ``run.json`` keeps beside the identity: versions, git, fingerprints."""
    from .. import __version__

    return {
        "identity": {**plan.identity(), "prompts": parts.policy.fingerprint},
        "judge": plan.judge or {s.name: s.judge for s in plan.suites},
        "tasks": _digests(plan),
        "planners": {spec: repr(planner) for spec, planner in parts.planners.items()},
        "fingerprints": {"prompts": parts.policy.fingerprint, **_fingerprints(parts)},
        "versions": {"toolgrove": __version__, "python": platform.python_version()},
        "platform": platform.platform(),
        "git": _git(),
        "command": sys.argv[1:],
    }


def _digests(plan: Plan) -> dict[str, dict[str, str]]:
    """The planned tasks of each suite by id, with what tells one task from another."""
    found: dict[str, dict[str, str]] = {suite.name: {} for suite in plan.suites}
    for suite, task in plan.tasks():
        found[suite.name][task.id] = task.digest
    return found


def _fingerprints(parts: Parts) -> dict[str, str]:
    """What the worlds' answers depend on: a store's content."""
    found: dict[str, str] = {}
    for each in (parts, *parts.own.values()):
        found.update(each.world.fingerprints())
    return found


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
