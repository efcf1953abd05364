"""Gymnasium: any ToolEnv as a ``gymnasium.Env`` (extra ``gym``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, SupportsFloat, TypeVar

import gymnasium
from gymnasium import spaces

from ..core import FINISH, Action, EnvironmentFailed, Task, ToolEnv, ToolError
from ..core.deadline import Overdue, within
from ..core.finish import finish
from ..core.pool import checked, refusal

_CHARACTERS = frozenset(chr(i) for i in (9, 10, 13, *range(32, 127)))
ActionDict = dict[str, Any]
T = TypeVar("T")


class GymAdapter(gymnasium.Env[str, ActionDict]):
    """One task of a ToolEnv, step by step, for agents that speak Gymnasium.

    An action is ``{"api": index, "arguments": text}``; the index counts the task's APIs, and
    the last one is Finish. Observations are printable ASCII of at most ``length`` characters:
    other characters are shown as ``?``, and what is longer is cut. The text as it came stands
    in ``info["observation"]``. An environment that hangs is an EnvironmentFailed, and what it
    then stands at is unknown: reset it.

    Args:
        make: makes the environment.
        task: what is to be done.
        length: the longest observation.
        timeout: seconds for one thing asked of the environment.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"]}

    def __init__(
        self,
        make: Callable[[], ToolEnv],
        task: Task,
        *,
        length: int = 65536,
        timeout: float = 60.0,
        render_mode: str | None = None,
    ) -> None:
        self._env, self._task = make(), task
        self._length, self._timeout = length, timeout
        self._loop = asyncio.new_event_loop()
        self._last = ""
        self.render_mode = render_mode
        self.names = [*(api.name for api in task.apis), FINISH]
        text = spaces.Text(max_length=length, min_length=0, charset=_CHARACTERS)
        arguments = spaces.Text(max_length=256, min_length=0, charset=_CHARACTERS)
        self.observation_space = text
        self.action_space = spaces.Dict(
            {"api": spaces.Discrete(len(self.names)), "arguments": arguments}
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Start the task anew; without a seed, with one drawn from the last."""
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**31)) if seed is None else seed
        shown, info = self._run(self._env.reset(self._task, seed=drawn), "reset")
        self._last = shown or self._task.instruction
        return self._fit(self._last), {**info, "observation": self._last}

    def step(self, action: ActionDict) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
        """Make one call."""
        call = Action(self.names[int(action["api"])], str(action["arguments"]))
        if call.api == FINISH:
            step = finish(call)
        else:
            try:
                step = checked(self._run(self._env.step(call), call.api))
            except ToolError as error:
                step = refusal(str(error), error.status)
        self._last = step.observation
        info = {"status": step.info.status, "observation": step.observation}
        return self._fit(step.observation), step.reward, step.terminated, step.truncated, info

    def render(self) -> str | None:
        """The last observation, in render mode ``ansi``."""
        return self._last if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Close the environment and the loop it ran in."""
        if not self._loop.is_closed():
            try:
                self._run(self._env.close(), "close")
            finally:
                self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T], what: str) -> T:
        try:
            return self._loop.run_until_complete(within(self._timeout, work))
        except Overdue:
            text = f"{what} did not answer within {self._timeout:g} s"
            raise EnvironmentFailed(text) from None

    def _fit(self, text: str) -> str:
        return "".join(c if c in _CHARACTERS else "?" for c in text[: self._length])
