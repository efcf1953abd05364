"""Facts kept: whether the answers of tasks still follow from what a model is shown.

Each task's known solution is run on a trimmed world: its calls take what they need from the
short observations, and its answer is concluded from them. So a fact that compression took away
is a task whose path breaks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..core import Task, ToolEnv, ToolError, UsageError, World
from ..core.deadline import within
from ..core.solution import Solution
from ..envs.observations import Counter as CounterName
from ..envs.trimmed import TrimmedWorld

TIMEOUT: Final = 60.0  # seconds for one call
NAMED: Final = 10  # functions that a report names


@dataclass
class Facts:
    """How many tasks can still be answered.

    Attributes:
        tasks: with a known solution and answer.
        kept: those whose answer follows from the observations.
        calls: observations made; tokens before and after.
        lost: by the function whose observation lacks what was needed.
    """

    tasks: int = 0
    kept: int = 0
    calls: int = 0
    before: int = 0
    after: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told = {**vars(self), "lost": dict(self.lost.most_common(NAMED))}
        return {**told, "share": round(self.kept / self.tasks, 4) if self.tasks else None}


def solved_tasks(tasks: Iterable[Task]) -> list[Task]:
    """The tasks whose solution and answer are known.

    Raises:
        UsageError: there is none.
    """
    found = [task for task in tasks if "solution" in task.extra and task.answer is not None]
    if not found:
        raise UsageError("no task of the suite has a known solution: check with a suite of the hub")
    return found


async def facts_kept(
    tasks: Sequence[Task],
    world: World,
    limit: int,
    keep: Path | None = None,
    *,
    counter: CounterName = "auto",
) -> Facts:
    """Run the solutions of tasks on a world whose observations are compressed, and cut.

    Args:
        tasks: with solutions; see :func:`solved_tasks`.
        world: that they are solved in.
        limit: tokens to which observations are cut.
        keep: a keep-file; without it they are only cut.
        counter: of tokens.
    """
    trimmed = TrimmedWorld(world, tokens=limit, keep=str(keep or ""), counter=counter)
    facts = Facts()
    env = trimmed.env()
    try:
        for task in tasks:
            await _follow(task, env, facts)
    finally:
        await env.close()
    return facts


async def _follow(task: Task, env: ToolEnv, facts: Facts) -> None:
    solution = Solution.from_json(task.extra["solution"])
    facts.tasks += 1
    await env.reset(task, seed=0)
    results: list[str] = []
    for i, (name, _) in enumerate(solution.steps):
        action = solution.call(i, results)
        if '"#E' in action.arguments:
            facts.lost[_source(action.arguments, solution)] += 1
            return
        try:
            step = await within(TIMEOUT, env.step(action))
        except (ToolError, TimeoutError):
            facts.lost[name] += 1
            return
        about = (step.info.detail or {}).get("trimmed")
        facts.calls += 1
        if isinstance(about, Mapping):
            facts.before += int(about["tokens"])
            facts.after += int(about["kept"])
        results.append(step.observation)
    answer = solution.conclude(results)
    if same(answer, task.answer):
        facts.kept += 1
    else:
        references = json.dumps([*solution.of, *solution.names])
        facts.lost[_source(references, solution)] += 1


def _source(text: str, solution: Solution) -> str:
    """The function that the first reference in a text is to; "" without one."""
    number = text.partition("#E")[2].partition(".")[0].partition('"')[0]
    place = int(number) - 1 if number.isdecimal() else -1
    return solution.steps[place][0] if 0 <= place < len(solution.steps) else ""


def same(answer: Any, wanted: Any) -> bool:
    """Whether two answers are the same JSON value."""
    return json.dumps(answer, sort_keys=True) == json.dumps(wanted, sort_keys=True)
