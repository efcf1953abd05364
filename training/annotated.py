"""What training data is made of: the trials of a run that a judge passed, one by one.

A run is read as it is: its trials with their trees, its verdicts, its journals. A trial that gives
no data is counted by the reason, so that the counts of a data set add up to the trials planned.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal

from ..benchmarks.offering import GIVEN, offered_in
from ..benchmarks.rundir import RunDirectory
from ..benchmarks.scored import ScoredRun, tasks_of
from ..benchmarks.trial import Key, Trial
from ..core import API, FINISH, BadArguments, Node, Task, UsageError, world
from ..core.finish import API_DOC
from ..core.lines import scan

Keep = Literal["passed", "all"]

# What a model did wrong, whatever the tools did: never to be learnt, only to be recovered from.
MISTAKES: Final = frozenset({"no_such_api", "bad_arguments", "bad_finish"})

# Why trials of a run with --apis retrieve:.. that was made before runs kept this give no data.
UNRECORDED: Final = "without a record of what a retriever found"


class LeftOut(Exception):
    """A trial gives no data, for this reason."""


@dataclass(frozen=True)
class Solved:
    """A trial that answered, and what is needed to word it again.

    Attributes:
        trial: with its tree.
        task: as it was offered: with the APIs of its environment where it names none itself.
        observation: what the environment showed beside the instruction at the start.
    """

    trial: Trial
    task: Task
    observation: str = ""

    @property
    def id(self) -> str:
        """A name for it that no other trial of its run has."""
        key = self.trial.key
        return f"{key.suite}/{key.task}/{key.planner}/{key.trial}"

    @cached_property
    def offered(self) -> tuple[API, ...]:
        """All that the model could call, Finish last, as the Session offers it."""
        apis = self.task.apis
        return apis if any(api.name == FINISH for api in apis) else (*apis, API_DOC)

    @property
    def winner(self) -> Node:
        """The node that answered.

        Raises:
            LeftOut: none did.
        """
        tree = self.trial.tree
        node = tree.find(tree.winner) if tree.winner else None
        if node is None or not node.solved:
            raise LeftOut("no answer")
        return node


class AnnotatedRun:
    """The trials of one run that give data, in the order planned; one tree in memory at a time.

    Args:
        path: the run directory.
        judge: by whose verdicts; the run's own if not given.
        keep: ``passed``, or ``all`` that answered, whatever a judge says.

    Attributes:
        left_out: how many trials gave nothing, by reason; counted as they are read.
        planned: trials planned.
        damaged: torn or changed lines of the run's files; what stood there counts as missing.

    Raises:
        UsageError: no run is there, or the judge did not judge it, or a suite is gone.
    """

    def __init__(self, path: Path, *, judge: str | None = None, keep: Keep = "passed") -> None:
        if keep not in ("passed", "all"):
            raise UsageError(f"keep={keep!r}: expected passed or all")
        self.directory = RunDirectory(path)
        self.scored = ScoredRun(self.directory, judge)
        self.path, self.keep, self.judge = path, keep, judge
        self.planned, self.damaged = len(self.scored.items), self.directory.damaged
        self.left_out: Counter[str] = Counter()
        self._tasks = tasks_of(self.directory)
        self._worlds: dict[str, tuple[API, ...]] = {}
        self._found = self.directory.config["identity"].get("apis", GIVEN) != GIVEN

    def __iter__(self) -> Iterator[Solved]:
        self.left_out.clear()
        for item in self.scored.items:
            wanted = item.outcome == "passed"
            if self.keep == "all":
                wanted = item.trial is not None and item.trial.end == "answered"
            if not wanted:
                self.left_out[item.outcome] += 1
                continue
            task = self._tasks.get((item.key.suite, item.key.task))
            if task is None or task.digest != item.digest:
                self.left_out["the task changed since"] += 1
                continue
            offered = self._offered(item.key, task)
            if offered is None:
                self.left_out[UNRECORDED] += 1
                continue
            trial = self.directory.load(item.key)
            yield Solved(trial, offered, self._observation(item.key))

    def leave_out(self, reason: str) -> None:
        """Count a trial that its reader could not use."""
        self.left_out[reason] += 1

    def source(self) -> dict[str, Any]:
        """Where the data comes from, for the data set's own record."""
        config = self.directory.config
        identity: Mapping[str, Any] = config["identity"]
        judges = self.scored.judges
        return {
            "run": str(self.path),
            "identity": digest_of(identity),
            "suites": {name: s["digest"] for name, s in identity["suites"].items()},
            "planners": list(self.scored.planners),
            "model": identity.get("model"),
            "env": identity.get("env"),
            "policy": identity.get("policy"),
            "prompts": identity.get("prompts"),
            "seed": identity.get("seed"),
            "trials": self.scored.trials,
            "judge": judges if len(set(judges.values())) > 1 else next(iter(judges.values()), ""),
            "versions": config.get("versions", {}),
            "planned": self.planned,
            "damaged": self.damaged,
            "left_out": dict(sorted(self.left_out.items())),
        }

    def _offered(self, key: Key, task: Task) -> Task | None:
        """The task as ``bench`` ran it; None where nothing says what a retriever found for it.

        With the environment's functions where it names none, or with what a retriever found.
        """
        if self._found:
            records = (record for _, record in scan(self.path / "journal" / key.file))
            found = offered_in(records)
            return None if found is None else replace(task, apis=found)
        if task.apis:
            return task
        env = self.directory.config["identity"]["env"]
        spec = str(env[key.suite] if isinstance(env, Mapping) else env)
        if spec not in self._worlds:
            self._worlds[spec] = asyncio.run(_functions(spec))
        return replace(task, apis=self._worlds[spec])

    def _observation(self, key: Key) -> str:
        """What the environment showed at the start, from the journal; "" where there is none."""
        shown = ""
        for _, record in scan(self.path / "journal" / key.file):
            if record is not None and record.get("key") == "0:reset":
                shown = str(record.get("got") or "")
        return shown


async def _functions(spec: str) -> tuple[API, ...]:
    async with world(spec) as found:
        return tuple(found.apis)


def digest_of(identity: Mapping[str, Any]) -> str:
    """A hash of a run's identity: two runs with one are the same run, as far as specs say."""
    text = json.dumps(identity, sort_keys=True)
    return blake2b(text.encode(), digest_size=12).hexdigest()


def solution_path(
    solved: Solved, *, recoveries: bool = True, max_errors: int | None = None
) -> tuple[Node, ...]:
    """The nodes from below the root to the answer.

    Args:
        solved: the trial.
        recoveries: keep the steps that failed and what followed from them; else they are left
            out of the path, as if they had never been made.
        max_errors: paths with more failed steps than this give nothing.

    Raises:
        LeftOut: there is no answer, or too much failed.
    """
    nodes = solved.winner.path()[1:]
    failed = sum(map(misled, nodes))
    if max_errors is not None and failed > max_errors:
        raise LeftOut("too many errors")
    if not recoveries:
        nodes = [node for node in nodes if not misled(node)]
    return tuple(nodes)


def narrowed(
    solved: Solved, least: int, most: int, seed: int = 0, called: Iterable[str] = ()
) -> Solved:
    """The trial as if fewer functions had been offered: shorter prompts to learn from.

    Those that the solution path calls and those that the task needs stay, in the order offered;
    others are drawn, up to a number of functions between ``least`` and ``most`` that is drawn,
    too. Draws depend on the seed and the trial's name alone.

    Args:
        solved: the trial.
        least: functions, where so many were offered.
        most: functions, unless more than that have to stay.
        seed: of the draws.
        called: functions that stay, too: those that messages beside the path call.
    """
    rng = random.Random(f"{seed}/{solved.id}")
    wanted = rng.randint(least, most)
    on_path = {node.action.api for node in solved.winner.path() if node.action is not None}
    needed = on_path | set(solved.task.relevant) | set(called)
    others = [api for api in solved.task.apis if api.name not in needed]
    room = max(0, wanted - (len(solved.task.apis) - len(others)))
    drawn = {api.name for api in rng.sample(others, min(room, len(others)))}
    apis = tuple([api for api in solved.task.apis if api.name in needed | drawn])
    return replace(solved, task=replace(solved.task, apis=apis))


def misled(node: Node) -> bool:
    """Whether a step led nowhere by itself: no call, or one that failed."""
    if node.action is None or node.failed is not None:
        return True
    return node.step is None or not (node.solved or node.step.info.status == "ok")


def learnable(node: Node, names: frozenset[str]) -> bool:
    """Whether the turn is worth repeating: a call that was offered, written as it should be.

    Calls that failed by the tools' fault (a timeout, a limit) are; the model's own mistakes are
    not: a function that does not exist, arguments that are no JSON object, no call at all.
    """
    action = node.action
    if action is None or node.failed is not None or action.api not in names:
        return False
    if node.step is not None and node.step.info.status in MISTAKES:
        return False
    try:
        action.kwargs()
    except BadArguments:
        return False
    return True
