"""Rows, a tiny base and the command line, for the tests of fine-tuning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PARAMETERS = {"type": "object", "properties": {"a": {"type": "number"}}}
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds.",
        "parameters": PARAMETERS,
    },
}


def said(n: int, turns: int = 2) -> dict[str, Any]:
    """A row in ToolLLaMA's shape, longer for a greater ``n``."""
    talk = [{"from": "system", "value": "You add."}, {"from": "user", "value": f"Add {n}.\nBegin!"}]
    for i in range(turns):
        call = f'\nThought: turn {i}.\nAction: add\nAction Input: {{"a": {n}}}'
        talk.append({"from": "assistant", "value": call})
        talk.append({"from": "function", "value": f"{n} " * (n % 7 + 1)})
    return {"id": f"t{n}", "conversations": talk[:-1]}


def talked(n: int, turns: int = 2) -> dict[str, Any]:
    """The same in the shape chat."""
    talk: list[dict[str, Any]] = [
        {"role": "system", "content": "You add."},
        {"role": "user", "content": f"Add {n}."},
    ]
    for i in range(1, turns + 1):
        call = {"name": "add", "arguments": json.dumps({"a": n})}
        made = {"id": f"call{i:05}", "type": "function", "function": call}
        talk.append({"role": "assistant", "content": f"turn {i}", "tool_calls": [made]})
        talk.append({"role": "tool", "tool_call_id": f"call{i:05}", "content": f"{n} " * (n % 7)})
    return {"id": f"c{n}", "messages": talk[:-1], "tools": [TOOL]}


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def command(*words: str, launch: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """``toolgrove WORDS``, in a process of its own."""
    line = [sys.executable, *launch, "-m", "toolgrove", *words]
    threads = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    return subprocess.run(
        line, capture_output=True, text=True, timeout=300, env={**os.environ, **threads}
    )
