"""ToolBench's recorded calls replay through a store, trace by trace."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import API, STATUS_OF_CODE, Action, Task
from toolgrove.envs.store.file import Store
from toolgrove.envs.store.toolbench import read_calls
from toolgrove.envs.store.transfer import merge
from toolgrove.envs.store.world import StoreWorld

CALLS = Path("/work/shared/data/derived/recorded_calls.jsonl")


def test_a_small_file(tmp_path: Path) -> None:
    row: dict[str, Any] = {"function": "f", "arguments": "{}", "source": "s", "query_id": "1"}
    rows = [{**row, "observation": text} for text in ("a", "a", "b")]
    rows += [{**row, "function": "Finish", "observation": ""}]
    rows += [{**row, "observation": "", "observation_code": 1}]
    rows += [{**row, "arguments": '{"x": ', "observation": "no"}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read_calls(tmp_path / "c.jsonl")
    assert (found.rows, found.finish, found.unknown) == (4, 1, 1)
    assert found.broken == ["c.jsonl:6"]
    kept = {
        r.call.scope: [a.observation for a in r.current]
        for r in found.calls
        if r.call.arguments == "{}"
    }
    assert kept == {"": ["a", "b"], "task:1": ["a", "a", "b"], "trace:s/1": ["a", "a", "b"]}


@pytest.mark.skipif(not CALLS.is_file(), reason="the shared data is not here")
def test_all_recorded_calls_replay(tmp_path: Path) -> None:
    found = read_calls(CALLS)
    assert (found.rows, found.finish, found.unknown, len(found.broken)) == (2644, 410, 181, 8)
    store = Store(tmp_path / "s.db")
    merge(found.calls, found.apis, store)
    assert merge(found.calls, found.apis, store).same == len(found.calls)
    traces: dict[tuple[str, str], list[Any]] = {}
    for line in CALLS.read_text("utf-8").split("\n"):
        row = json.loads(line) if line else {"function": "Finish"}
        if row["function"] != "Finish" and row["observation_code"] != 1:
            traces.setdefault((row["source"], row["query_id"]), []).append(row)
    known = {api.name: api for api in found.apis}
    assert asyncio.run(replayed(tmp_path / "s.db", traces, known)) == 2644


async def replayed(
    path: Path, traces: dict[tuple[str, str], list[Any]], known: dict[str, API]
) -> int:
    """How many calls the store answers as they were recorded, trace by trace, in order."""
    worlds: dict[str, StoreWorld] = {}
    served = 0
    for (source, query), rows in traces.items():
        if source not in worlds:
            worlds[source] = StoreWorld(path, scope=source)
        world = worlds[source]
        env = world.env()
        offered = {row["function"]: known[row["function"]] for row in rows}
        for row in rows:
            if row["tool_name"]:
                api = API(row["function"], tool=row["tool_name"], api=row["api_name"])
                offered[row["function"]] = api
        await env.reset(Task(query, "", tuple(offered.values())), seed=0)
        for row in rows:
            step = await env.step(Action(row["function"], row["arguments"]))
            served += 1
            assert step.observation == row["observation"]
            assert step.info.status == STATUS_OF_CODE[row["observation_code"]]
            assert step.info.provenance == "imported"
    for world in worlds.values():
        await world.close()
    return served
