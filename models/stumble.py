"""A simulated model that knows the way and stumbles: for trying out search, not models.

It follows the solution in the task's recording and, at each turn, makes a mistake with some
probability: a wrong argument, an invented API, another call. Once it notices that it went wrong
it gives up. It reads what it is sent, so a prompt that shows what was tried changes its dice. What
planners gain with it says how they cope with such mistakes; it says nothing about real models.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from typing import Any

from ..core import FINISH, Completion, Message, ModelError, Request, Task, ToolCall

_PAID = re.compile(r'"paid": ([0-9]{1,15}(?:\.[0-9]+)?)')


class StumblingModel:
    """Deterministic in (seed, messages, sample index).

    Args:
        rate: probability of a mistake at each turn, 0 to 1.
        notice: probability of noticing, at each turn, that the path went wrong; it then gives
            up, which lets a searching planner go back.
    """

    def __init__(self, rate: float = 0.25, notice: float = 0.5) -> None:
        for name, value in (("rate", rate), ("notice", notice)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {value}")
        self.rate, self.notice = rate, notice
        self.identity = {
            "provider": "toolgrove",
            "base_url": None,
            "model": "stumble",
            "parameters": {"rate": rate, "notice": notice},
        }

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One turn a request."""
        return [self._turn(request) for request in requests]

    def _turn(self, request: Request) -> Completion | ModelError:
        task = request.task
        if task is None or task.recording is None:
            return ModelError("the stumble model needs tasks with a solution", kind="stumble")
        rng = random.Random(request.seed)
        messages = request.messages
        read = sum(len(m.content or "") for m in messages) // 4
        if request.purpose != "propose":
            return Completion(rng.choice("AB"), (), read, 1)
        way = solution(task)
        done, wrong = progress(messages, way)
        if not any(tool.name == FINISH for tool in request.tools):
            plan = [self._maybe(rng, call, task) for call in way]
            known = [(call, arguments(call)) for call in plan]
            calls = [
                {"api": call.name, "arguments": call.arguments if given is None else given}
                for call, given in known
            ]
            return Completion(json.dumps(calls), (), read, 12 * len(calls))
        if len(request.tools) == 1:
            call = _finish(messages)
        elif wrong and rng.random() < self.notice:
            call = _give_up()
        elif done < len(way):
            call = self._maybe(rng, way[done], task)
        else:
            call = _finish(messages)
        return Completion(f"Next: {call.name}.", (call,), read, 20)

    def _maybe(self, rng: random.Random, call: ToolCall, task: Task) -> ToolCall:
        """The right call, or a mistake in its place."""
        if rng.random() >= self.rate:
            return call
        right = arguments(call) or {}
        kind = rng.choice(("argument", "invented", "other"))
        if kind == "argument" and right:
            key = rng.choice(sorted(right))
            value = right[key]
            wrong = {**right, key: value + 1 if isinstance(value, int) else f"{value}s"}
            return ToolCall(call.name, json.dumps(wrong))
        if kind == "invented":
            return ToolCall(f"{call.name}_v2", call.arguments)
        other = rng.choice([api.name for api in task.apis] or [call.name])
        return ToolCall(other, json.dumps({"item": "apple", "quantity": 1, "shelf": "fruit"}))


def arguments(call: ToolCall) -> dict[str, Any] | None:
    """The call's arguments; None where a recording has them broken."""
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def solution(task: Task) -> list[ToolCall]:
    """The calls of the first path of the recording."""
    calls = []
    turn = task.recording
    while turn is not None and turn.turns:
        turn = turn.turns[0]
        if turn.api is not None:
            calls.append(ToolCall(turn.api, turn.arguments))
    return calls


def progress(messages: Sequence[Message], way: Sequence[ToolCall]) -> tuple[int, bool]:
    """How many calls of the way were made in order, and whether another one did something."""
    done, wrong = 0, False
    made: tuple[str, str] | None = None
    for message in messages:
        if message.calls:
            made = message.calls[0]
        elif message.role == "tool" and made is not None:
            failed = '"error": ""' not in (message.content or "")
            if done < len(way) and made == tuple(way[done]) and not failed:
                done += 1
            elif not failed:
                wrong = True
            made = None
    return done, wrong


def _finish(messages: Sequence[Message]) -> ToolCall:
    paid = "nothing"
    for message in messages:
        if message.role == "tool" and (found := _PAID.search(message.content or "")):
            paid = f"{float(found[1]):.2f}"
    answer = {"return_type": "give_answer", "final_answer": f"You paid {paid}."}
    return ToolCall(FINISH, json.dumps(answer))


def _give_up() -> ToolCall:
    return ToolCall(FINISH, '{"return_type": "give_up_and_restart"}')
