"""The environment over a store: its modes, its misses, worlds with a state."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from toolgrove.core import (
    API,
    Action,
    CallWorld,
    EnvMiss,
    Episodes,
    Provenance,
    Status,
    Step,
    StepInfo,
    Task,
    ToolError,
    UsageError,
    World,
    make,
    run,
    world,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.envs.store.file import Response, Store
from toolgrove.envs.store.keys import call_of
from toolgrove.envs.store.world import StoreWorld
from toolgrove.models.stumble import StumblingModel
from toolgrove.testing import check_env

FORECAST = API(
    "forecast_for_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}},
    },
    tool="Weather",
    api="Forecast",
)
TASK = Task("t", "the weather", (FORECAST,))


class Weather(CallWorld):
    """Counts its calls, and says how many there were before this one."""

    def __init__(
        self,
        provenance: Provenance = "live",
        status: Status = "ok",
        apis: tuple[API, ...] = (),
        echo: str = "",
    ) -> None:
        self.made: list[dict[str, Any]] = []
        self.apis, self.provenance, self.status, self.echo = apis, provenance, status, echo

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        self.made.append(dict(arguments))
        if self.status == "error":
            raise ToolError(f"no weather in {arguments['city']}")
        body = json.dumps({"error": "", "response": [len(self.made), self.echo]})
        detail = {"http": 200, "headers": {"x-echo": self.echo}}
        return Step(body, info=StepInfo(self.status, self.provenance, 0.5, detail))


def call(city: str = "Rome", **more: Any) -> Action:
    return Action(FORECAST.name, json.dumps({"city": city, **more}))


def ask(world: StoreWorld, *actions: Action, task: Task = TASK) -> list[Step]:
    """The steps of one episode."""

    async def episode() -> list[Step]:
        env = world.env()
        await env.reset(task, seed=0)
        steps = [await env.step(action) for action in actions]
        await env.close()
        return steps

    return asyncio.run(episode())


def said(step: Step) -> Any:
    return json.loads(step.observation)["response"][0]


def close(world: StoreWorld) -> None:
    asyncio.run(world.close())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


def record(path: Path, *actions: Action, **options: Any) -> None:
    filled = StoreWorld(path, Weather(apis=(FORECAST,), **options), "record-missing")
    ask(filled, *actions)
    close(filled)


# Modes


def test_what_was_recorded_is_replayed_without_a_socket(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(path, call(), call("Oslo"))
    replayed = StoreWorld(path)

    async def episode() -> list[Step]:
        def refused(*_: Any, **__: Any) -> None:
            raise AssertionError("a socket was opened")

        with monkeypatch.context() as patched:
            patched.setattr(socket, "socket", refused)
            patched.setattr(socket, "create_connection", refused)
            env = replayed.env()
            await env.reset(TASK, seed=0)
            return [await env.step(call("Oslo")), await env.step(call(days=3))]

    steps = asyncio.run(episode())
    assert [said(step) for step in steps] == [2, 1]
    assert {step.info.provenance for step in steps} == {"recorded"}
    assert steps[0].info.detail == {"http": 200, "headers": {"x-echo": ""}}
    assert replayed.apis == (FORECAST,)  # offered again, where a task names none
    with pytest.raises(EnvMiss):
        ask(replayed, call("Bonn"))
    close(replayed)


def test_only_what_is_missing_is_made(path: Path) -> None:
    weather = Weather()
    recording = StoreWorld(path, weather, "record-missing")
    first = ask(recording, call(), call(), call("Oslo"))
    again = ask(recording, call("Oslo"), call(days=3.0))
    assert weather.made == [{"city": "Rome"}, {"city": "Oslo"}]
    assert [said(step) for step in [*first, *again]] == [1, 1, 2, 2, 1]
    assert [s.info.provenance for s in first] == ["live", "recorded", "live"]
    close(recording)


def test_refresh_makes_each_call_once_and_live_every_time(path: Path) -> None:
    record(path, call())
    weather = Weather(echo="new")
    refreshing = StoreWorld(path, weather, "refresh")
    ask(refreshing, call(), call())
    ask(refreshing, call())
    assert len(weather.made) == 1
    assert refreshing.store.counts() == {"live": 1, "retired": 1}
    close(refreshing)
    live = StoreWorld(path, weather, "live")
    assert [said(step) for step in ask(live, call(), call())] == [2, 3]
    assert live.store.counts() == {"live": 1, "retired": 3}  # nothing recorded is lost
    close(live)
    replayed = StoreWorld(path)
    assert said(ask(replayed, call())[0]) == 3
    close(replayed)


def test_simulated_answers_stay_marked_and_give_way_to_live_ones(path: Path) -> None:
    simulating = StoreWorld(path, Weather("simulated"), "simulate-missing")
    steps = ask(simulating, call(), call())
    assert [step.info.provenance for step in steps] == ["simulated", "simulated"]
    close(simulating)
    replayed = StoreWorld(path)
    assert ask(replayed, call())[0].info.provenance == "simulated"
    close(replayed)
    recording = StoreWorld(path, Weather(), "record-missing")
    assert ask(recording, call())[0].info.provenance == "live"
    assert recording.store.counts() == {"live": 1, "retired": 1}
    close(recording)


@pytest.mark.parametrize("status", ["timeout", "too_many_requests", "unavailable", "unauthorised"])
def test_a_failure_that_may_pass_is_not_kept(path: Path, status: Status) -> None:
    failing = StoreWorld(path, Weather(status=status), "record-missing")
    steps = ask(failing, call(), call())
    assert [step.info.status for step in steps] == [status, status]
    assert failing.store.counts() == {} and not failing.store.leased(call_of(FORECAST, {}).key)
    close(failing)
    keeping = StoreWorld(path, Weather(status=status), "record-missing", keep="all")
    ask(keeping, call())
    assert keeping.store.counts() == {"live": 1}
    close(keeping)


def test_a_tool_that_says_no_says_it_again(path: Path) -> None:
    recording = StoreWorld(path, Weather(status="error"), "record-missing")
    [first] = ask(recording, call())
    close(recording)
    replayed = StoreWorld(path)
    [again] = ask(replayed, call())
    assert again.observation == first.observation and again.info.status == "error"
    assert "no weather in Rome" in again.observation
    close(replayed)


def test_a_secret_that_the_server_echoes_is_neither_kept_nor_shown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEATHER_API_KEY", "do not tell this")
    recording = StoreWorld(path, Weather(echo="do not tell this"), "record-missing")
    [step] = ask(recording, call(note="do not tell this"))
    close(recording)
    assert "do not tell" not in repr(step)
    files = [f.read_bytes() for f in path.parent.iterdir()]
    assert not any(b"do not tell" in content for content in files)


# Several answers


def test_answers_in_order_by_path_and_by_earlier_siblings(path: Path) -> None:
    store = Store(path)
    store.put(call_of(FORECAST, {"city": "Rome"}), [Response(str(n)) for n in (1, 2, 3)])
    store.close()
    replayed = StoreWorld(path)
    assert [s.observation for s in ask(replayed, *[call()] * 4)] == ["1", "2", "3", "3"]

    async def branches() -> list[str]:
        env = replayed.env()
        await env.reset(TASK, seed=0)
        start = env.snapshot()
        first = await env.step(call())
        after = env.snapshot()
        env.restore(start)
        sibling = await env.step(Action(FORECAST.name, call().arguments, occurrence=1))
        env.restore(after)
        below = await env.step(call())
        return [step.observation for step in (first, sibling, below)]

    assert asyncio.run(branches()) == ["1", "2", "2"]
    close(replayed)


def test_a_trace_comes_before_its_task_and_the_task_before_all(path: Path) -> None:
    store = Store(path)
    for scope in ("", "task:7", "trace:gpt/7"):
        store.put(call_of(FORECAST, {"city": "Rome"}, scope), [Response(scope)])
    store.put(call_of(FORECAST, {"city": "Oslo"}), [Response("anywhere")])
    store.close()
    seven = Task("x", "the weather", (FORECAST,), extra={"query_id": 7})
    for scope, task, expected in [("gpt", seven, "trace:gpt/7"), ("", seven, "task:7"),
                                  ("gpt", TASK, "")]:  # fmt: skip
        replayed = StoreWorld(path, scope=scope)
        found = ask(replayed, call(), call("Oslo"), task=task)
        assert [step.observation for step in found] == [expected, "anywhere"]
        close(replayed)


# Misses


def test_a_miss_names_the_nearest_call_and_what_differs(path: Path) -> None:
    record(path, call("Rome", days=5), call("Oslo", days=7))
    replayed = StoreWorld(path)
    with pytest.raises(EnvMiss) as told:
        ask(replayed, call("Oslo", days=8))
    assert str(told.value) == (
        'not recorded: Weather.Forecast({"city":"Oslo","days":8}); the nearest recorded call is '
        'Weather.Forecast({"city":"Oslo","days":7}): there \'days\' was 7, not 8'
    )
    other = API("now_for_weather", tool="Weather", api="Forecasts")
    with pytest.raises(EnvMiss, match="nearest that has one is Weather.Forecast"):
        ask(replayed, Action(other.name), task=Task("u", "x", (other,)))
    with pytest.raises(EnvMiss):
        ask(replayed, call("Oslo", days=8))
    assert [(c.arguments, n) for c, n, _ in replayed.store.misses()] == [
        ('{"city":"Oslo","days":8}', 2),
        ("{}", 1),
    ]
    close(replayed)
    record(path, call("Oslo", days=8))
    assert [c.api for c, _, _ in Store(path).misses()] == ["Forecasts"]


def test_a_miss_in_another_scope_says_so(path: Path) -> None:
    store = Store(path)
    store.put(call_of(FORECAST, {"city": "Rome"}, "task:9"), [Response("x")])
    store.close()
    replayed = StoreWorld(path)
    with pytest.raises(EnvMiss, match=r"recorded for another task only \(task:9\)"):
        ask(replayed, call())
    close(replayed)


def test_replay_changes_no_answer_and_needs_no_right_to_write(path: Path) -> None:
    record(path, call())
    fingerprint = Store(path).fingerprint()
    if os.geteuid() == 0:  # root may write anywhere: only the first half can be shown
        folder = None
    else:
        folder = path.parent
        folder.chmod(0o500)
    replayed = StoreWorld(path)
    with pytest.raises(EnvMiss):
        ask(replayed, call("Bonn"))
    assert said(ask(replayed, call())[0]) == 1
    assert replayed.fingerprints() == {"store": fingerprint}
    close(replayed)
    if folder is not None:
        folder.chmod(0o700)


def test_refresh_renews_what_an_import_serves(path: Path) -> None:
    store = Store(path)
    seven = Task("x", "the weather", (FORECAST,), extra={"query_id": 7})
    for scope in ("", "task:7"):
        store.put(call_of(FORECAST, {"city": "Rome"}, scope), [Response("old", "ok", "imported")])
    store.close()
    refreshing = StoreWorld(path, Weather(), "refresh")
    assert said(ask(refreshing, call(), task=seven)[0]) == 1
    assert said(ask(refreshing, call(), task=seven)[0]) == 1
    close(refreshing)
    replayed = StoreWorld(path)
    assert said(ask(replayed, call(), task=seven)[0]) == 1
    close(replayed)


def test_many_who_refresh_one_call_make_it_once(path: Path) -> None:
    record(path, call())
    weather = Weather(echo="new")

    async def together() -> list[Step]:
        world = StoreWorld(path, weather, "refresh")

        async def one() -> Step:
            env = world.env()
            await env.reset(TASK, seed=0)
            return await env.step(call())

        steps = await asyncio.gather(*(one() for _ in range(8)))
        await world.close()
        return steps

    assert {said(step) for step in asyncio.run(together())} == {1}
    assert len(weather.made) == 1


def test_two_tools_may_have_functions_of_one_name(path: Path) -> None:
    tools = [API("search", tool=tool, api="Search") for tool in ("A", "B")]
    recording = StoreWorld(path, Weather(), "record-missing")
    for api in tools:
        ask(recording, Action("search", "{}"), task=Task(api.tool, "x", (api,)))
    close(recording)
    replayed = StoreWorld(path)
    found = [ask(replayed, Action("search"), task=Task(a.tool, "x", (a,)))[0] for a in tools]
    assert [said(step) for step in found] == [1, 2]
    close(replayed)


def test_what_is_given_as_a_secret_is_not_kept_where_it_is_echoed(path: Path) -> None:
    recording = StoreWorld(path, Weather(echo="Bearer abcdefghijk"), "record-missing")
    [step] = ask(recording, call(authorization="Bearer abcdefghijk"))
    close(recording)
    assert "abcdefghijk" not in repr(step)
    assert not any(b"abcdefghijk" in file.read_bytes() for file in path.parent.iterdir())


def test_passwords_that_a_call_is_about_are_different_calls(path: Path) -> None:
    recording = StoreWorld(path, Weather(), "record-missing")
    steps = ask(recording, call(password="weak one"), call(password="xK9#qLw27!"))
    close(recording)
    assert [said(step) for step in steps] == [1, 2]
    assert not any(b"weak one" in file.read_bytes() for file in path.parent.iterdir())


def test_a_detail_of_the_world_may_be_called_step(path: Path) -> None:
    response = Response("x", detail={"step": 3})
    assert response.step().info.detail == {"step": 3}
    ended = Response.of(Step("x", 1.0, True, False, StepInfo("ok", "live", 0.0, {"step": 3})))
    assert ended.step()[:4] == ("x", 1.0, True, False)
    assert ended.step().info.detail == {"step": 3}


# Worlds with a state


def test_how_the_calls_before_were_written_makes_no_difference(path: Path) -> None:
    task = shop_tasks(1)[0]
    view = Action("view_cart")
    recording = StoreWorld(path, Episodes(ShopEnv), "record-missing")
    add = Action("add_to_cart", '{"item": "apple", "quantity": 2}')
    first = ask(recording, add, view, task=task)[1]
    close(recording)
    replayed = StoreWorld(path)
    other = Action("add_to_cart", '{"quantity":2.0,"item":"apple"}')
    assert ask(replayed, other, view, task=task)[1].observation == first.observation
    close(replayed)


@pytest.mark.parametrize("fork", ["snapshot", "replay"])
def test_a_world_with_a_state_is_recorded_and_replayed_without_it(
    path: Path, fork: Literal["snapshot", "replay"]
) -> None:
    planner = make("planners", "dfsdt:width=3,answers=3")

    async def search(found: World) -> list[Any]:
        results = [
            await run(planner, task, StumblingModel(), found.env, seed=3) for task in shop_tasks(5)
        ]
        await found.close()
        return results

    def steps(result: Any) -> list[Any]:
        return [(n.id, n.step and n.step.observation) for n in result.tree.roots[0].walk()]

    bare = asyncio.run(search(Episodes(lambda: ShopEnv(fork=fork))))
    behind = Episodes(lambda: ShopEnv(fork=fork))
    recorded = asyncio.run(search(StoreWorld(path, behind, "record-missing")))
    replayed = asyncio.run(search(StoreWorld(path)))
    assert sum(len(steps(result)) for result in bare) > 60
    for one, other, third in zip(bare, recorded, replayed, strict=True):
        assert (one.end, one.answer) == (other.end, other.answer) == (third.end, third.answer)
        assert steps(one) == steps(other) == steps(third)


class Strict(ShopEnv):
    """A shop that says itself which functions there are not."""

    resolves_names = True

    async def step(self, action: Action) -> Step:
        if action.api == "steal":
            raise ToolError("No such function name: steal", "no_such_api")
        return await super().step(action)


def test_who_knows_the_names_when_recorded_knows_them_when_replayed(path: Path) -> None:
    task = shop_tasks(1)[0]
    recording = StoreWorld(path, Episodes(Strict), "record-missing")
    assert recording.resolves_names
    first = ask(recording, Action("steal"), task=task)
    close(recording)
    replayed = StoreWorld(path)
    assert replayed.resolves_names
    assert ask(replayed, Action("steal"), task=task)[0].observation == first[0].observation
    with pytest.raises(ToolError, match="No such function name: rob") as refused:
        ask(replayed, Action("rob"), task=task)  # no miss: nobody knows it
    assert refused.value.status == "no_such_api"
    close(replayed)
    record(path.with_name("other.sqlite"), call())
    other = StoreWorld(path.with_name("other.sqlite"))
    assert not other.resolves_names
    close(other)


def test_the_path_is_part_of_the_key_where_state_matters(path: Path) -> None:
    task = shop_tasks(1)[0]
    add = Action("add_to_cart", '{"item": "apple", "quantity": 2}')
    view = Action("view_cart")
    recording = StoreWorld(path, Episodes(ShopEnv), "record-missing")
    empty = ask(recording, view, task=task)[0]
    full = ask(recording, add, view, task=task)[1]
    close(recording)
    replayed = StoreWorld(path)
    assert ask(replayed, view, task=task)[0].observation == empty.observation
    assert ask(replayed, add, view, task=task)[1].observation == full.observation
    assert full.observation != empty.observation
    close(replayed)


def test_it_is_an_environment(path: Path) -> None:
    actions = [call(), call("Oslo"), call(), Action(FORECAST.name, "x")]
    record(path, *actions[:3])
    replayed = StoreWorld(path)
    check_env(replayed.env, TASK, actions=actions)
    recording = StoreWorld(path, Weather(), "record-missing")
    check_env(recording.env, TASK, actions=actions)
    asyncio.run(recording.close())
    close(replayed)


# Bad input


def test_what_is_wrong_is_said(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no store of calls"):
        StoreWorld(path)
    with pytest.raises(UsageError, match=r"mode=refresh needs the world that answers"):
        StoreWorld(path, mode="refresh")
    with pytest.raises(UsageError, match="expected 'replay' or 'record-missing'"):
        world(f"store:{path},mode=record")
    with pytest.raises(UsageError, match="patience=0"):
        StoreWorld(path, Weather(), "live", patience=0)
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but long enough to be taken for one" * 100)
    with pytest.raises(UsageError, match="--salvage"):
        StoreWorld(text)
    spec = f"store:{path},mode=record-missing,env=(shop)"
    found = world(spec)
    assert isinstance(found, StoreWorld) and found.inner is not None
    close(found)


def test_a_refresh_waits_for_the_answer_that_is_being_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease ends with the answer in the file, a moment before its maker hears of it."""
    record(path, call())
    put = Store.put

    def slow(self: Store, *args: Any, **options: Any) -> Any:
        kept = put(self, *args, **options)
        if options.get("owner"):
            time.sleep(0.2)
        return kept

    monkeypatch.setattr(Store, "put", slow)
    weather = Weather(echo="new")

    async def together() -> list[Step]:
        world = StoreWorld(path, weather, "refresh")

        async def one(after: float) -> Step:
            env = world.env()
            await env.reset(TASK, seed=0)
            await asyncio.sleep(after)
            return await env.step(call())

        steps = await asyncio.gather(*(one(0.02 * i) for i in range(6)))
        await world.close()
        return steps

    assert {said(step) for step in asyncio.run(together())} == {1}
    assert len(weather.made) == 1
