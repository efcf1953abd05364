"""An MCP server by hand, older than its libraries: ``python mcp_raw.py MODE``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

SCHEMAS: dict[str, Any] = {"no-type": {"properties": {}}, "array": {"type": "array"}, "none": None}


WRITING = ("count", "crash")
MADE = [0]


def answer(mode: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """What is said to a request."""
    if method == "initialize":
        told = {"name": "raw", "version": "0"}
        result = {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}}
        return {"result": {**result, "serverInfo": told}}
    if method == "tools/list":
        schema = SCHEMAS.get(mode, {"type": "object"})
        reads = {"readOnlyHint": True}
        tools = [
            {"name": "first", "inputSchema": {"type": "object"}, "annotations": reads},
            {"name": "second", "inputSchema": schema, "annotations": reads},
        ]
        if mode == "writing":
            tools += [{"name": name, "inputSchema": {"type": "object"}} for name in WRITING]
        return {"result": {"tools": tools}}
    if method == "tools/call":
        if params["name"] == "crash":
            print("it fell down", file=sys.stderr, flush=True)
            os._exit(3)
        if params["name"] == "count":
            MADE[0] += 1
            return {"result": {"content": [{"type": "text", "text": str(MADE[0])}]}}
        if mode == "odd":
            return {"result": {"contents": 1}}
        return {"result": {"content": [{"type": "text", "text": "hi"}]}}
    return {"error": {"code": -32601, "message": "no"}}


def main(mode: str) -> None:
    if mode == "noisy":
        print("Starting .. {", flush=True)
        print("x" * 100_000, file=sys.stderr, flush=True)
    if mode == "parent":
        subprocess.Popen(["sleep", "20"], stdin=subprocess.DEVNULL)
    for text in sys.stdin:
        asked = json.loads(text)
        if "id" in asked:
            said = {
                "jsonrpc": "2.0",
                "id": asked["id"],
                **answer(mode, asked["method"], asked.get("params", {})),
            }
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
