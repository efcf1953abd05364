"""LangChain's tools as a world, and worlds as LangChain's tools."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core")
from langchain_core.messages import ToolMessage

from toolgrove.core import BadArguments, Step, Task, ToolError, UsageError, World, world
from toolgrove.core.values import Action
from toolgrove.envs.langchain import LangChainWorld, as_langchain
from toolgrove.testing import check_env

TOOLS = '''
import asyncio, time
from typing import Annotated
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool, ToolException, tool
from pydantic import BaseModel, Field

class Sum(BaseModel):
    a: int = Field(description="The first.")
    b: int = 2

@tool(args_schema=Sum)
def add(a: int, b: int) -> dict:
    """Add two numbers."""
    return {"sum": a + b}
add.metadata = {"read_only": True}

async def _later(text: str) -> str:
    await asyncio.sleep(0.01)
    return text.upper()
shout = StructuredTool.from_function(
    coroutine=_later, name="shout", description="Shout.", metadata={"readOnlyHint": True})

raw = StructuredTool(name="raw", description="Raw.", func=lambda **given: given,
    args_schema={"type": "object", "properties": {"x": {"type": "integer"}}},
    metadata={"read_only": True})

@tool
def fails(kind: str, user: Annotated[str, InjectedToolArg] = "me") -> str:
    """Fail."""
    if kind == "said":
        raise ToolException("not today")
    if kind == "slow":
        time.sleep(30)
    if kind == "timeout":
        raise TimeoutError("its own")
    raise KeyError(kind)
fails.metadata = {"read_only": True}

class Counter(BaseTool):
    name: str = "count"
    description: str = "Count."
    made: int = 0
    def _run(self) -> int:
        self.made += 1
        return self.made

READING = [add, shout, raw, fails]
def counters():
    return [Counter()]
ONE = Counter()
NONE = []
WRONG = [add, len]
TWICE = [add, add]
ODD = [StructuredTool(name="a b", description="", func=print, args_schema=Sum)]
'''


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    path = tmp_path / "lc_tools.py"
    path.write_text(TOOLS)
    return path


async def called(world: LangChainWorld, name: str, **arguments: Any) -> Any:
    [api] = [api for api in world.apis if api.name == name]
    step = await world.call(api, arguments)
    assert step.info.provenance == "computed" and step.info.status == "ok"
    return json.loads(step.observation)["response"]


def test_schemas_and_calls(tools: Path) -> None:
    found = world(f"langchain:{tools}:READING")
    assert isinstance(found, LangChainWorld) and found.fork == "free"
    add, shout, raw, fails = found.apis
    assert add.parameters["properties"]["a"]["type"] == "integer"
    assert add.parameters["required"] == ["a"] and add.description == "Add two numbers."
    assert raw.parameters["properties"] == {"x": {"type": "integer"}}
    assert list(fails.parameters["properties"]) == ["kind"] and shout.read_only

    async def calls() -> None:
        assert await called(found, "add", a=1) == {"sum": 3}
        assert await called(found, "raw", x=1, y=2) == {"x": 1, "y": 2}
        many = await asyncio.gather(*(called(found, "shout", text=f"t{i}") for i in range(20)))
        assert many == [f"T{i}" for i in range(20)]
        with pytest.raises(BadArguments, match="valid integer"):
            await called(found, "add", a="one")
        with pytest.raises(ToolError, match="not today"):
            await called(found, "fails", kind="said")
        with pytest.raises(ToolError, match="KeyError"):
            await called(found, "fails", kind="other")
        with pytest.raises(ToolError, match="TimeoutError: its own") as own:
            await called(found, "fails", kind="timeout")
        assert own.value.status == "error"

    asyncio.run(calls())


def test_a_slow_tool_is_left_to_itself(tools: Path) -> None:
    found = LangChainWorld(f"{tools}:READING", timeout=0.2)

    async def calls() -> None:
        with pytest.raises(ToolError) as late:
            await called(found, "fails", kind="slow")
        assert late.value.status == "timeout"

    asyncio.run(calls())


def test_the_conformance_kit_is_content(tools: Path) -> None:
    found = LangChainWorld(f"{tools}:READING")
    check_env(found.env, Task("t", "t", found.apis[:3]))
    making = LangChainWorld(f"{tools}:counters", fork="replay")
    check_env(making.env, Task("t", "t", making.apis))


def test_episodes_have_tools_of_their_own_where_the_file_makes_them(tools: Path) -> None:
    async def counts(spec: str) -> list[Any]:
        found = world(spec)
        assert found.fork == "never"
        got = []
        for _ in range(2):
            env = found.env()
            await env.reset(Task("t", "t"), seed=0)
            for _ in range(2):
                step = await env.step(Action("count", "{}"))
                got.append(json.loads(step.observation)["response"])
        return got

    assert asyncio.run(counts(f"langchain:{tools}:counters")) == [1, 2, 1, 2]
    assert asyncio.run(counts(f"langchain:{tools}:ONE")) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("MISSING", "no 'MISSING'; there are: .*READING"),
        ("NONE", "gives no tools, but list"),
        ("WRONG", "builtin_function_or_method is no LangChain tool"),
        ("TWICE", "two tools have one name"),
        ("ODD", "'a b'"),
    ],
)
def test_wrong_tools_are_told(tools: Path, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        world(f"langchain:{tools}:{name}")


def test_wrong_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    for spec, says in [
        ("langchain:nowhere.py:X", "no file"),
        ("langchain:tools", "path/to/file.py:NAME"),
        (f"langchain:{tmp_path / 'broken.py'}:X", "ZeroDivisionError"),
        (f"langchain:{tmp_path / 'broken.py'}:X,timeout=0", "timeout"),
    ]:
        with pytest.raises(UsageError, match=says):
            world(spec)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_core.tools", None)
    with pytest.raises(UsageError, match=r"toolgrove\[langchain\]"):
        world("langchain:a.py:X")
    with pytest.raises(UsageError, match=r"toolgrove\[langchain\]"):
        as_langchain(world("shop"))


# Out


def test_a_world_is_a_list_of_tools() -> None:
    tools = {tool.name: tool for tool in as_langchain(world("shop"))}
    assert list(tools) == [api.name for api in world("shop").apis]
    assert tools["add_to_cart"].args["quantity"]["minimum"] == 1
    call = {"item": "apple", "quantity": 2}
    assert json.loads(tools["add_to_cart"].invoke(call))["response"]["total"] == 1.0

    async def later() -> Any:
        return await tools["add_to_cart"].ainvoke(call)

    assert json.loads(asyncio.run(later()))["response"]["total"] == 2.0  # the same cart
    fresh = {tool.name: tool for tool in as_langchain(world("shop"))}
    assert json.loads(fresh["view_cart"].invoke({}))["response"]["cart"] == {}


def test_a_refusal_is_an_error_message() -> None:
    tools = {tool.name: tool for tool in as_langchain(world("shop"))}
    asked = {"name": "checkout", "args": {}, "id": "1", "type": "tool_call"}
    got = tools["checkout"].invoke(asked)
    assert isinstance(got, ToolMessage) and got.status == "error"
    assert "cart is empty" in str(got.content)


def test_what_goes_out_comes_in_again(tmp_path: Path) -> None:
    (tmp_path / "lc_out.py").write_text(
        "from toolgrove.core import world\n"
        "from toolgrove.envs.langchain import as_langchain\n"
        "def tools():\n    return as_langchain(world('shop'))\n"
    )
    back: World = world(f"langchain:{tmp_path / 'lc_out.py'}:tools")
    assert [(a.name, a.read_only) for a in back.apis] == [
        (a.name, a.read_only) for a in world("shop").apis
    ]

    async def shopping() -> Step:
        env = back.env()
        await env.reset(Task("t", "t"), seed=0)
        return await env.step(Action("list_shelf", '{"shelf": "fruit"}'))

    assert "melon" in asyncio.run(shopping()).observation
