"""Environments served over MCP, as the SDK's own client sees them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

pytest.importorskip("mcp")
import httpx
from mcp import Client, MCPError, StdioServerParameters
from mcp_places import PYTHON, SERVED, gone, processes, served

from toolgrove.core import (
    API,
    Action,
    Episodes,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    UsageError,
    world,
)
from toolgrove.core.contracts import Fork
from toolgrove.envs.mcp import MCPWorld
from toolgrove.envs.serving.mcp import http_application
from toolgrove.envs.shop import APIS

Mode = Literal["auto", "legacy"]


@contextmanager
def shop(way: str) -> Iterator[Any]:
    """What a client takes to reach a served shop."""
    if way == "stdio":
        yield StdioServerParameters(command=PYTHON[0], args=[*PYTHON[1:], str(SERVED), "shop"])
        assert gone(processes)
    else:
        with served(http_application(world("shop"))) as address:
            yield address


def told(result: Any) -> Any:
    [block] = result.content
    return json.loads(block.text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("way", ["stdio", "http"])
def test_a_client_lists_and_calls_the_shop(way: str, mode: Mode) -> None:
    async def buy(where: Any) -> None:
        async with Client(where, mode=mode) as client:
            listed = (await client.list_tools()).tools
            assert [tool.name for tool in listed] == [api.name for api in APIS]
            for tool, api in zip(listed, APIS, strict=True):
                assert tool.annotations and tool.annotations.read_only_hint is api.read_only
                assert tool.input_schema == api.parameters
                assert tool.description == api.description
            await client.call_tool("add_to_cart", {"item": "apple", "quantity": 2})
            got = await client.call_tool("add_to_cart", {"item": "apple", "quantity": 1})
            assert told(got) == {"error": "", "response": {"cart": {"apple": 3}, "total": 1.5}}
            assert not got.is_error and got.meta is not None
            assert got.meta["toolgrove/provenance"] == "computed"
            wrong = await client.call_tool("add_to_cart", {"item": "tank", "quantity": 1})
            assert wrong.is_error and "tank" in told(wrong)["error"]
            assert wrong.meta is not None and wrong.meta["toolgrove/status"] == "bad_arguments"
            with pytest.raises(MCPError, match="Unknown tool: steal"):
                await client.call_tool("steal", {})
            with pytest.raises(MCPError, match="no such page"):
                await client.list_tools(cursor="many")

    with shop(way) as where:
        asyncio.run(buy(where))


def test_every_client_has_a_cart_of_its_own() -> None:
    async def fill(where: str, n: int) -> Any:
        async with Client(where) as client:
            for _ in range(n):
                await client.call_tool("add_to_cart", {"item": "bun", "quantity": 1})
            return told(await client.call_tool("view_cart", {}))["response"]["cart"]

    async def all_of_them(where: str) -> list[Any]:
        return await asyncio.gather(*(fill(where, n) for n in range(1, 9)))

    with shop("http") as where:
        assert asyncio.run(all_of_them(where)) == [{"bun": n} for n in range(1, 9)]


def test_a_served_world_is_a_world_again() -> None:
    with shop("http") as where:
        there = MCPWorld(where)
        assert there.fork == "never"
        assert [(api.name, api.read_only) for api in there.apis] == [
            (api.name, api.read_only) for api in APIS
        ]

        async def shopping() -> list[Step]:
            async with there:
                env = there.env()
                await env.reset(Task("t", "t"), seed=0)
                calls = [("add_to_cart", {"item": "tea", "quantity": 1}), ("checkout", {})]
                calls.append(("add_to_cart", {"item": "tea", "quantity": 1}))
                return [await env.step(Action(name, json.dumps(given))) for name, given in calls]

        steps = asyncio.run(shopping())
        assert json.loads(steps[1].observation) == {
            "error": "",
            "response": {"paid": 3.5, "items": 1},
        }
        assert [step.info.status for step in steps] == ["ok", "ok", "error"]
        assert {step.info.provenance for step in steps} == {"live"}


def test_the_hub_is_served_page_by_page() -> None:
    pytest.importorskip("pint")
    hub = world("hub")
    offered = hub.apis

    async def look(where: str, mode: Mode) -> tuple[int, Any]:
        async with Client(where, mode=mode) as client:
            names, cursor = [], None
            while True:
                page = await client.list_tools(cursor=cursor)
                names += [tool.name for tool in page.tools]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert names == [api.name for api in offered]
            some = await asyncio.gather(
                *(client.call_tool(api.name, {}) for api in offered[:20]), return_exceptions=True
            )
            assert all(hasattr(each, "content") for each in some)
            return len(names), client.protocol_version

    with served(http_application(hub)) as where:
        assert asyncio.run(look(where, "auto"))[0] > 250
        assert asyncio.run(look(where, "auto"))[1] > "2026"
        assert asyncio.run(look(where, "legacy"))[1] < "2026"


class Fragile(ToolEnv):
    """It breaks when told so, waits when told so, and counts the environments that are open."""

    fork: Fork = "never"
    apis: tuple[API, ...] = (API("do", read_only=False),)
    open = 0

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        Fragile.open += 1
        return "", {}

    async def step(self, action: Action) -> Step:
        given = action.kwargs()
        if given.get("half"):
            return Step("\ud800")
        if given.get("break"):
            raise OSError("snap")
        await asyncio.sleep(given.get("wait", 0))
        return Step("fine", 0.0, False, False, StepInfo("ok", "simulated"))

    async def close(self) -> None:
        Fragile.open -= 1


class Nothing(Fragile):
    apis = ()


def test_what_breaks_is_told_to_one_client_and_closed() -> None:
    async def use(where: str) -> None:
        async with Client(where) as one, Client(where) as other:
            fine = await one.call_tool("do", {})
            assert fine.content[0].text == "fine"  # type: ignore[union-attr]
            assert fine.meta and fine.meta["toolgrove/provenance"] == "simulated"
            half = await one.call_tool("do", {"half": True})
            assert half.content[0].text == "?"  # type: ignore[union-attr]
            broken = await one.call_tool("do", {"break": True})
            assert broken.is_error and "OSError: snap" in told(broken)["error"]
            after = await one.call_tool("do", {})
            assert after.is_error and "open a new session" in told(after)["error"]
            assert not (await other.call_tool("do", {})).is_error
            late = await other.call_tool("do", {"wait": 30})
            assert late.is_error and "within 2 s" in told(late)["error"]
            assert Fragile.open == 2

    with served(http_application(Episodes(Fragile), timeout=2)) as where:
        asyncio.run(use(where))
        assert gone(lambda: Fragile.open)


def test_other_host_names_are_refused_on_loopback() -> None:
    with shop("http") as where:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        headers = {"host": "evil.example", "accept": "application/json, text/event-stream"}
        assert httpx.post(where, json=body, headers=headers, trust_env=False).status_code == 421


def test_a_world_without_functions_is_told() -> None:
    with pytest.raises(UsageError, match="lists no functions of its own"):
        http_application(Episodes(Nothing))
    only = APIS[:1]
    with served(http_application(world("shop"), only)) as where:
        assert [api.name for api in MCPWorld(where).apis] == [only[0].name]
