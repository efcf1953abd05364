"""The evaluator ``scorer``: a Python function of one's own, such as a trained value model."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core import Node, PlannerError, Session, Task, UsageError
from ...core.registry import load, parse

Function = Callable[[Task, list[dict[str, Any]]], Any]


@dataclass(frozen=True)
class Scorer:
    """Scores by a function in a file, ``scorer:my/scorer.py:score``.

    It is called with the task and a list of nodes as plain data: ``path``, a list of turns with
    ``thought``, ``api``, ``arguments``, ``observation`` and ``status`` from the root on, and
    ``answer``, a text or None. It returns a number for each, higher is better; 0 to 1 suits all
    planners. It may be a coroutine function; another one runs in a thread of its own, one at a
    time in each search.

    What it returns is journaled, so a search that is resumed does not ask it again.

    Args:
        function: file and name.
    """

    function: str
    _call: Function = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spec = parse(self.function)
        if not spec.name.endswith(".py"):
            raise UsageError(
                f"{self.function!r}: name a function in a file, as in scorer:my/scorer.py:score"
            )
        object.__setattr__(self, "_call", load("evaluators", spec)[0])

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """Ask the function."""

        async def score() -> list[float]:
            data = [as_data(node) for node in nodes]
            if inspect.iscoroutinefunction(self._call):
                got = await self._call(s.task, data)
            else:
                got = await asyncio.to_thread(self._call, s.task, data)
            try:
                return [float(each) for each in got]
            except (TypeError, ValueError) as error:
                raise PlannerError(f"{self.function} gave no list of numbers: {error}") from error

        scores: list[float] = await s.effect("scorer", nodes, score)
        return scores


def as_data(node: Node) -> dict[str, Any]:
    """A node as a scorer is given it."""
    path = [
        {
            "thought": each.thought,
            "api": each.action and each.action.api,
            "arguments": each.action and each.action.arguments,
            "observation": each.observation,
            "status": each.step and each.step.info.status,
        }
        for each in node.path()[1:]
    ]
    return {"path": path, "answer": node.answer}
