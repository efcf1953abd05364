"""A world that asks a loopback server, and a process that asks it for many calls at once.

Run as ``python store_hammer.py STORE URL CALLS KEYS SEED``: it makes so many calls over so many
keys through the store, all at once, and prints how many gave the right answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from toolgrove.core import API, Action, CallWorld, Step, StepInfo, Task
from toolgrove.envs.store.world import StoreWorld

DOUBLE = API(
    "double", parameters={"type": "object", "properties": {"n": {"type": "integer"}}}, tool="Sums"
)
TASK = Task("t", "double it", (DOUBLE,))


class Upstream(CallWorld):
    """A server that answers GET /?n=N with a number."""

    apis = (DOUBLE,)

    def __init__(self, url: str) -> None:
        self.url, self.client = url, httpx.AsyncClient(timeout=30, trust_env=False)

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        got = await self.client.get(self.url, params=dict(arguments))
        body = json.dumps({"error": "", "response": got.json()})
        return Step(body, info=StepInfo("ok" if got.status_code == 200 else "unavailable", "live"))

    async def close(self) -> None:
        await self.client.aclose()


async def hammer(store: Path, url: str, calls: int, keys: int, seed: int) -> int:
    drawn = random.Random(seed)
    wanted = [n % keys for n in range(calls)]
    drawn.shuffle(wanted)
    async with StoreWorld(store, Upstream(url), "record-missing", lease=2.0) as world:

        async def one(n: int) -> bool:
            env = world.env()
            await env.reset(TASK, seed=0)
            step = await env.step(Action("double", json.dumps({"n": n})))
            return bool(json.loads(step.observation)["response"] == {"twice": 2 * n})

        return sum(await asyncio.gather(*(one(n) for n in wanted)))


if __name__ == "__main__":
    file, address, *numbers = sys.argv[1:]
    print(asyncio.run(hammer(Path(file), address, *map(int, numbers))))
