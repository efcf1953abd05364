"""One instruction with an environment's functions, as a run of one task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from ..core import API, Node, Task, UsageError, world
from .plan import Parts, Plan, describe
from .rundir import RunDirectory
from .runner import Runner
from .suites import load_suites, write_jsonl
from .trial import Key, Trial

FOLDER = Path("runs")
TASK = "task"  # the id of the only one


@dataclass(frozen=True)
class Solving:
    """A run of one task, ready to go.

    Attributes:
        runner: to run it; its directory is open for writing.
        key: of its only trial.
    """

    runner: Runner
    key: Key

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.runner.directory.path

    async def run(self) -> Trial | None:
        """The finished trial; None if it was stopped before it ended."""
        directory = self.runner.directory
        with closing(directory):
            await self.runner.run(concurrency=1)
        return directory.load(self.key) if self.key in directory.trials else None


def solving(
    instruction: str,
    *,
    planner: str,
    model: str,
    env: str,
    apis: str | None = None,
    policy: str = "",
    evaluator: str | None = None,
    seed: int = 0,
    budget: Mapping[str, float] | None = None,
    out: Path | None = None,
    listen: Callable[[Key, Node], None] | None = None,
) -> Solving:
    """Prepare it; the same arguments find the same run, which is then resumed.

    Args:
        instruction: what is to be done.
        planner: a spec, as the next ones.
        model: whom to ask.
        env: whose functions are offered.
        policy: what words the prompts; "" as for :class:`.plan.Plan`.
        evaluator: what scores nodes.
        apis: names of the environment's functions to offer, by commas; all if not given.
        seed: of the trial.
        budget: caps by kind.
        out: the run directory; under ``runs/`` if not given.
        listen: told of every node that is complete.

    Raises:
        UsageError: something is missing or wrong; nothing was spent.
    """
    for name, given in (("model", model), ("env", env)):
        if not given:
            raise UsageError(f"--{name} is needed: see `toolgrove list {name}s` for what there is")
    if not instruction.strip():
        raise UsageError("an empty instruction: say what is to be done")
    mark = blake2b(repr((instruction, env, apis)).encode(), digest_size=4).hexdigest()
    # In a file, so that every command can read the task again.
    tasks = FOLDER / f"solve-{mark}.jsonl"
    task = Task(TASK, instruction, offered(env, apis))
    tasks.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl([task], tasks)
    plan = Plan(
        load_suites(str(tasks)), [planner], model, env, "answered", policy, evaluator,
        seed=seed, budget=budget or {},
    )  # fmt: skip
    parts = Parts.of(plan)
    directory = RunDirectory.create(out or FOLDER / plan.name(), describe(plan, parts))
    [key] = plan.keys()
    return Solving(Runner(plan, directory, parts=parts, listen=listen), key)


def offered(env: str, names: str | None) -> tuple[API, ...]:
    """The functions of an environment, all or those named.

    Raises:
        UsageError: it has none of its own, or not that one.
    """
    there = world(env).apis
    if names is not None:
        known = {api.name: api for api in there}
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        if lacking := [name for name in wanted if name not in known]:
            some = ", ".join(list(known)[:8]) + (" .." if len(known) > 8 else "")
            raise UsageError(f"{env} has no function {lacking[0]!r}; there are: {some or 'none'}")
        there = tuple(known[name] for name in wanted)
    if not there:
        raise UsageError(f"{env} has no functions of its own to offer: its tasks bring them")
    return there
