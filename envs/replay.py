"""Replay: a trace's recorded observations, served by their place in the recorded tree."""

from __future__ import annotations

from typing import Any

from ..core import CODES, Action, EnvMiss, Step, StepInfo, Task, ToolEnv, Turn
from ..core.contracts import Fork


class ReplayEnv(ToolEnv):
    """Answers each call with what was recorded at the same place of the task's recording.

    The k-th child of a node meets the k-th recorded turn there, so two equal calls with two
    answers are served in order. A call at a place that was not recorded, or another call than
    was, is a miss.
    """

    fork: Fork = "free"
    resolves_names = True

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Take the task's recording.

        Raises:
            EnvMiss: the task has none.
        """
        if task.recording is None:
            raise EnvMiss(f"task {task.id} has no recording to replay")
        self._task, self._root = task, task.recording
        return "", {}

    async def step(self, action: Action) -> Step:
        """The recorded answer.

        Raises:
            EnvMiss: nothing, or another call, was recorded at this place.
        """
        turn: Turn | None = self._root
        for index in action.place.split(".")[1:]:
            at = int(index)
            turn = turn.turns[at] if turn is not None and at < len(turn.turns) else None
        if turn is None:
            raise EnvMiss(
                f"task {self._task.id}: nothing was recorded at node {action.place} ({action.api})"
            )
        if (turn.api, turn.arguments) != (action.api, action.arguments):
            raise EnvMiss(
                f"task {self._task.id}, node {action.place}: recorded was "
                f"{turn.api}({turn.arguments}), asked is {action.api}({action.arguments})"
            )
        return recorded_step(turn)


def recorded_step(turn: Turn) -> Step:
    """The step of a recorded turn."""
    ended = turn.status in ("answered", "gave_up")
    detail = {"code": CODES[turn.status]}
    info = StepInfo(turn.status, "recorded", 0.0, detail)
    return Step(turn.observation, 0.0, ended, False, info)
