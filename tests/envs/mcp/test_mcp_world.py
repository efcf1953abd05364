"""MCP servers as worlds: real servers over stdio and HTTP, and what they get wrong."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("mcp")
from mcp_places import TIME, gone, playground, processes, raw, served
from mcp_playground import LONG, PICTURE, server

from toolgrove.core import (
    Action,
    BadArguments,
    EnvironmentFailed,
    Status,
    Step,
    Task,
    ToolError,
    UsageError,
    make,
    run,
    world,
)
from toolgrove.envs.mcp import MCPWorld
from toolgrove.envs.mcp_results import function_name
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import line
from toolgrove.testing import check_env

TASK = Task("t", "Try it.")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a process behind."""
    yield
    assert gone(processes)


@pytest.fixture(scope="module", params=["stdio", "http"])
def reading(request: pytest.FixtureRequest) -> Iterator[MCPWorld]:
    """The playground's reading tools, over both ways."""
    if request.param == "stdio":
        yield MCPWorld(playground("reading"), timeout=20)
        return
    app = server("reading").streamable_http_app(host="127.0.0.1")
    with served(app) as address:
        yield MCPWorld(address, timeout=20)


def within(world: MCPWorld, work: Callable[[MCPWorld], Coroutine[Any, Any, Any]]) -> Any:
    async def whole() -> Any:
        async with world:
            return await work(world)

    return asyncio.run(whole())


async def call(world: MCPWorld, tool: str, /, **arguments: Any) -> tuple[Any, Any, Status]:
    """Error, response and status of a call of a tool by its own name."""
    [api] = [api for api in world.apis if api.api == tool]
    step = await world.call(api, arguments)
    body = json.loads(step.observation)
    assert step.info.provenance == "live"
    return body["error"], body["response"], step.info.status


# What the tools are


def test_all_pages_are_read_and_names_are_made_callable(reading: MCPWorld) -> None:
    assert reading.fork == "free"
    assert len(reading.apis) == 16
    names = [api.name for api in reading.apis]
    assert len(set(names)) == 16 and all(len(name) <= 64 for name in names)
    long = [api.name for api in reading.apis if api.api.startswith(LONG)]
    assert long[0] != long[1] and long[0].startswith("a_very_long_name_")
    assert [api.name for api in reading.apis if api.api == "Finish"] == ["Finish_2"]
    [pair] = [api for api in reading.apis if api.api == "tuple"]
    assert pair.parameters["properties"]["pair"]["prefixItems"] == [{"type": "string"}]
    assert "$schema" not in pair.parameters
    assert reading.apis[0].description == "Does echo." and reading.apis[0].tool == "playground"
    assert reading.fingerprints()["mcp_server"] == "playground 1.2"


@given(st.lists(st.text(max_size=90), max_size=12))
def test_any_names_become_names_that_models_can_call(names: list[str]) -> None:
    taken: list[str] = []
    for name in names:
        taken.append(function_name(name, taken))
    assert len(set(taken)) == len(names)
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) for name in taken)


def test_the_list_is_read_while_a_loop_runs() -> None:
    async def inside() -> MCPWorld:
        return MCPWorld(raw("writing"), only="count;first")

    assert [api.api for api in asyncio.run(inside()).apis] == ["first", "count"]


def test_a_tool_that_says_nothing_may_write() -> None:
    world = MCPWorld(raw("writing"))
    assert world.fork == "never"
    assert "fork=free" in world.fork_hint and "count, crash" in world.fork_hint
    assert MCPWorld(raw("writing"), fork="free").fork == "free"
    assert MCPWorld(raw("writing"), only="first").fork == "free"


@pytest.mark.parametrize(
    ("part", "says"),
    [("schema", "'wrong'.*'text'"), ("outside", "'wrong'.*refers to"), ("endless", "no end")],
)
def test_a_wrong_list_is_told(part: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        MCPWorld(playground(part))
    if part == "schema":
        assert [api.name for api in MCPWorld(playground(part), only="fine").apis] == ["fine"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("mcp:", "lacks server"),
        ("mcp:''", "say which MCP server"),
        ("mcp:'no_such_program_here x'", "no program 'no_such_program_here'"),
        ("mcp:/no/such/program", "there is no '/no/such/program'"),
        (f"mcp:'{sys.executable} -c \"raise SystemExit(chr(72)+chr(105))\"'", "stderr:\nHi"),
        ("mcp:'a \"b'", "cannot be read"),
        ("mcp:https://me:pw@host.example/mcp", "no name or password"),
        ("mcp:ftp://host.example/mcp", "not ftp"),
        ("mcp:https://h.example/mcp,token=NO_SUCH_TOKEN_HERE", "set NO_SUCH_TOKEN_HERE"),
        ("mcp:https://h.example/mcp,token=sk-123456", "name of a variable"),
        ("mcp:http://127.0.0.1:9/mcp", "no session with MCP server http://127.0.0.1:9/mcp"),
        ("mcp:python,environ=NO_SUCH_VARIABLE", "not set: NO_SUCH_VARIABLE"),
        ("mcp:python,cwd=/no/such/folder", "no such folder"),
        ("mcp:python,timeout=0", "timeout must be more than 0"),
    ],
)
def test_a_wrong_spec_is_told(spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as told:
        world(spec)
    assert "pw" not in str(told.value) and "sk-123456" not in str(told.value).split(":")[0]


@pytest.mark.parametrize("mode", ["no-type", "array", "none"])
def test_a_tool_that_the_protocol_does_not_allow_is_named(mode: str) -> None:
    with pytest.raises(UsageError, match=r"tool 'second'\.inputSchema"):
        MCPWorld(raw(mode))


@pytest.mark.parametrize("mode", ["plain", "noisy", "odd", "parent"])
def test_servers_of_old_are_understood(mode: str) -> None:
    async def calls(world: MCPWorld) -> None:
        if mode == "odd":
            with pytest.raises(ToolError, match="outside the protocol"):
                await call(world, "first")
        else:
            assert await call(world, "first") == ("", "hi", "ok")

    world = MCPWorld(raw(mode))
    assert [api.name for api in world.apis] == ["first", "second"]
    within(world, calls)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "toolgrove.envs.mcp_results", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(UsageError, match=r"pip install 'toolgrove\[mcp\]'"):
        world(f"mcp:'{raw('plain')}'")


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with pytest.raises(UsageError, match="did not answer within 1 s"):
        MCPWorld(playground("silent"), start=1)


def test_an_unknown_tool_in_only_is_told() -> None:
    with pytest.raises(UsageError, match="no tool 'firsd'; there are: first"):
        MCPWorld(raw("plain"), only="firsd")


# What calls give


def test_what_a_result_holds_becomes_the_response(reading: MCPWorld) -> None:
    async def calls(world: MCPWorld) -> None:
        assert await call(world, "echo", text="héllo") == ("", "héllo", "ok")
        assert await call(world, "echo", text="[1, NaN]") == ("", "[1, NaN]", "ok")
        assert await call(world, "json") == ("", {"a": [1, 2.5, "ü"]}, "ok")
        assert await call(world, "structured") == ("", {"n": 3}, "ok")
        assert await call(world, "fails") == ("no such\nthing", "", "error")
        _, shown, status = await call(world, "pictures")
        assert status == "ok" and shown[0] == {"type": "text", "text": "see"}
        assert shown[1]["bytes"] == len(PICTURE) and shown[1]["media"] == "image/png"
        assert shown[1]["sha256"] == sha256(PICTURE).hexdigest() and "data" in shown[1]
        assert shown[2]["bytes"] == 70_000 and "data" not in shown[2]
        assert "not base64" in shown[3]["error"]
        assert shown[4] == {"type": "link", "uri": "https://a.example/x", "name": "x"}
        assert shown[5]["text"] == "hi" and shown[6]["media"] == "x/y"

    within(reading, calls)


def test_what_a_server_refuses_has_a_status(reading: MCPWorld) -> None:
    async def calls(world: MCPWorld) -> None:
        assert (await call(world, "refuses", code=-32602))[2] == "bad_arguments"
        assert (await call(world, "refuses", code=-32601))[2] == "no_such_api"
        assert await call(world, "refuses", code=-32000) == ("not today", "", "error")
        error, _, status = await call(world, "asks")
        assert status == "error" and error
        with pytest.raises(ToolError, match="outside the protocol"):
            await call(world, "lies")
        assert await call(world, "echo", text="on") == ("", "on", "ok")

    within(reading, calls)


def test_what_cannot_be_sent_is_a_bad_argument_and_ends_nothing(reading: MCPWorld) -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]

    async def calls(world: MCPWorld) -> None:
        for wrong in ("\ud800", float("nan"), deep):
            with pytest.raises(BadArguments):
                await call(world, "echo", text=wrong)
        assert await call(world, "echo", text="on") == ("", "on", "ok")
        assert len(world._sessions) == 1

    within(reading, calls)


def test_an_answer_may_not_be_larger_than_allowed() -> None:
    app = server("reading").streamable_http_app(host="127.0.0.1", json_response=True)
    with served(app) as address:
        for where in (playground("reading"), address):

            async def calls(world: MCPWorld) -> None:
                error, response, status = await call(world, "huge", size=300_000)
                assert (response, status) == ("", "error") and "200000" in error
                assert await call(world, "echo", text="on") == ("", "on", "ok")

            within(MCPWorld(where, largest=200_000), calls)


# Sessions


def test_twenty_tasks_share_one_session(reading: MCPWorld) -> None:
    async def calls(world: MCPWorld) -> None:
        got = await asyncio.gather(*(call(world, "echo", text=str(i)) for i in range(20)))
        assert [response for _, response, _ in got] == [str(i) for i in range(20)]
        assert len(world._sessions) == 1

    within(reading, calls)
    within(reading, calls)  # in another loop, after it was closed


def test_a_cancelled_or_late_call_leaves_the_session_whole(
    reading: MCPWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_timeout", 2)

    async def calls(world: MCPWorld) -> None:
        await call(world, "echo", text="first")
        slow = [asyncio.create_task(call(world, "slow", seconds=60)) for _ in range(5)]
        await asyncio.sleep(0.1)
        for each in slow:
            each.cancel()
        assert await call(world, "echo", text="on") == ("", "on", "ok")
        await asyncio.wait(slow)
        assert all(each.cancelled() for each in slow)
        with pytest.raises(ToolError) as late:
            await call(world, "slow", seconds=60)
        assert late.value.status == "timeout"
        assert await call(world, "echo", text="on") == ("", "on", "ok")
        assert len(world._sessions) == 1

    within(reading, calls)


def test_a_reading_world_starts_again_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAY_TOKEN", "hidden-hidden-1")
    monkeypatch.setenv("PLAY_PLAIN", "shown")

    async def calls(world: MCPWorld) -> None:
        assert await call(world, "secret", name="PLAY_PLAIN") == ("", "shown", "ok")
        assert await call(world, "secret", name="PLAY_TOKEN") == ("", "<secret>", "ok")
        assert await call(world, "secret", name="PYTEST_CURRENT_TEST") == ("", "unset", "ok")
        with pytest.raises(ToolError, match="the playground fell down <secret>") as broke:
            await call(world, "crash")
        assert broke.value.status == "unavailable"
        got = await asyncio.gather(*(call(world, "echo", text=str(i)) for i in range(5)))
        assert [status for *_, status in got] == ["ok"] * 5

    within(MCPWorld(playground("reading"), environ="PLAY_TOKEN;PLAY_PLAIN"), calls)


def test_a_loop_that_ends_takes_the_session_with_it() -> None:
    world = MCPWorld(raw("plain"))
    for _ in range(2):
        assert asyncio.run(call(world, "first")) == ("", "hi", "ok")


def test_state_belongs_to_one_episode() -> None:
    async def count(env: Any) -> str:
        step: Step = await env.step(Action("count", "{}"))
        return str(json.loads(step.observation)["response"])

    async def calls(world: MCPWorld) -> None:
        one, other = world.env(), world.env()
        for env in (one, other):
            await env.reset(TASK, seed=0)
        assert [await count(one), await count(one), await count(other)] == ["1", "2", "1"]
        await one.reset(TASK, seed=0)
        assert await count(one) == "1"
        assert len(processes()) == 2
        with pytest.raises(ToolError, match="No such function"):
            await one.step(Action("no", "{}"))
        with pytest.raises(EnvironmentFailed, match="it fell down"):
            await one.step(Action("crash", "{}"))
        with pytest.raises(EnvironmentFailed, match="broke"):
            await one.step(Action("count", "{}"))
        assert await count(other) == "2"
        await one.close()
        await other.close()
        await other.close()

    within(MCPWorld(raw("writing")), calls)


def test_a_session_that_an_http_server_forgot_is_opened_again() -> None:
    playing = server("reading")
    with served(playing.streamable_http_app(host="127.0.0.1")) as address:
        reading, writing = MCPWorld(address), MCPWorld(address, fork="never")
        reading._mode = "legacy"  # the newest version has no sessions to forget

        async def calls() -> None:
            async with reading, writing:
                await call(reading, "echo", text="first")
                env = writing.env()
                await env.reset(TASK, seed=0)
                await env.step(Action("json", "{}"))
                assert len(playing.session_manager._server_instances) == 2
                playing.session_manager._server_instances.clear()
                with pytest.raises(ToolError, match="the connection was lost.*404"):
                    await call(reading, "echo", text="second")
                assert await call(reading, "echo", text="on") == ("", "on", "ok")
                with pytest.raises(EnvironmentFailed, match="broke in the middle"):
                    await env.step(Action("json", "{}"))
                await env.close()

        asyncio.run(calls())


def test_a_server_that_went_away_ends_the_trial_and_not_the_program() -> None:
    async def calls() -> None:
        with served(server("reading").streamable_http_app(host="127.0.0.1")) as address:
            there = await asyncio.to_thread(MCPWorld, address)
            await call(there, "echo", text="first")
        with pytest.raises(ToolError, match="ConnectError"):
            await call(there, "echo", text="second")
        with pytest.raises(EnvironmentFailed, match="no session with MCP server"):
            await call(there, "echo", text="third")
        await there.close()

    asyncio.run(calls())


def test_a_token_is_sent_and_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = server("reading").streamable_http_app(host="127.0.0.1")

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            sent = dict(scope["headers"]).get(b"authorization")
            if sent != b"Bearer open-sesame-1":
                start = {"type": "http.response.start", "status": 401, "headers": []}
                await send(start)
                await send({"type": "http.response.body", "body": b""})
                return
        await inner(scope, receive, send)

    with served(guarded) as address:
        with pytest.raises(UsageError, match="401.*TOOLGROVE_MCP_TOKEN"):
            MCPWorld(address)
        monkeypatch.setenv("TOOLGROVE_MCP_TOKEN", "open-sesame-1")
        world = MCPWorld(address, only="echo")

        async def calls(world: MCPWorld) -> None:
            assert await call(world, "echo", text="open-sesame-1") == ("", "<secret>", "ok")

        within(world, calls)
        assert "sesame" not in repr(world) + repr(world._server) + str(world.fingerprints())


def test_a_run_that_is_killed_leaves_no_server() -> None:
    code = f"""
import asyncio
from toolgrove.envs.mcp import MCPWorld
from toolgrove.envs.mcp_results import function_name
async def main():
    world = MCPWorld({raw("plain")!r})
    await world.call(world.apis[0], {{}})
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        assert processes()
        running.send_signal(signal.SIGKILL)
    assert gone(processes)


# With the rest of the house


def test_the_conformance_kit_is_content() -> None:
    world = MCPWorld(TIME, only="convert_time")
    there = {"source_timezone": "Europe/Paris", "time": "12:30", "target_timezone": "Asia/Tokyo"}
    action = Action("convert_time", json.dumps(there))
    check_env(world.env, Task("t", "t", world.apis), actions=[action, action])


def test_dfsdt_drives_a_server_from_a_registry() -> None:
    time = world(f"mcp:'{TIME}'")
    assert time.fork == "free" and [api.name for api in time.apis] == [
        "get_current_time",
        "convert_time",
    ]

    def convert(to: str) -> Any:
        there = {"source_timezone": "UTC", "time": "16:30", "target_timezone": to}
        return line({"calls": [["convert_time", there]]})

    give_up = line({"calls": [["Finish", {"return_type": "give_up_and_restart"}]]})
    final = {"return_type": "give_answer", "final_answer": "01:30"}
    replies = {
        "0#0": convert("Asia/Nowhere"),
        "0.0#0": give_up,
        "0.0#1": convert("Asia/Kolkata"),
        "0.0.1#0": give_up,
        "0#1": convert("Asia/Tokyo"),
        "0.1#0": line({"calls": [["Finish", final]]}),
    }
    model = ScriptedModel(replies=replies, default=give_up)
    task = Task("t", "16:30 UTC in Tokyo?", time.apis)

    async def search() -> Any:
        async with time:
            return await run(make("planners", "dfsdt:width=2"), task, model, time.env)

    result = asyncio.run(search())
    assert (result.end, result.answer) == ("answered", "01:30")
    seen = [node.step for node in result.tree.root.walk() if node.action and node.step]
    told = {step.info.status for step in seen if step.info.provenance == "live"}
    assert told == {"ok", "error"}
    assert any("T01:30:00+09:00" in step.observation for step in seen)


def test_a_search_that_branches_is_told_what_to_say() -> None:
    stateful = MCPWorld(raw("writing"), only="count")
    with pytest.raises(UsageError, match="never"):
        asyncio.run(
            run(
                make("planners", "dfsdt"),
                Task("t", "t", stateful.apis),
                ScriptedModel(default=line("x")),
                stateful.env,
            )
        )
