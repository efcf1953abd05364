"""The replay environment: what was recorded at a place, for the call that was made there."""

from __future__ import annotations

import asyncio

import pytest

from toolgrove.core import Action, EnvMiss, Step, Task, Turn
from toolgrove.envs import ReplayEnv

RECORDING = Turn(
    turns=(
        Turn("a", "f", '{"q": 1}', "one", turns=(
            Turn(None, "f", '{"q": 1}', "two"),
            Turn(None, "f", '{"q": 1}', "three", "http_error"),
        )),
        Turn(None, "Finish", "{}", "done", "answered"),
    )
)  # fmt: skip
TASK = Task("r", "do it", recording=RECORDING)


def call(place: str, api: str = "f", arguments: str = '{"q": 1}', task: Task = TASK) -> Step:
    async def main() -> Step:
        env = ReplayEnv()
        await env.reset(task, seed=0)
        return await env.step(Action(api, arguments, None, 0, place))

    return asyncio.run(main())


def test_equal_calls_are_told_apart_by_their_place() -> None:
    assert [call(p).observation for p in ("0.0", "0.0.0", "0.0.1")] == ["one", "two", "three"]
    assert call("0~1.0.1").observation == "three"


def test_statuses_keep_toolbenchs_code() -> None:
    step = call("0.0.1")
    assert (step.info.status, step.info.provenance) == ("http_error", "recorded")
    assert step.info.detail == {"code": 12}
    done = call("0.1", "Finish", "{}")
    assert done.terminated and done.info.detail == {"code": 3}


def test_what_was_not_recorded_is_a_miss() -> None:
    for place in ("0.2", "0.0.2", "0.0.0.0", "0.9.9"):
        with pytest.raises(EnvMiss, match=rf"task r: nothing was recorded at node {place} \(f\)"):
            call(place)


def test_another_call_than_was_recorded_is_a_miss() -> None:
    with pytest.raises(EnvMiss) as caught:
        call("0.0", arguments='{"q":1}')
    assert str(caught.value) == ('task r, node 0.0: recorded was f({"q": 1}), asked is f({"q":1})')


def test_a_task_without_a_recording_is_a_miss() -> None:
    with pytest.raises(EnvMiss, match="task bare has no recording to replay"):
        call("0.0", task=Task("bare", "x"))
