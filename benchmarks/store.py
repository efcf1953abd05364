"""How fast a store replays: ``python -m toolgrove.benchmarks.store`` (part of ``make bench``).

A recorded call is served out of stores of 1,000 and 100,000 answers, so that the slope shows, and
the parts of it are timed beside it: making the key, and one query of a plain SQLite table with as
many rows and as large values, which is what any such store costs.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..core import API, Action, Task
from ..envs.store.file import Response, Store
from ..envs.store.keys import call_of
from ..envs.store.world import StoreWorld

SIZES = (1_000, 100_000)
CALLS = 5_000
BODY = 1_000  # characters, about the mean of ToolBench's recorded answers

FORECAST = API(
    "forecast_for_weather",
    parameters={
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "default": 3},
            "units": {"type": "string", "enum": ["metric", "imperial"], "default": "metric"},
        },
        "required": ["city"],
    },
    tool="Weather",
    api="Forecast",
)
TASK = Task("t", "the weather", (FORECAST,))


def fill(path: Path, rows: int) -> None:
    """A store of so many calls, each with an answer of its own."""
    store = Store(path)
    with store.batch():
        for n in range(rows):
            body = json.dumps({"error": "", "response": f"{n} " + "x" * BODY})
            store.put(call_of(FORECAST, {"city": f"city {n}", "days": 5}), [Response(body)])
    store.close()


def microseconds(do: Callable[[int], object], wanted: list[int]) -> tuple[float, float]:
    """Median and 99th percentile of what one call of it takes."""
    took = []
    for n in wanted:
        start = time.perf_counter_ns()
        do(n)
        took.append((time.perf_counter_ns() - start) / 1000)
    cuts = statistics.quantiles(took, n=100)
    return statistics.median(took), cuts[98]


def replayed(path: Path, wanted: list[int]) -> tuple[float, float]:
    """Of a step of the environment in ``replay``, each in an episode's first place."""
    world = StoreWorld(path)
    env = world.env()

    async def episode() -> tuple[float, float]:
        await env.reset(TASK, seed=0)
        start = env.snapshot()
        took = []
        for n in wanted:
            action = Action(FORECAST.name, json.dumps({"days": 5, "city": f"city {n}"}))
            env.restore(start)
            begun = time.perf_counter_ns()
            await env.step(action)
            took.append((time.perf_counter_ns() - begun) / 1000)
        return statistics.median(took), statistics.quantiles(took, n=100)[98]

    found = asyncio.run(episode())
    asyncio.run(world.close())
    return found


def plain(path: Path, rows: int, wanted: list[int]) -> tuple[float, float]:
    """Of one query by primary key in a table of texts."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (key TEXT PRIMARY KEY, value TEXT)")
    db.executemany("INSERT INTO t VALUES (?, ?)", ((str(n), "x" * BODY) for n in range(rows)))
    db.commit()
    sql = "SELECT value FROM t WHERE key = ?"
    found = microseconds(lambda n: db.execute(sql, (str(n),)).fetchone(), wanted)
    db.close()
    return found


def main() -> None:
    """Print the table."""
    table = Table(title=f"a recorded call, microseconds (median / 99th percentile of {CALLS:,})")
    for head in ("answers", "replayed", "its key", "a plain query"):
        table.add_column(head, justify="right")
    drawn = random.Random(0)
    for rows in SIZES:
        wanted = [drawn.randrange(rows) for _ in range(CALLS)]
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder, "store.sqlite"), rows)
            cells = [
                replayed(Path(folder, "store.sqlite"), wanted),
                microseconds(
                    lambda n: call_of(FORECAST, {"days": 5, "city": f"city {n}"}).key, wanted
                ),
                plain(Path(folder, "plain.sqlite"), rows, wanted),
            ]
        table.add_row(f"{rows:,}", *[f"{median:.0f} / {tail:.0f}" for median, tail in cells])
    Console().print(table)


if __name__ == "__main__":
    main()
