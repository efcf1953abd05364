"""The offline source: the hub's own tasks, which need no teacher and have checkable answers.

They were made by benchmarks/hub/make.py: questions over the hub's type graph, answers computed
by the hub itself. Here a seeded choice of them is written in the layout of ``data instruct``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ...core import Task, UsageError
from .held import Held, tool_of
from .pipeline import TEST_SHARE
from .sampling import Level

_TESTS: Final[dict[Level, tuple[str, ...]]] = {
    "I1": ("i1-inst", "i1-tool", "i1-cat"),
    "I2": ("i2-inst", "i2-cat"),
    "I3": ("i3-inst",),
}


def hub_sets(levels: Sequence[Level], tasks: int, seed: int) -> dict[str, list[Task]]:
    """A number of tasks of each level: a tenth in each test suite, the rest to train on.

    Raises:
        UsageError: the hub's libraries are missing, or it has fewer tasks.
    """
    from ...benchmarks.hub.suite import read_set

    out: dict[str, list[Task]] = {}
    for level in levels:
        test = max(1, round(tasks * TEST_SHARE))
        shares = dict.fromkeys(_TESTS[level], test)
        shares[f"train-{level.lower()}"] = max(1, tasks - sum(shares.values()))
        for name, count in shares.items():
            found = read_set(name)
            if count > len(found):
                raise UsageError(
                    f"--tasks {tasks} needs {count} tasks of hub:{name}, which has {len(found)}"
                )
            rng = random.Random(f"{seed}/{name}")
            chosen = sorted(rng.sample(range(len(found)), count))
            out[name] = [_told(found[at], name, seed) for at in chosen]
    return out


def hub_held() -> Held:
    """What the hub's test suites hold out."""
    from ...envs.hub.registry import offered

    return Held.of_hub(offered())


def _told(task: Task, name: str, seed: int) -> Task:
    tools = dict.fromkeys(tool_of(api) for api in task.apis if api.name in task.relevant)
    extra: dict[str, Any] = {
        **task.extra,
        "tools": [list(tool) for tool in tools],
        "category": sorted({category for category, _ in tools}),
        "teacher": "hub",
        "sample": f"hub:{name}",
        "seed": seed,
    }
    return replace(task, extra=extra)
