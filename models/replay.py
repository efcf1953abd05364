"""A model that says what a recording says."""

from __future__ import annotations

from collections.abc import Sequence

from ..core import Completion, ModelError, Request, ToolCall, Turn


class ReplayModel:
    """Serves the recorded turns of each task, by place: no model is asked.

    At node ``0.1`` the k-th sample is the k-th turn recorded below the second turn of the root.
    A planner that follows the recorded search meets every turn; one that asks for more gets a
    ModelError with ``miss``, and its trial ends as ``env_miss``.
    """

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """The recorded completions."""
        return [self._recorded(request) for request in requests]

    def _recorded(self, request: Request) -> Completion | ModelError:
        task = request.task
        if task is None or task.recording is None:
            name = "?" if task is None else task.id
            return ModelError(f"task {name} has no recording to replay", kind="replay", miss=True)
        if request.purpose != "propose":
            return ModelError(f"the recording of task {task.id} has no {request.purpose}",
                              kind="replay", miss=True)  # fmt: skip
        turn: Turn | None = task.recording
        for index in request.node.split(".")[1:]:
            turn = _at(turn, int(index))
        found = _at(turn, request.attempt)
        if found is None:
            return ModelError(
                f"the recording of task {task.id} ends before turn {request.attempt} at node "
                f"{request.node}: this planner asks for more than was recorded",
                kind="replay",
                miss=True,
            )
        if found.status == "model_error":
            return ModelError(found.thought or "", kind="recorded", tokens=found.tokens)
        calls = () if found.api is None else (ToolCall(found.api, found.arguments),)
        return Completion(found.thought, calls, 0, found.tokens)


def _at(turn: Turn | None, index: int) -> Turn | None:
    if turn is None or index >= len(turn.turns):
        return None
    return turn.turns[index]
