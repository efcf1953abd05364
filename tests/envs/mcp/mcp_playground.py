"""A real MCP server that does what servers do wrong: a program, and an ASGI application.

Run as ``python mcp_playground.py [--part PART]``, where PART is ``all``, ``reading``, ``schema``,
``outside``, ``endless`` or ``silent``.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from typing import Any

from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ListToolsResult,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)

PICTURE = b"\x89PNG" + bytes(range(100))
LONG = "a.very/long name " * 7
COUNT = {"made": 0}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


READING: dict[str, dict[str, Any]] = {
    "echo": schema(text={"type": "string"}),
    "json": schema(),
    "structured": schema(),
    "fails": schema(),
    "pictures": schema(),
    "huge": schema(size={"type": "integer"}),
    "slow": schema(seconds={"type": "number"}),
    "crash": schema(),
    "refuses": schema(code={"type": "integer"}),
    "lies": schema(),
    "asks": schema(),
    "secret": schema(name={"type": "string"}),
    LONG: schema(),
    LONG + "!": schema(),
    "Finish": schema(),
    "tuple": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"pair": {"type": "array", "items": [{"type": "string"}]}},
    },
}
BAD = {
    "schema": {
        "wrong": {"type": "object", "properties": {"a": {"type": "text"}}},
        "fine": schema(),
    },
    "outside": {"wrong": {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}}},
}


def server(part: str = "all") -> Server[Any]:
    tools = BAD.get(part) or dict(READING)
    if part == "all":
        tools["count"] = schema()

    async def listed(_: Any, page: Any) -> ListToolsResult:
        at = int(page.cursor) if page is not None and page.cursor else 0
        names = list(tools)[at : at + 3]
        more = str(at + 3) if at + 3 < len(tools) else None
        return ListToolsResult(
            tools=[
                Tool(
                    name=name,
                    description=f"Does {name}.",
                    input_schema=tools[name],
                    output_schema=schema(n={"type": "integer"}) if name == "lies" else None,
                    annotations=None if name == "count" else ToolAnnotations(read_only_hint=True),
                )
                for name in names
            ],
            next_cursor="0" if part == "endless" else more,
        )

    async def called(context: Any, params: Any) -> CallToolResult:
        return await does(params.name, params.arguments or {}, context)

    return Server("playground", version="1.2", on_list_tools=listed, on_call_tool=called)


def text(*texts: str, **more: Any) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=each) for each in texts], **more)


async def does(name: str, arguments: dict[str, Any], context: Any) -> CallToolResult:
    if name == "echo":
        return text(str(arguments["text"]))
    if name == "json":
        return text('{"a": [1, 2.5, "ü"]}')
    if name == "structured":
        return text("in words", structured_content={"n": 3})
    if name == "fails":
        return text("no such", "thing", is_error=True)
    if name == "pictures":
        data = base64.b64encode(PICTURE).decode()
        big = base64.b64encode(bytes(70_000)).decode()
        blob = BlobResourceContents(uri="file:///b", mime_type="x/y", blob=data)
        return CallToolResult(
            content=[
                TextContent(text="see"),
                ImageContent(data=data, mime_type="image/png"),
                AudioContent(data=big, mime_type="audio/wav"),
                ImageContent(data="?", mime_type="image/png"),
                ResourceLink(uri="https://a.example/x", name="x"),
                EmbeddedResource(resource=TextResourceContents(uri="file:///a", text="hi")),
                EmbeddedResource(resource=blob),
            ]
        )
    if name == "huge":
        return text("x" * int(arguments["size"]))
    if name == "slow":
        await asyncio.sleep(float(arguments["seconds"]))
        return text("done")
    if name == "crash":
        print("the playground fell down", os.environ.get("PLAY_TOKEN", ""), file=sys.stderr)
        sys.stderr.flush()
        os._exit(3)
    if name == "refuses":
        raise MCPError(int(arguments["code"]), "not today")
    if name == "lies":
        return text("", structured_content={"n": "three"})
    if name == "asks":
        got = await context.session.elicit_form("Your name?", schema(name={"type": "string"}))
        return text(got.action)
    if name == "secret":
        return text(os.environ.get(str(arguments["name"]), "unset"))
    if name == "count":
        COUNT["made"] += 1
        return text(str(COUNT["made"]))
    return text(f"{name} has nothing to do")


async def main() -> None:
    part = sys.argv[2] if len(sys.argv) > 2 else "all"
    made = server(part)
    if part == "silent":
        await asyncio.sleep(3600)
    async with stdio_server() as (read, write):
        await made.run(read, write, made.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
