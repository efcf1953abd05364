"""``check_env``: the conformance test of a ToolEnv."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core import API, Action, EnvMiss, Step, Task, ToolEnv, ToolError
from ..core.pool import checked


def check_env(
    make: Callable[[], ToolEnv],
    task: Task,
    *,
    actions: Sequence[Action] | None = None,
    seed: int = 0,
) -> None:
    """Check that an environment keeps the contract that branching relies on.

    ``reset`` gives text and a dict; ``step`` gives Gymnasium's five with text first, or raises
    ToolError (a recording may raise EnvMiss); nothing else is raised, whatever the arguments. Two
    environments with one seed answer alike; ``reset`` starts anew. With ``fork="snapshot"`` a
    restored environment answers as it did after the snapshot, any number of times, and a snapshot
    never changes; with ``free`` the path does not matter. ``close`` may be called twice.

    Args:
        make: makes the environment.
        task: a task of its.
        actions: calls that do something; made up from the task's schemas if not given.
        seed: for ``reset``.

    Raises:
        AssertionError: it does not; the text says how.
    """
    given = list(actions) if actions is not None else [example(api) for api in task.apis]
    assert given, "give actions, or a task that offers APIs"
    calls = [
        Action(a.api, a.arguments, a.thought, 0, f"0.{'.'.join(['0'] * (i + 1))}")
        for i, a in enumerate(given)
    ]
    asyncio.run(_check(make, task, calls, seed))


async def _check(
    make: Callable[[], ToolEnv], task: Task, calls: Sequence[Action], seed: int
) -> None:
    env = make()
    name = type(env).__name__
    assert env.fork in ("free", "snapshot", "replay", "never"), f"{name}.fork is {env.fork!r}"
    got = await env.reset(task, seed=seed)
    assert isinstance(got, tuple) and len(got) == 2, f"{name}.reset must return (text, info)"
    assert isinstance(got[0], str), f"{name}.reset: the observation must be text"
    assert isinstance(got[1], Mapping), f"{name}.reset: info must be a dict"
    first = await _walk(env, calls)
    await env.reset(task, seed=seed)
    assert await _walk(env, calls) == first, f"{name}: after reset the same calls got other answers"
    other = make()
    await other.reset(task, seed=seed)
    same = await _walk(other, calls) == first
    assert same, f"{name}: a second environment with the same seed answered otherwise"
    if env.fork == "snapshot":
        await _check_snapshots(env, other, task, calls, seed, first)
    if env.fork == "free":
        await env.reset(task, seed=seed)
        again = await _walk(env, list(reversed(calls)))
        assert again[::-1] == first, f"{name} has fork='free', but its answers depend on the path"
    for action in _hostile(calls[0]):
        await env.reset(task, seed=seed)
        await _take(env, action)
    for each in (env, other, env):
        await each.close()


async def _check_snapshots(
    env: ToolEnv,
    other: ToolEnv,
    task: Task,
    calls: Sequence[Action],
    seed: int,
    first: Sequence[object],
) -> None:
    name = type(env).__name__
    await env.reset(task, seed=seed)
    saved = [env.snapshot()]
    for call in calls:
        await _take(env, call)
        saved.append(env.snapshot())
    for turn, into in ((1, env), (2, env), (3, other)):
        for i in reversed(range(len(calls))):
            into.restore(saved[i])
            after = await _walk(into, calls[i:])
            assert after == first[i:], (
                f"{name}: restored to before call {i} ({calls[i].api}), time {turn}, it answered "
                f"otherwise than before: a snapshot must hold the whole state (chance included), "
                f"must not change, and must do for any environment of the task"
            )


async def _walk(env: ToolEnv, calls: Sequence[Action]) -> list[object]:
    return [await _take(env, call) for call in calls]


async def _take(env: ToolEnv, action: Action) -> object:
    name = type(env).__name__
    try:
        step = await env.step(action)
    except ToolError as error:
        return error.status, str(error)
    except EnvMiss as miss:
        return "env_miss", str(miss)
    except Exception as error:
        raise AssertionError(
            f"{name}.step({action.api}, {action.arguments[:60]!r}) raised "
            f"{type(error).__name__}: {error}; a tool that says no raises ToolError"
        ) from error
    assert isinstance(step, Step), f"{name}.step must return a Step, not {type(step).__name__}"
    got = checked(step)
    return got.observation, got.reward, got.terminated, got.truncated, got.info.status


def _hostile(call: Action) -> list[Action]:
    """Arguments that models write and that no environment may break on."""
    texts = ("", "{", "[]", "null", '"text"', "{}", '{"\\u0000": "\\ud800"}', "[" * 5000)
    return [Action(call.api, text, None, 0, call.place) for text in texts]


def example(api: API) -> Action:
    """A call with arguments made up from the API's schema."""
    schema = api.parameters
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    wanted = schema.get("required", list(properties))
    return Action(api.name, json.dumps({key: _example(properties.get(key, {})) for key in wanted}))


def _example(schema: Mapping[str, Any]) -> Any:
    for key in ("example_value", "default", "const"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    simple: dict[str, Any] = {"boolean": True, "array": [], "object": {}, "null": None}
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return simple.get(str(kind), "text")
