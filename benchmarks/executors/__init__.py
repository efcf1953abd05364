"""Where a trial's search runs: in this process, or in workers on Ray.

The runner decides what is owed, keeps the run directory and judges; an executor only searches.
The journal that it is given is the one on disk: an executor appends to it every effect, and an
effect that was not appended was not made. So all executors resume alike, and one may go on with
what another began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ...core import Budget, Journal, Node, Task, UsageError, run
from ..offering import recalled
from ..plan import Parts, Plan
from ..trial import Key, Trial

Listen = Callable[[Key, Node], None]


@dataclass(frozen=True)
class Search:
    """One trial to run.

    Attributes:
        key: what it is called.
        task: as planned; what it is offered is decided where it runs.
        caps: of its budget, by kind.
        seed: of the search.
        timeout: seconds for one request to the model.
        step_timeout: seconds for one thing asked of the environment.
    """

    key: Key
    task: Task
    caps: Mapping[str, float]
    seed: int
    timeout: float
    step_timeout: float


class Executor(Protocol):
    """Runs searches; many at once."""

    async def search(
        self,
        search: Search,
        journal: Journal,
        paused: Callable[[], bool],
        listen: Listen | None = None,
    ) -> Trial:
        """Run one, from what the journal has; every new effect is appended to it.

        Raises:
            UsageError: the parts do not fit together.
        """

    async def close(self) -> None:
        """Give back what it holds; searches under way end where they are."""


async def searched(
    parts: Parts,
    search: Search,
    journal: Journal,
    paused: Callable[[], bool],
    listen: Listen | None = None,
) -> Trial:
    """Run a search in this event loop.

    Args:
        parts: those of its suite.
        search: what to run.
        journal: what is known of it, and where to keep what is new.
        paused: when true it ends ``cancelled`` at the next effect.
        listen: told of every node that is complete.
    """
    task, found = search.task, None
    if parts.retriever is None:
        task = parts.offered(task)
    else:
        task = recalled(task, parts.offered, journal)
        found = tuple(api.name for api in task.apis)
    result = await run(
        parts.planners[search.key.planner],
        task,
        parts.model,
        parts.world.env,
        policy=parts.policy,
        evaluator=parts.evaluator,
        budget=Budget(**search.caps),
        journal=journal,
        seed=search.seed,
        paused=paused,
        listen=None if listen is None else partial(listen, search.key),
        timeout=search.timeout,
        step_timeout=search.step_timeout,
    )
    return Trial.of(search.key, search.task, search.seed, search.caps, result, found)


@dataclass
class Local:
    """Searches in this process's event loop."""

    parts: Parts

    async def search(
        self,
        search: Search,
        journal: Journal,
        paused: Callable[[], bool],
        listen: Listen | None = None,
    ) -> Trial:
        """Run one, see :class:`Executor`."""
        parts = self.parts.of_suite(search.key.suite)
        return await searched(parts, search, journal, paused, listen)

    async def close(self) -> None:
        """Nothing is held: the parts are the runner's."""


def executor(spec: str, plan: Plan, workers: int = 2) -> Executor | None:
    """The executor of a spec: ``local`` (None: the runner's own), ``ray``, ``ray:address=A``.

    Args:
        spec: which.
        plan: what will run.
        workers: processes, where it has any.

    Raises:
        UsageError: another spec, or ray is not installed.
    """
    if workers < 1:
        raise UsageError("--workers must be 1 or more")
    kind, _, rest = spec.partition(":")
    if spec == "local":
        return None
    if kind == "ray" and (not rest or rest.startswith("address=")):
        from .ray import Ray

        return Ray(plan, workers, rest.removeprefix("address=") or None)
    raise UsageError(f"--executor {spec!r}: expected local, ray or ray:address=auto")
