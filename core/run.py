"""One trial: one planner, one task, one seed."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .budget import Budget
from .contracts import Evaluator, Model, Planner, Policy, ToolEnv
from .effects import Effects
from .errors import (
    BudgetExhausted,
    EnvironmentFailed,
    EnvMiss,
    ModelError,
    Paused,
    PlannerError,
    ReplayMismatch,
    UsageError,
)
from .finish import finish
from .journal import Journal
from .pool import EnvPool
from .registry import make
from .session import Session
from .tree import Node, Tree
from .values import Action, Step, Task

End = Literal["answered", "gave_up", "limit", "infra", "env_miss", "cancelled"]


@dataclass(frozen=True)
class Result:
    """How a trial ended.

    Attributes:
        end: ``answered``; ``gave_up``; ``limit`` (budget, depth or width used up without an
            answer); ``infra`` (model, environment or planner broke); ``env_miss`` (a
            recording has no such call); ``cancelled`` (asked to stop: resume it).
        answer: the final answer as text, where there is one.
        node: the node the answer or give-up stands at.
        tree: all nodes.
        spent: calls, tokens, usd, steps, nodes, seconds.
        limit: the kind of budget that ran out, if one did.
        error: what broke, for people.
        exception: the same, for programs.
    """

    end: End
    answer: str | None
    node: Node | None
    tree: Tree
    spent: dict[str, float]
    limit: str | None = None
    error: str | None = None
    exception: Exception | None = None


async def run(
    planner: Planner,
    task: Task,
    model: Model,
    env: Callable[[], ToolEnv],
    *,
    policy: Policy | None = None,
    evaluator: Evaluator | None = None,
    budget: Budget | None = None,
    journal: Journal | None = None,
    seed: int = 0,
    envs: int = 8,
    finish: Callable[[Action], Step] = finish,
    paused: Callable[[], bool] = bool,
    listen: Callable[[Node], None] | None = None,
    timeout: float = 600.0,
    step_timeout: float = 60.0,
) -> Result:
    """Search one task.

    Args:
        planner: the search strategy.
        task: what is to be done, and the APIs offered.
        model: whom to ask.
        env: makes an environment; a class will do.
        policy: words the prompts; function calling if not given.
        evaluator: scores nodes, for planners that rank.
        budget: caps; none if not given.
        journal: what an earlier life of this trial did, and where to keep what is new.
        seed: of the planner's chance, the requests, and the environment.
        envs: environments at once, at most.
        finish: handles the Finish call.
        paused: asked before every effect; when true the trial ends ``cancelled``.
        listen: told of every node that is complete.
        timeout: seconds for one request to the model.
        step_timeout: seconds for one thing asked of the environment.

    Returns:
        What was found and spent. Whatever breaks while searching is a Result, too.

    Raises:
        UsageError: the parts do not fit together; nothing was spent.
    """
    journal = journal or Journal()
    budget = budget or Budget()
    policy = policy or make("policies", "functions")
    if planner.needs_evaluator and evaluator is None:
        raise UsageError(f"{planner!r} scores nodes: give an evaluator, such as --evaluator value")
    root, branches = Node("0"), planner.branches
    try:
        pool = EnvPool(env, task, seed=seed, branches=branches, size=envs, timeout=step_timeout)
    except EnvironmentFailed as error:
        told = f"{type(error).__name__}: {error}"
        spent = dict(budget.spent)
        return Result("infra", None, None, Tree([root]), spent, error=told, exception=error)
    if pool.fork == "never" and journal.past:
        journal.restart()
    budget.carry(journal.carried)
    effects = Effects(
        task=task, model=model, pool=pool, policy=policy, budget=budget, journal=journal, seed=seed,
        evaluator=evaluator, finish=finish, paused=paused, listen=listen, timeout=timeout,
    )  # fmt: skip
    try:
        return await _search(planner, effects, root)
    finally:
        await pool.close()


def run_sync(
    planner: Planner,
    task: Task,
    model: Model,
    env: Callable[[], ToolEnv],
    **options: object,
) -> Result:
    """:func:`run`, for a caller without an event loop."""
    return asyncio.run(run(planner, task, model, env, **options))  # type: ignore[arg-type]


async def _search(planner: Planner, effects: Effects, root: Node) -> Result:
    node: Node | None = None
    limit: str | None = None
    broken: Exception | None = None
    try:
        observation = await effects.observe(root)
        session = Session(effects, root, effects.task.apis, observation)
        node = await planner.plan(session)
    except BudgetExhausted as error:
        limit = error.what
    except Exception as error:
        broken = error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        broken = EnvironmentFailed("a tool, a model or the planner cancelled its own task")
        broken.__cause__ = error
    if broken is None:
        try:
            node = _chosen(planner, effects.roots or [root], node)
        except Exception as error:
            broken = error
    tree = Tree(effects.roots or [root], None if broken or node is None else node.id)
    return Result(
        end=_end(node, broken),
        answer=None if broken or node is None else node.answer,
        node=None if broken else node,
        tree=tree,
        spent=dict(effects.budget.spent),
        limit=limit,
        error=None if broken is None else _explain(broken, effects),
        exception=broken,
    )


def _chosen(planner: Planner, roots: list[Node], node: Node | None) -> Node | None:
    """The node to answer with: the planner's, or else its best."""
    found: object = planner.pick(roots) if node is None else node
    if found is None or isinstance(found, Node):
        return found
    raise PlannerError(f"{planner!r} gave a {type(found).__name__} to answer with, not a Node")


def _end(node: Node | None, broken: Exception | None) -> End:
    if broken is None:
        if node is not None and node.solved:
            return "answered"
        return "gave_up" if node is not None and node.gave_up else "limit"
    if isinstance(broken, Paused):
        return "cancelled"
    if isinstance(broken, EnvMiss) or (isinstance(broken, ModelError) and broken.miss):
        return "env_miss"
    return "infra"


def _explain(error: Exception, effects: Effects) -> str:
    """The error in words; a failure that may pass is owed again when the trial is resumed."""
    if isinstance(error, ModelError) and error.key:
        effects.journal.retract(error.key)
    known = ModelError | EnvironmentFailed | EnvMiss | Paused | ReplayMismatch | UsageError
    if isinstance(error, known):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)).strip()
