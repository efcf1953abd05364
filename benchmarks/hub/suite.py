"""The suites ``hub:i1-inst`` .. ``hub:i3-inst`` and ``hub:train-i1`` ..: tasks and answers."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ...core import Task, UsageError
from ...core.solution import Solution
from ...envs.hub.registry import Endpoint, by_function, endpoints
from ..suites import Suite, select
from .expressions import execute
from .fingerprint import fingerprint

SETS = ("i1-inst", "i1-tool", "i1-cat", "i2-inst", "i2-cat", "i3-inst")
TRAIN = ("train-i1", "train-i2", "train-i3")
NEEDS = "the hub's tasks need its libraries: pip install 'toolgrove[hub]'"


def read_set(name: str) -> list[Task]:
    """The tasks of a set.

    Where the libraries or the data pack differ from those that the answers were made with, the
    solutions are executed anew: the answer is the hub's of today, and a task whose solution no
    longer works is left out, which stderr says.

    Raises:
        UsageError: there is no such set, or an API that its tasks offer is not installed.
    """
    if name not in (*SETS, *TRAIN):
        raise UsageError(f"the hub has no suite {name!r}; there are: {', '.join((*SETS, *TRAIN))}")
    head, *records = _records(name)
    known = endpoints()
    missing = {id for record in records for id in record["path"]} - set(known)
    if missing:
        raise UsageError(f"{NEEDS} ({len(missing)} APIs are missing, as {sorted(missing)[0]})")
    made = head["fingerprint"]
    moved = {lib for lib, was in fingerprint(k for k in made if k != "pack").items()
             if made.get(lib) != was}  # fmt: skip
    tasks, lost = [], []
    for record in records:
        if moved and ("pack" in moved or moved & _libs(record, known)):
            answer = _recomputed(record)
            if answer is None:
                lost.append(record["id"])
                continue
            record = {**record, "answer": answer}
        tasks.append(task_of(record, known))
    if lost:
        print(f"hub:{name}: {len(lost)} tasks no longer work with the installed libraries and are "
              f"left out: {', '.join(lost[:5])}", file=sys.stderr)  # fmt: skip
    return tasks


def _records(name: str) -> Iterator[dict[str, Any]]:
    path = files("toolgrove.benchmarks.hub") / "data" / f"{name}.jsonl.gz"
    for line in gzip.decompress(path.read_bytes()).splitlines():
        yield json.loads(line)


def _libs(record: Mapping[str, Any], known: Mapping[str, Endpoint]) -> set[str]:
    return {lib for id in record["path"] for lib in known[id].libs}


def _recomputed(record: Mapping[str, Any]) -> Any:
    done = execute(Solution.from_json(record["solution"]), by_function())
    return None if done is None else done[1]


def task_of(record: Mapping[str, Any], known: Mapping[str, Endpoint]) -> Task:
    """The task of a line; offered APIs that are not installed are left out (no path needs them)."""
    offered = [known[id] for id in record["offered"] if id in known]
    alternatives: Mapping[str, Any] = record["alternatives"]
    return Task(
        id=record["id"],
        instruction=record["instruction"],
        apis=tuple(endpoint.api for endpoint in offered),
        relevant=tuple(known[id].api.name for id in record["path"]),
        answer=record["answer"],
        group=record["level"],
        extra={
            "type": record["type"],
            "solution": record["solution"],
            "alternatives": {known[id].api.name: w for id, w in alternatives.items()},
            "hub": {key: record[key] for key in ("path", "alternatives", "renames")},
            "skeleton": record["skeleton"],
            "seeds": record["seeds"],
            "literals": record["literals"],
        },
    )


@cache
def _kept(name: str) -> tuple[Task, ...]:
    """A set is read once: a run and its export ask for it in turn."""
    return tuple(read_set(name))


def HubSuite(set: str, ids: str | None = None, steps: int | None = None) -> Suite:
    """Tasks over the embedded APIs, with ground truth.

    Args:
        set: ``i1-inst``, ``i1-tool``, ``i1-cat``, ``i2-inst``, ``i2-cat`` or ``i3-inst``; or
            ``train-i1``, ``train-i2`` or ``train-i3``.
        ids: only these tasks, as for ``toolbench``.
        steps: only tasks whose solution makes so many calls.
    """
    name = f"hub:{set}"
    tasks = select(_kept(set), ids, name)
    if steps is not None:
        tasks = [task for task in tasks if len(task.extra["solution"]["steps"]) == steps]
    return Suite(name, tuple(tasks), "simulated", "hub", "truth")
