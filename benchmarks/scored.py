"""A run as its verdicts count it: every planned trial has an outcome, and a value or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..core import Task, UsageError
from .judges import Verdict
from .rundir import RunDirectory
from .summary import outcome
from .trial import Key, Trial

# Outcomes that say nothing of the planner: nobody could judge, or the trial was never finished.
UNKNOWN = frozenset({"unjudged", "missing", "infra", "cancelled", "env_miss"})


class Item(NamedTuple):
    """One planned trial.

    Attributes:
        key: what it is called.
        digest: of its task's content: equal tasks of two runs pair by it.
        outcome: ``passed failed unjudged``, or an end that is no answer, or ``missing``.
        value: what it counts, from 0 to 1; None for an outcome in ``UNKNOWN``.
        trial: its record without the tree; None if it was not run.
        verdict: the judge's, if there is one.
    """

    key: Key
    digest: str
    outcome: str
    value: float | None
    trial: Trial | None
    verdict: Verdict | None


class ScoredRun:
    """A run directory, read with one judge's verdicts.

    Args:
        path: the run directory, or one opened already.
        judge: the spec whose verdicts count; else the run's own, each suite's its own.

    Attributes:
        directory: the files; ``directory.load(key)`` reads a trial with its tree.
        judges: the judge's spec for each suite.
        planners: specs, as planned.
        tasks: for each suite the planned tasks' ids, each with its digest.
        trials: planned repetitions of each task.
        items: every planned trial, in the order planned: planner, suite, task, repetition.

    Raises:
        UsageError: no run is there, or nothing of it was judged by that judge.
    """

    def __init__(self, path: Path | RunDirectory, judge: str | None = None) -> None:
        self.directory = path if isinstance(path, RunDirectory) else RunDirectory(path)
        self.path = self.directory.path
        config, identity = self.directory.config, self.directory.config["identity"]
        self.tasks: dict[str, dict[str, str]] = config.get("tasks") or _from_suites(identity)
        own = config["judge"]
        self.judges = {s: judge or (own if isinstance(own, str) else own[s]) for s in self.tasks}
        self.planners: list[str] = list(identity["planners"])
        self.trials = int(identity["trials"])
        there = self.directory.verdicts
        if judge is not None and judge not in there:
            known = ", ".join(sorted(there)) or "none"
            raise UsageError(
                f"{self.path} has no verdicts of the judge {judge!r}; of: {known}. "
                f"`toolgrove score {self.path} --judge {judge}` gives them"
            )
        self.items = [self._item(key, digest, there) for key, digest in self._planned()]
        self._by_key = {item.key: item for item in self.items}

    def __getitem__(self, key: Key) -> Item:
        return self._by_key[key]

    def of(self, planner: str, suite: str | None = None) -> list[Item]:
        """The planned trials of a planner, of one suite or of all."""
        return [i for i in self.items if i.key.planner == planner and suite in (None, i.key.suite)]

    def _planned(self) -> Iterator[tuple[Key, str]]:
        for planner in self.planners:
            for suite, tasks in self.tasks.items():
                for task, digest in tasks.items():
                    for trial in range(self.trials):
                        yield Key(suite, task, planner, trial), digest

    def _item(self, key: Key, digest: str, verdicts: Mapping[str, Mapping[Key, Verdict]]) -> Item:
        trial = self.directory.trials.get(key)
        verdict = verdicts.get(self.judges[key.suite], {}).get(key)
        found = outcome(trial, verdict)
        value: float | None = None
        if found not in UNKNOWN:
            value = 0.0
            if verdict is not None and trial is not None and trial.end == "answered":
                value = verdict.value
        return Item(key, digest, found, value, trial, verdict)


def tasks_of(directory: RunDirectory) -> dict[tuple[str, str], Task]:
    """The tasks of a run's suites as they are now, by suite and id.

    Raises:
        UsageError: a suite is gone or cannot be read.
    """
    from .suites import load_suites

    return {
        (name, task.id): task
        for name in directory.config["identity"]["suites"]
        for suite in load_suites(name)
        for task in suite.tasks
    }


def _from_suites(identity: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The planned tasks of a run that was begun before run.json named them."""
    from .suites import load_suites

    found: dict[str, dict[str, str]] = {}
    for name in identity["suites"]:
        for suite in load_suites(name):
            found[name] = {task.id: task.digest for task in suite.tasks[: identity["limit"]]}
    return found
