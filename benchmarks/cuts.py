"""Searches cut short: what a trial would have answered with a smaller budget, from its journal.

A planner is a pure function of (seed, effect results). So a search that is given the effects of
a finished trial under a smaller cap ends as a run under that cap would have ended: the first so
many calls are the same ones, and the planner's own choice of an answer is made as it would be
made then. Nothing is asked of a model or an environment, and nothing is paid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..core import (
    API,
    FINISH,
    Action,
    Budget,
    Completion,
    Evaluator,
    Journal,
    ModelError,
    Planner,
    Policy,
    Request,
    Result,
    Step,
    Task,
    ToolEnv,
    run,
)
from ..core.errors import BudgetExhausted, EnvMiss, UsageError
from ..core.lines import read_lines
from ..core.tree import Node
from .offering import offered_in
from .trial import Trial

Over = Literal["calls", "tokens", "usd"]
KINDS: tuple[Over, ...] = ("calls", "tokens", "usd")
COUNTED = ("calls", "steps", "nodes")  # caps that are kept by counting; others left a record


@dataclass(frozen=True)
class Cut:
    """A search that was cut.

    Attributes:
        result: how it ended; None where the journal does not say.
        spent: of the kind that was cut, what it had spent then.
        why: what is missing, where the journal does not say.
    """

    result: Result | None
    spent: float
    why: str = ""

    @property
    def node(self) -> Node | None:
        """Where its answer stands, if it has one."""
        found = None if self.result is None else self.result.node
        return found if found is not None and found.solved else None


class Cap(Budget):
    """A trial's own caps, and one more of calls, tokens or dollars.

    Tokens and dollars are those of the calls before: a call is made while any are left, as
    :class:`Budget` has it for models that give no upper bound of a request; the last call may
    overrun the cap. Calls count in the order in which they were reserved.

    Attributes:
        reserved: what was spent of this kind whenever calls were reserved.
    """

    def __init__(self, own: Mapping[str, float], over: Over, at: float = math.inf) -> None:
        caps = {kind: cap for kind, cap in own.items() if kind in COUNTED}
        if over == "calls":
            caps["calls"] = min(at, caps.get("calls", math.inf))
        super().__init__(**caps)
        self.over: Over = over
        self.at = math.inf if over == "calls" else at
        self.reserved: list[float] = []

    def reserve(self, kind: Literal["calls", "steps", "nodes"], n: int = 1) -> int:
        """As :class:`Budget` does, and nothing where the cap is spent."""
        if kind == "calls":
            spent = self.spent[self.over]
            if spent >= self.at:
                raise BudgetExhausted(self.over)
            self.reserved.append(spent)
        return super().reserve(kind, n)


class Recorded:
    """A finished trial with the records of its journal, to be searched again under any cap.

    Args:
        trial: with its tree.
        task: the trial's.
        planner, policy, evaluator: those of its run.
        records: its journal's lines.
        apis: what is offered where neither the journal nor the task says so.
    """

    def __init__(
        self,
        trial: Trial,
        task: Task,
        planner: Planner,
        policy: Policy,
        evaluator: Evaluator | None,
        records: Sequence[Mapping[str, Any]],
        apis: tuple[API, ...] = (),
    ) -> None:
        self.trial, self.planner, self.policy, self.evaluator = trial, planner, policy, evaluator
        offered = offered_in(records)
        if offered is None and not task.apis:
            offered = apis
        self.task = task if offered is None else replace(task, apis=offered)
        self._records = [dict(r) for r in records if r.get("key") != "offered"]
        self._resolves = _resolves_names(trial)

    async def cut(self, over: Over, at: float) -> Cut:
        """The search under a cap."""
        return (await self._searched(Cap(self.trial.budget, over, at)))[0]

    async def cuts(self, over: Over, budgets: Iterable[float]) -> list[Cut]:
        """The search under each of several caps; the whole search stands in where it is no cut.

        Caps between which nothing was reserved are searched once.
        """
        whole, reserved = await self._searched(Cap(self.trial.budget, over))
        if whole.result is not None and not self._as_recorded(whole.result):
            whole = Cut(None, whole.spent, "the journal does not lead to the recorded end")
        known: dict[float, Cut] = {}
        found = []
        for at in budgets:
            if over == "calls":
                mark = at if at < whole.spent else math.inf
            else:  # the search is cut at the first call before which so much was spent
                mark = next((spent for spent in reserved if spent >= at), math.inf)
            if mark == math.inf:
                found.append(whole)
                continue
            if mark not in known:
                known[mark] = await self.cut(over, at)
            found.append(known[mark])
        return found

    async def _searched(self, budget: Cap) -> tuple[Cut, list[float]]:
        journal = Past(self._records, sink=_forget)
        journal.carried = {}  # of lives before this one, in environments without a way back
        model, resolves = Unasked(), self._resolves

        def env() -> ToolEnv:
            return Unmoved(resolves)

        result = await run(
            self.planner, self.task, model, env,
            policy=self.policy, evaluator=self.evaluator, budget=budget, journal=journal,
            seed=self.trial.seed,
        )  # fmt: skip
        spent = budget.spent[budget.over]
        if result.end in ("env_miss", "infra") and self.trial.end != result.end:
            return Cut(None, spent, (result.error or result.end).splitlines()[-1]), budget.reserved
        if result.end == "infra":
            return Cut(None, spent, "the trial broke"), budget.reserved
        return Cut(result, spent), budget.reserved

    def _as_recorded(self, result: Result) -> bool:
        """Whether the whole search ended as the trial did."""
        winner = None if result.node is None else result.node.id
        there = self.trial
        return (result.end, result.answer, winner) == (
            there.end,
            there.answer,
            there.tree_data.get("winner"),
        )


class Past(Journal):
    """The effects of a trial, and no others: one that is not there is a miss, and is not made."""

    def take(self, key: str, asked: str) -> dict[str, Any]:
        """The recorded effect.

        Raises:
            EnvMiss: there is none.
        """
        record = super().take(key, asked)
        if record is None:
            raise EnvMiss(f"the journal has no reply for {key}")
        return record


class Unasked:
    """A model that nobody asks: what it would say is in the journal, or is not known."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """Misses."""
        return [ModelError("nobody asks", kind="replay", miss=True) for _ in requests]


class Unmoved(ToolEnv):
    """An environment whose answers are in the journal."""

    fork = "free"

    def __init__(self, resolves_names: bool) -> None:
        self.resolves_names = resolves_names

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Misses: the trial was never begun."""
        raise EnvMiss("the journal has no beginning")

    async def step(self, action: Action) -> Step:
        """Misses."""
        raise EnvMiss(f"the journal has no such call of {action.api}")


def recorded(
    run_path: Path,
    trial: Trial,
    task: Task,
    planner: Planner,
    policy: Policy,
    evaluator: Evaluator | None,
    apis: tuple[API, ...] = (),
) -> Recorded:
    """A trial of a run directory, see :class:`Recorded`.

    Raises:
        UsageError: its task is another one now.
    """
    if task.digest != trial.digest:
        raise UsageError(
            f"suite {trial.key.suite} now has another task under {trial.key.task!r}: its trial "
            f"cannot be cut"
        )
    records, _ = read_lines(run_path / "journal" / trial.key.file)
    return Recorded(trial, task, planner, policy, evaluator, records, apis)


def _resolves_names(trial: Trial) -> bool:
    """Whether the environment answered names that were not offered; seen from what it refused."""
    return not any(
        node.get("detail", {}).get("session") and node.get("api") != FINISH
        for node in trial.tree_data["nodes"]
    )


def _forget(record: Mapping[str, Any]) -> None:
    """What a cut search notes is nobody's."""
