"""The hub as an environment: faults that stay on their path, and the same hub over HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import Action, Step, Task, ToolError, UsageError, make
from toolgrove.envs.hub.env import HubEnv
from toolgrove.envs.hub.export import write_tools
from toolgrove.envs.hub.faults import DEAD, MIX, PROFILES, faults_of
from toolgrove.envs.hub.registry import Answer, Takes, call, check, endpoints, everything, plain
from toolgrove.envs.toolbench import parse_apis
from toolgrove.testing import check_env

pytestmark = pytest.mark.skipif(
    "CountryAtlas.country_profile" not in endpoints(), reason="needs the extra hub"
)
GOLD = "CountryAtlas.country_profile"
OTHER = "CountryAtlas.land_borders"


def task(id: str = "t", /, **hub: Any) -> Task:
    apis = tuple(endpoints()[i].api for i in (GOLD, OTHER))
    about = {
        "path": [GOLD],
        "alternatives": {},
        "renames": {GOLD: ["country_code", "query"]},
        **hub,
    }
    return Task(id, "What is the capital of France?", apis, extra={"hub": about})


CERTIFIED: dict[str, Any] = {"alternatives": {GOLD: [{"path": [OTHER], "solution": {}}]}}
FRANCE = Action(endpoints()[GOLD].api.name, '{"country_code": "FR"}') if endpoints() else Action("")


def walk(env: HubEnv, of: Task, *actions: Action, seed: int = 0) -> list[Step]:
    async def steps() -> list[Step]:
        try:
            await env.reset(of, seed=seed)
            return [await env.step(action) for action in actions]
        finally:
            await env.close()

    return asyncio.run(steps())


def test_a_call_gives_toolbenchs_envelope() -> None:
    [step] = walk(HubEnv(), task(), FRANCE)
    body = json.loads(step.observation)
    assert list(body) == ["error", "response"] and body["error"] == ""
    assert body["response"]["capital"] == "Paris"
    assert step.info.status == "ok" and step.info.provenance == "computed"


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        ("{}", "bad_arguments", "missing required parameter: country_code"),
        ('{"country_code": "XX"}', "error", "country XX not found"),
        ('{"country_code": 5}', "error", "country 5 not found"),
        ('{"country_code": "FR", "x": 1}', "bad_arguments", "unknown parameter: x"),
        ('{"country_code": ["FR"]}', "bad_arguments", "must be a text"),
        ('{"country_code": "FRANCE"}', "bad_arguments", "at most 2 characters"),
        ('{"country_code": "F\\u0001"}', "bad_arguments", "control characters"),
    ],
)
def test_a_bad_call_is_told_what_is_wrong(arguments: str, status: str, error: str) -> None:
    [step] = walk(HubEnv(), task(), replace(FRANCE, arguments=arguments))
    assert step.info.status == status and error in json.loads(step.observation)["error"]


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action("no_such_function"), "no_such_api"),
        (replace(FRANCE, arguments="not json"), "bad_arguments"),
        (replace(FRANCE, arguments="x" * 100_000), "bad_arguments"),
    ],
)
def test_what_is_no_call_is_refused(action: Action, status: str) -> None:
    with pytest.raises(ToolError) as refused:
        walk(HubEnv(), task(), action)
    assert refused.value.status == status


@pytest.mark.parametrize("faults", PROFILES)
def test_it_keeps_the_contract_under_every_profile(faults: str) -> None:
    actions = [FRANCE, FRANCE, replace(FRANCE, arguments='{"country_code": "DE"}'), FRANCE]
    for i in range(6):
        check_env(lambda: HubEnv(faults), task(f"t{i}", **CERTIFIED), actions=actions)


def test_a_transient_fault_passes_on_its_path_and_comes_again_on_another() -> None:
    met = 0
    for i in range(60):
        env, of = HubEnv("transient"), task(f"t{i}")
        first, *_, last = walk(env, of, FRANCE, FRANCE, FRANCE)
        assert "Paris" in last.observation
        if "Paris" not in first.observation:
            met += 1
            assert walk(HubEnv("transient"), of, FRANCE) == [first]
    assert 5 <= met <= 30  # a quarter of them


def test_a_dead_endpoint_stays_dead_and_only_where_another_way_is_known() -> None:
    for i in range(20):
        steps = walk(HubEnv("dead"), task(f"t{i}", **CERTIFIED), FRANCE, FRANCE, FRANCE)
        assert steps == steps[:1] * 3 and "Paris" not in steps[0].observation
        assert steps[0].info.status not in ("ok", "bad_arguments")
        assert "Paris" in walk(HubEnv("dead"), task(f"t{i}"), FRANCE)[0].observation


def test_a_misleading_document_names_the_wrong_parameter_and_the_error_the_right_one() -> None:
    right = replace(FRANCE, arguments='{"query": "FR"}')
    told, good = walk(HubEnv("misleading"), task(), FRANCE, right)
    assert "missing required parameter: query" in told.observation
    assert "Paris" in good.observation


def test_unsolvable_kills_the_last_api_and_its_mirrors() -> None:
    border = Action(endpoints()[OTHER].api.name, '{"country_code": "FR"}')
    steps = walk(HubEnv("unsolvable"), task(**CERTIFIED), FRANCE, border)
    assert all(step.info.status != "ok" for step in steps)


def test_a_timeout_charges_the_virtual_clock_and_does_not_sleep() -> None:
    charged = []
    for i in range(200):
        [step] = walk(HubEnv("dead"), task(f"t{i}", **CERTIFIED), FRANCE)
        if step.info.status == "timeout":
            assert step.info.detail is not None
            charged.append(step.info.detail["virtual_seconds"])
    assert set(charged) == {15.0}


def test_a_mixed_run_has_the_shares_it_says() -> None:
    assert sum(MIX.values()) == 1
    drawn = Counter(faults_of("mixed", task(f"t{i}", **CERTIFIED), 0).profile for i in range(4000))
    assert abs(drawn["dead"] / 4000 - DEAD) < 0.03
    for profile, share in MIX.items():
        assert abs(drawn[profile] / 4000 - share * (1 - DEAD)) < 0.03, (profile, drawn)
    bare = Counter(faults_of("mixed", task(f"t{i}"), 0).profile for i in range(1000))
    assert bare["dead"] == 0


def test_the_seed_decides() -> None:
    a = [faults_of("mixed", task(f"t{i}", **CERTIFIED), 0) for i in range(50)]
    assert a == [faults_of("mixed", task(f"t{i}", **CERTIFIED), 0) for i in range(50)]
    assert a != [faults_of("mixed", task(f"t{i}", **CERTIFIED), 1) for i in range(50)]


def test_an_unknown_profile_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="no fault profile 'broken'; there are: clean, transient"):
        make("envs", "hub:faults=broken")


def test_arguments_are_taken_as_over_http() -> None:
    distance = next(e for e in everything().values() if e.id == "GeoMath.destination")
    given, wrong = check(distance, {k: str(v) for k, v in distance.example.items()})
    assert wrong == "" and given.keys() >= distance.example.keys()
    assert call(distance, given).status == 200


def test_what_libraries_return_becomes_json() -> None:
    assert plain({1: {"b", "a"}, "x": (1.5, float("nan"))}) == {"1": ["a", "b"], "x": [1.5, None]}
    assert Answer("", {"ä": 1}, 200).text == '{"error": "", "response": {"ä": 1}}'
    assert Takes("text", "x").required


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    command = [sys.executable, "-m", "toolgrove", "hub", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            # Who reads the address may connect at once.
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5).close()
            yield url
        finally:
            process.terminate()


def test_over_http_it_answers_the_same(served: str) -> None:
    actions = [FRANCE, replace(FRANCE, arguments='{"country_code": "XX"}'), FRANCE]
    assert walk(HubEnv(url=served), task(), *actions) == walk(HubEnv(), task(), *actions)
    assert walk(HubEnv("transient", served), task("t1"), *actions) == walk(
        HubEnv("transient"), task("t1"), *actions
    )


def test_toolbenchs_own_clients_are_answered(served: str) -> None:
    import httpx

    body = {
        "category": "Location",
        "tool_name": "countryatlas",
        "api_name": "country_profile_for_countryatlas",
        "tool_input": '{"country_code": "FR"}',
        "strip": "filter",
        "toolbench_key": "k",
    }
    for path in ("/virtual", "/rapidapi"):
        got = httpx.post(served + path, json=body).json()
        assert got["error"] == "" and got["response"]["capital"] == "Paris"
    unknown = httpx.post(f"{served}/virtual", json={**body, "api_name": "nothing"})
    assert (unknown.status_code, unknown.json()["error"]) == (200, "API doesn't exist")
    for bad in (b"[]", b"{", b"\xff" * 30, b'{"a":' * 3000):
        assert httpx.post(f"{served}/call", content=bad).json()["response"] == ""
    assert httpx.get(f"{served}/apis").json()["total"] == len(endpoints())


def test_a_hub_that_is_away_is_no_observation() -> None:
    with pytest.raises(Exception, match="connect"):
        walk(HubEnv(url="http://127.0.0.1:9"), task(), FRANCE)


def test_the_export_is_read_back_as_toolbenchs(tmp_path: Path) -> None:
    assert write_tools(tmp_path) == len({e.tool.name for e in endpoints().values()})
    files = list(tmp_path.glob("*/*.json"))
    for file in files:
        tool = json.loads(file.read_text("utf-8"))
        docs = [
            {**api, "api_name": api["name"], "tool_name": tool["tool_name"], "category_name": "x"}
            for api in tool["api_list"]
        ]
        assert len(parse_apis(docs)) == len(tool["api_list"])
