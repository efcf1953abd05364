"""Branching: the pool brings an environment to the node that is stepped from.

It leases one that is there already, else restores a snapshot, else replays the path. A planner
sees only ``step(node, action)``. See docs/design/forking.md.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from .contracts import ToolEnv
from .deadline import Overdue, within
from .errors import (
    EnvironmentFailed,
    EnvMiss,
    ForkError,
    ToolError,
    ToolgroveError,
    UsageError,
)
from .status import Status
from .tree import Node
from .values import Action, Step, StepInfo, Task


class EnvPool:
    """The environments of one trial.

    Args:
        make: makes an environment (a class will do).
        task, seed: given to every ``reset``, so that all start in the same world.
        branches: whether the planner goes back; without it no snapshot is taken.
        size: at most so many environments at once.
        timeout: seconds for any one thing asked of an environment.

    Attributes:
        restored, replayed: how many snapshots were restored, how many steps made again.
    """

    def __init__(
        self,
        make: Callable[[], ToolEnv],
        task: Task,
        *,
        seed: int = 0,
        branches: bool = True,
        size: int = 8,
        timeout: float = 60.0,
    ) -> None:
        if size < 1:
            raise UsageError(f"a trial needs 1 environment or more, not {size}")
        self._make, self._task, self._seed = make, task, seed
        self._branches, self._timeout = branches, timeout
        self._slots = asyncio.Semaphore(size)
        first = _made(make)
        self.fork = first.fork
        self.resolves_names = first.resolves_names
        self._fresh: list[ToolEnv] = [first]
        self._idle: dict[str, list[ToolEnv]] = {}
        self._snapshots: dict[str, object] = {}
        self._initial: str | None = None
        self._left_root = False
        self.restored = self.replayed = 0
        if self.fork == "never" and branches:
            raise UsageError(
                f"{type(first).__name__} cannot be brought back to an earlier state "
                f"(fork='never'), and this planner branches: use one that does not (cot, react), "
                f"or {first.fork_hint}"
            )

    async def observe(self, root: str) -> str:
        """What a reset shows of the task; an environment then waits at the root."""
        async with self._slots:
            env = await self._started()
            self._put(root, env)
            return self._initial or ""

    async def step(self, node: Node, action: Action, child: str) -> Step:
        """Make the call from the node's state; the environment then waits at the child.

        Raises:
            EnvironmentFailed: it broke; that environment is thrown away.
            EnvMiss: a recording has no such call.
        """
        while node.parent is not None and not reached(node):
            node = node.parent  # a thought or a refused call leaves the state as it was
        async with self._slots:
            env = await self._lease(node)
            started = time.perf_counter()
            try:
                step = await self._call(env, action)
            except Overdue:
                await self._drop(env)
                if self.fork == "never":
                    raise EnvironmentFailed(
                        f"{action.api} did not answer within {self._timeout:g} s and the "
                        f"environment cannot be brought back (fork='never')"
                    ) from None
                return refusal(
                    f"{action.api} did not answer within {self._timeout:g} s", "timeout",
                    latency=time.perf_counter() - started, detail={"undone": True},
                )  # fmt: skip
            except BaseException:
                await self._drop(env)
                raise
            latency = time.perf_counter() - started
            self._put(child, env)
            info = step.info
            return Step(*step[:4], StepInfo(info.status, info.provenance, latency, info.detail))

    async def close(self) -> None:
        """Close every environment; one that fails to close loses nothing but itself."""
        envs = [*self._fresh, *(env for idle in self._idle.values() for env in idle)]
        self._fresh, self._idle, self._snapshots = [], {}, {}
        for env in envs:
            await self._drop(env)

    async def _lease(self, node: Node) -> ToolEnv:
        if self.fork == "free":
            return self._take_any() or await self._started()
        env = self._take(node.id)
        if env is None:
            if self.fork == "never" and (self._left_root or node.parent is not None):
                raise ForkError(
                    f"the environment is not at node {node.id} and cannot be brought back to it "
                    f"(fork='never')"
                )
            env = await self._bring(node)
        self._left_root = True
        self._save(env, node.id)
        return env

    async def _bring(self, node: Node) -> ToolEnv:
        """An environment brought to the node from its nearest snapshot, or from a reset."""
        path = node.path()
        start = 0
        env: ToolEnv | None = None
        for i in range(len(path) - 1, -1, -1):
            if (saved := self._snapshots.get(path[i].id)) is not None:
                env = self._take_any() or await self._started()
                await self._restore(env, saved)
                self.restored += 1
                start = i
                break
        if env is None:
            env = self._take_any()
            if env is None:
                env = await self._started()
            else:
                await self._reset(env)
        for past in path[start + 1 :]:
            if not reached(past):
                continue
            self.replayed += 1
            assert past.action is not None and past.step is not None
            try:
                again = await self._call(env, past.action)
            except Overdue:
                await self._drop(env)
                raise ForkError(f"replaying {past.id} ({past.action.api}) timed out") from None
            except BaseException:
                await self._drop(env)
                raise
            if again.observation != past.step.observation:
                await self._drop(env)
                raise ForkError(
                    f"replaying {past.id} ({past.action.api}) gave another observation than the "
                    f"first time, so its children would not stand where their prompts say. Make "
                    f"the environment deterministic, or declare fork='never'"
                )
        return env

    async def _call(self, env: ToolEnv, action: Action) -> Step:
        try:
            return checked(await within(self._timeout, env.step(action)))
        except ToolError as error:
            return refusal(str(error), error.status)
        except (Overdue, EnvMiss, EnvironmentFailed):
            raise
        except (Exception, SystemExit) as error:
            raise EnvironmentFailed(
                f"{type(env).__name__}.step({action.api}) raised {type(error).__name__}: {error}"
            ) from error

    async def _started(self) -> ToolEnv:
        env = self._fresh.pop() if self._fresh else _made(self._make)
        await self._reset(env)
        return env

    async def _reset(self, env: ToolEnv) -> None:
        try:
            reset = env.reset(self._task, seed=self._seed)
            observation, _ = await within(self._timeout, reset)
        except BaseException as error:
            await self._drop(env)
            if isinstance(error, EnvMiss | EnvironmentFailed) or not isinstance(error, Exception):
                raise
            what = f"took over {self._timeout:g} s" if isinstance(error, Overdue) else error
            raise EnvironmentFailed(
                f"{type(env).__name__}.reset failed for task {self._task.id!r}: {what}"
            ) from error
        if self._initial is None:
            self._initial = observation

    async def _restore(self, env: ToolEnv, saved: object) -> None:
        try:
            env.restore(saved)
        except Exception as error:
            await self._drop(env)
            raise EnvironmentFailed(
                f"{type(env).__name__}.restore raised {type(error).__name__}: {error}"
            ) from error

    def _take(self, at: str) -> ToolEnv | None:
        idle = self._idle.get(at)
        if idle is None:
            return None
        env = idle.pop()
        if not idle:
            del self._idle[at]
        return env

    def _take_any(self) -> ToolEnv | None:
        """The environment that has waited longest at some node, if there is one."""
        if not self._idle:
            return None
        at = next(iter(self._idle))
        env = self._take(at)
        if env is not None:
            self._save(env, at)
        return env

    def _save(self, env: ToolEnv, at: str) -> None:
        """Keep the state of a node that the environment is about to leave, once."""
        if self.fork == "snapshot" and self._branches and at not in self._snapshots:
            self._snapshots[at] = env.snapshot()

    def _put(self, at: str, env: ToolEnv) -> None:
        self._idle.setdefault(at, []).append(env)

    async def _drop(self, env: ToolEnv) -> None:
        try:
            await within(self._timeout, env.close())
        except Exception:  # it is being thrown away: there is nobody to tell
            return


def _made(make: Callable[[], ToolEnv]) -> ToolEnv:
    """A new environment.

    Raises:
        EnvironmentFailed: it could not be made, or is none.
    """
    try:
        env: object = make()
    except ToolgroveError:
        raise
    except Exception as error:
        raise EnvironmentFailed(
            f"no environment could be made: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(env, ToolEnv):
        raise EnvironmentFailed(f"{make!r} made a {type(env).__name__}, not a ToolEnv")
    return env


def reached(node: Node) -> bool:
    """Whether the node's call reached the environment (not refused, not undone, not Finish)."""
    if node.action is None or node.step is None:
        return False
    info = node.step.info
    return not (info.detail and (info.detail.get("undone") or info.detail.get("session")))


def refusal(
    text: str, status: Status, *, latency: float = 0.0, detail: dict[str, Any] | None = None
) -> Step:
    """The step of a call that was refused, in ToolBench's envelope."""
    body = json.dumps({"error": text, "response": ""}, ensure_ascii=False)
    return Step(body, 0.0, False, False, StepInfo(status, "computed", latency, detail))


def checked(step: object) -> Step:
    """A step as an environment gave it, made sound.

    A plain tuple of Gymnasium's five is taken, whatever its info; bytes are read as UTF-8, what
    is not text in them replaced.

    Raises:
        EnvironmentFailed: it is no step at all.
    """
    if not (isinstance(step, Step) and type(step.info) is StepInfo and type(step.reward) is float):
        if not (isinstance(step, tuple) and len(step) == 5):
            raise EnvironmentFailed(
                f"step returned {type(step).__name__}, not (observation, reward, terminated, "
                f"truncated, info)"
            )
        info = step[4] if isinstance(step[4], StepInfo) else StepInfo()
        step = Step(step[0], float(step[1]), bool(step[2]), bool(step[3]), info)
    observation: object = step.observation
    if isinstance(observation, str):
        return step
    if isinstance(observation, bytes | bytearray):
        return step._replace(observation=bytes(observation).decode("utf-8", "replace"))
    raise EnvironmentFailed(f"an observation must be text, not {type(observation).__name__}")
