"""The client of a served world: it answers as the world does where it stands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.suites import task_to_json as suite_json
from toolgrove.core import (
    API,
    Action,
    BadArguments,
    Budget,
    CallWorld,
    EnvironmentFailed,
    EnvMiss,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    ToolError,
    Turn,
    UsageError,
    World,
    make,
    run_sync,
    world,
)
from toolgrove.envs.served import ServedWorld
from toolgrove.envs.serving.sessions import Sessions
from toolgrove.envs.serving.wire import (
    step_from_json,
    step_to_json,
    task_from_json,
    task_to_json,
)
from toolgrove.envs.shop import shop_tasks
from toolgrove.testing import check_env

Serving = Callable[..., AbstractContextManager[str]]
FORECAST = API(
    "forecast",
    "The weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "Weather",
    "Sky",
    "Forecast",
)
BUY = [
    Action("add_to_cart", '{"item": "apple", "quantity": 2}', "hungry"),
    Action("draw_coupon"),
    Action("add_to_cart", '{"item": "stone", "quantity": 2}'),
    Action("view_cart"),
    Action("checkout"),
]


class Weather(CallWorld):
    """Answers live; says no to two cities, and breaks at a third."""

    apis = (FORECAST,)

    def __init__(self) -> None:
        self.calls: list[tuple[API, Mapping[str, Any]]] = []
        self.closed = 0

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        self.calls.append((api, arguments))
        match arguments.get("city"):
            case "Nowhere":
                raise ToolError("there is no Nowhere", "unsubscribed")
            case "Chaos":
                raise RuntimeError("secret-key-1234 was refused")
            case "Unknown":
                raise EnvMiss("not recorded: forecast(Unknown)")
            case None:
                raise BadArguments("say the city")
            case city:
                detail = {"http": 200, "media": "application/json"}
                text = f"sun over {city} \ud83d"
                return Step(text, 0.5, False, True, StepInfo("ok", "live", 0.25, detail))

    async def close(self) -> None:
        self.closed += 1


def walk(world_: World, task: Task, *actions: Action, seed: int = 0) -> list[Any]:
    async def go() -> list[Any]:
        env = world_.env()
        try:
            out: list[Any] = [await env.reset(task, seed=seed)]
            for action in actions:
                try:
                    out.append(await env.step(action))
                except ToolError as error:
                    out.append((type(error), str(error), error.status))
            return out
        finally:
            await env.close()
            await world_.close()

    return asyncio.run(go())


def test_calls_arrive_whole_with_status_provenance_and_detail(serving: Serving) -> None:
    weather = Weather()
    with serving(weather) as url:
        served = ServedWorld(url)
        assert served.apis == weather.apis and served.fork == "free" and served.stateless
        actions = [
            Action("forecast", f'{{"city": "{city}"}}') for city in ("Rome", "Nowhere", "Bonn")
        ]
        actions += [Action("forecast"), Action("forecast", "{"), Action("storm")]
        assert walk(served, Task("t", "?"), *actions) == walk(Weather(), Task("t", "?"), *actions)
        assert weather.calls[0] == (FORECAST, {"city": "Rome"})
    assert weather.closed == 1


def test_what_breaks_there_breaks_here_and_keeps_its_secrets(serving: Serving) -> None:
    weather = Weather()
    with serving(weather) as url:
        served = ServedWorld(url)
        with pytest.raises(EnvironmentFailed, match="502: step raised RuntimeError$") as failed:
            walk(served, Task("t", "?"), Action("forecast", '{"city": "Chaos"}'))
        assert "1234" not in str(failed.value)
        assert len(weather.calls) == 1  # what may have happened is not done again
        with pytest.raises(EnvMiss, match=r"not recorded: forecast\(Unknown\)"):
            walk(served, Task("t", "?"), Action("forecast", '{"city": "Unknown"}'))
    with pytest.raises(EnvironmentFailed, match="Connect"):
        walk(served, Task("t", "?"), Action("forecast", '{"city": "Rome"}'))


def test_functions_that_only_a_task_knows_are_called_in_a_session(serving: Serving) -> None:
    weather = Weather()
    other = replace(FORECAST, name="tides", api="Tides")
    with serving(weather) as url:
        got = walk(ServedWorld(url), Task("t", "?", (other,)), Action("tides", '{"city": "Brest"}'))
    assert got[1].observation.startswith("sun over Brest") and weather.calls[0][0] == other


@pytest.mark.parametrize("fork", ["snapshot", "replay"])
def test_the_shop_keeps_the_contract_of_environments_when_served(
    serving: Serving, fork: str
) -> None:
    task = shop_tasks(1)[0]
    with serving(world(f"shop:fork={fork}")) as url:
        served = ServedWorld(url)
        assert served.fork == fork
        check_env(served.env, task, actions=BUY)
        assert walk(served, task, *BUY, seed=3) == walk(world("shop"), task, *BUY, seed=3)


def test_the_hub_with_faults_keeps_it_too(serving: Serving) -> None:
    task = Task("t1", "?", extra={})
    calls = [
        Action("country_profile_for_countryatlas", f'{{"country_code": "{code}"}}')
        for code in ("FR", "FR", "DE", "XX", "FR")
    ]
    with serving(world("hub:transient")) as url:
        served = ServedWorld(url)
        check_env(served.env, task, actions=calls)
        assert walk(served, task, *calls) == walk(world("hub:transient"), task, *calls)


def test_recordings_travel_with_their_task(serving: Serving) -> None:
    turn = Turn(api="forecast", arguments='{"city": "Rome"}', observation="rain", status="ok")
    again = replace(turn, observation="snow")
    task = Task("t", "?", (FORECAST,), recording=Turn(turns=(replace(turn, turns=(again,)),)))
    actions = [Action("forecast", '{"city":  "Rome"}')] * 2
    with serving(world("recorded")) as url:
        served = ServedWorld(url)
        got = walk(served, task, *actions)
        assert [step.observation for step in got[1:]] == ["rain", "snow"]
        assert {step.info.provenance for step in got[1:]} == {"recorded"}
        twin = [Action("forecast", '{"city": "Rome"}', occurrence=1)]
        assert walk(served, task, *twin)[1].observation == "snow"
        with pytest.raises(EnvMiss, match="has no recording"):
            walk(served, Task("t", "?"), *actions)


def test_a_search_over_the_wire_grows_the_tree_it_grows_at_home(serving: Serving) -> None:
    task = shop_tasks(1)[0]

    def grown(env: Callable[[], ToolEnv]) -> list[tuple[str, str]]:
        model = make("models", "stumble:rate=0.6")
        planner = make("planners", "dfsdt:width=2")
        result = run_sync(planner, task, model, env, budget=Budget(calls=25), envs=3)
        assert result.error is None
        return [
            (node.id, node.step.observation if node.step else "") for node in result.tree.walk()
        ]

    with serving(world("shop")) as url:
        served = ServedWorld(url)
        away = grown(served.env)
    assert away == grown(world("shop").env) and len(away) > 5


def test_a_snapshot_that_is_gone_is_told(serving: Serving) -> None:
    shop = world("shop")
    with serving(shop, sessions=Sessions(shop, kept=2)) as url:
        served = ServedWorld(url)

        async def go() -> None:
            env = served.env()
            await env.reset(shop_tasks(1)[0], seed=0)
            first = env.snapshot()
            for action in BUY[:2]:
                await env.step(action)
            env.restore(first)
            try:
                with pytest.raises(EnvironmentFailed, match="no such snapshot: the last 2 are"):
                    await env.step(BUY[0])
            finally:
                await env.close()
                await served.close()

        asyncio.run(go())


def test_what_cannot_be_served_is_a_users_mistake(serving: Serving) -> None:
    with pytest.raises(UsageError, match="no served world at http://127.0.0.1:9"):
        world("served:http://127.0.0.1:9")
    for wrong in ("ftp://x", "localhost:8399", "http://"):
        with pytest.raises(UsageError, match="the address of a served world"):
            ServedWorld(wrong)
    with serving(Weather()) as url:
        assert world(f"served:{url}").apis == (FORECAST,)
        with pytest.raises(UsageError, match="no served world at .*404"):
            ServedWorld(url + "/elsewhere")


def test_the_token_comes_from_the_environment_and_shows_nowhere(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "correct-horse-battery"
    with serving(Weather(), token=token) as url:
        monkeypatch.delenv("TOOLGROVE_SERVE_TOKEN", raising=False)
        with pytest.raises(UsageError, match=r"401.*TOOLGROVE_SERVE_TOKEN"):
            ServedWorld(url)
        monkeypatch.setenv("TOOLGROVE_SERVE_TOKEN", "wrong-horse-battery")
        with pytest.raises(UsageError) as refused:
            ServedWorld(url)
        assert "wrong-horse" not in str(refused.value)
        monkeypatch.setenv("TOOLGROVE_SERVE_TOKEN", token)
        served = ServedWorld(url)
        got = walk(served, Task("t", "?"), Action("forecast", '{"city": "Rome"}'))
        assert got[1].info.provenance == "live"
        assert token not in f"{served!r}{vars(served)}{served.fingerprints()}"


TEXTS = st.text(max_size=20)


@given(
    st.builds(
        Step,
        TEXTS,
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.booleans(),
        st.builds(
            StepInfo,
            st.sampled_from(["ok", "error", "timeout", "bad_arguments"]),
            st.sampled_from(["live", "recorded", "simulated", "computed", "imported"]),
            st.floats(0, 1e6),
            st.none() | st.dictionaries(TEXTS, st.integers() | TEXTS),
        ),
    ),
    st.none() | TEXTS,
)
def test_steps_come_back_as_they_went(step: Step, refused: str | None) -> None:
    data = json.loads(json.dumps(step_to_json(step, refused)))
    assert step_from_json(data) == (step, refused)


@given(st.recursive(st.none() | TEXTS | st.integers(), lambda x: st.dictionaries(TEXTS, x)))
def test_what_is_no_step_or_task_is_a_value_error(data: Any) -> None:
    for broken in (data, {"info": data}, {**step_to_json(Step("x")), "info": data}):
        with pytest.raises(ValueError):
            step_from_json(broken)
    if not isinstance(data, dict) and data is not None:
        with pytest.raises(ValueError):
            task_from_json({"recording": data})


def test_tasks_come_back_as_they_went() -> None:
    for task in shop_tasks(3):
        assert task_from_json(json.loads(json.dumps(task_to_json(task)))) == task
        assert suite_json(task)["recording"] == task_to_json(task)["recording"]


def test_an_environment_of_the_wrong_kind_has_no_snapshots(serving: Serving) -> None:
    with serving(Weather()) as url:
        env: ToolEnv = ServedWorld(url).env()
        with pytest.raises(NotImplementedError):
            env.snapshot()
        with pytest.raises(NotImplementedError):
            env.restore("x")
