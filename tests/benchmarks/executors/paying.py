"""A teacher that writes down each call when it is paid: at the provider's side, so to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from toolgrove.benchmarks.executors import Executor
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.suites import load_suites
from toolgrove.core.lines import read_lines

COUNTING = """
import asyncio, os
from toolgrove.models.simulated import SimulatedModel

class Paid(SimulatedModel):
    def __init__(self, log: str, pause: float = 0.003) -> None:
        super().__init__("strong")
        self.log, self.pause = log, pause

    async def complete(self, requests):
        with open(self.log, "a") as file:
            for request in requests:
                file.write(f"{request.task.id} {request.node} {request.sample} {os.getpid()}\\n")
        await asyncio.sleep(self.pause)
        return await super().complete(requests)
"""


def teacher(folder: Path, log: str, pause: float = 0.003) -> str:
    """The spec of one that writes into ``folder/log``."""
    (folder / "paid.py").write_text(COUNTING)
    return f"{folder}/paid.py:Paid,log={folder}/{log},pause={pause}"


def paid(folder: Path, log: str) -> list[str]:
    """The calls: task, node and sample of each."""
    return [line.rpartition(" ")[0] for line in lines(folder / log)]


def payers(folder: Path, log: str) -> set[int]:
    """The processes that made them."""
    return {int(line.rpartition(" ")[2]) for line in lines(folder / log)}


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def plan_of(model: str = "", planners: tuple[str, ...] = ("dfsdt",), **options: Any) -> Plan:
    """Some searches of the hub, with faults."""
    [own] = load_suites("hub:i1-inst")
    given = {"limit": 6, "faults": "mixed", **options}
    return Plan([own], list(planners), model or own.model, own.env, own.judge, **given)


def ran(plan: Plan, path: Path, where: Executor | None, concurrency: int = 4) -> RunDirectory:
    """The directory of a run that is done, to read."""
    parts = Parts.of(plan)
    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        runner = Runner(plan, directory, parts=parts, executor=where)
        asyncio.run(asyncio.wait_for(runner.run(concurrency=concurrency), 120))
    return RunDirectory(path)


def outcome(path: Path) -> dict[str, Any]:
    """All that a run found, but for what the clock says, named where the clock's words stand."""
    directory, found = RunDirectory(path), {}
    for key in directory.trials:
        data = directory.load(key).to_json()
        data["spent"].pop("seconds")
        nodes = [untimed(node) for node in data["tree"]["nodes"]]
        verdicts = [known.get(key) for known in directory.verdicts.values()]
        found[key.file] = ({**data, "tree": {**data["tree"], "nodes": nodes}}, verdicts)
    rows = json.loads((path / "summary.json").read_text("utf-8"))["runs"]
    return {**found, "rows": [{k: v for k, v in row.items() if k != "seconds"} for row in rows]}


def untimed(node: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in node.items() if k != "latency"}


def assert_written_once(path: Path) -> None:
    """No effect that was on disk was made again."""
    for file in (path / "journal").iterdir():
        records, damaged = read_lines(file)
        names = [record["key"] for record in records if "key" in record]
        assert damaged == 0
        assert len(names) == len(set(names)), file
