"""Solution paths by search: a benchmark's run whose spend as a whole is capped.

A planner and a teacher run over tasks as ``bench`` runs them (ToolLLM, section 2.3, took DFSDT
and ChatGPT), into an ordinary run directory: every effect is in a journal, and the same command
resumes. What is added here: caps on the whole run, an end when enough paths were found, and a
record of what failed. :mod:`.export` makes training data of the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..benchmarks.judges import Verdict
from ..benchmarks.rundir import RunDirectory
from ..benchmarks.runner import Observer
from ..benchmarks.trial import OWED, Key, Trial
from ..core import UsageError
from ..core.journal import spend_of
from ..core.lines import scan

CAPPED: Final = ("calls", "tokens", "usd", "steps")


@dataclass
class Meter:
    """Counts what a whole run has spent and found, and says when it is enough.

    A call is counted when its effect is written, so the caps are passed by calls in flight only.

    Args:
        caps: the most that the run may spend, by kind.
        wanted: solution paths to find; None is as many as there are tasks.
        stop: called once, when a cap is reached or the paths are found.

    Attributes:
        spent: by kind, with what earlier lives of the run spent.
        found: solution paths.
        reached: what ended it: a kind of spend, ``wanted``, or "".
    """

    caps: Mapping[str, float]
    wanted: int | None
    stop: Callable[[], None]
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAPPED, 0.0))
    found: int = 0
    reached: str = ""

    def __post_init__(self) -> None:
        if unknown := set(self.caps) - set(CAPPED):
            kinds = ", ".join(CAPPED)
            raise UsageError(f"--total {unknown.pop()}: the whole run is capped in {kinds}")
        if self.wanted is not None and self.wanted < 1:
            raise UsageError("--wanted must be 1 or more")

    def carry(self, directory: RunDirectory, judge: Callable[[str], str]) -> None:
        """Count what the run's earlier lives spent and found, a model judge's calls included.

        Args:
            directory: the run.
            judge: the judge's spec, by a suite's name.
        """
        finished = set()
        for key, trial in directory.trials.items():
            verdict = directory.verdicts.get(judge(key.suite), {}).get(key)
            self.found += verdict is not None and verdict.decision == "passed"
            if trial.end not in OWED:
                finished.add(key.file)
                self._add(trial.spent)
        for file in (directory.path / "journal").glob("*.jsonl"):
            if file.name not in finished:
                self._add(_spent_by(file))
        for file in (directory.path / "judging").glob("*.jsonl"):
            self._add(_spent_by(file))
        self._check()

    def effect(self, record: Mapping[str, Any]) -> None:
        """One more effect was written."""
        self._add(spend_of(record))
        self._check()

    def verdict(self, verdict: Verdict | None) -> None:
        """One more trial ended."""
        self.found += verdict is not None and verdict.decision == "passed"
        self._check()

    def _add(self, spent: Mapping[str, float]) -> None:
        for kind in CAPPED:
            self.spent[kind] += spent.get(kind, 0)

    def _check(self) -> None:
        if self.reached:
            return
        over = next((k for k, cap in self.caps.items() if self.spent[k] >= cap), "")
        if not over and self.wanted is not None and self.found >= self.wanted:
            over = "wanted"
        if over:
            self.reached = over
            self.stop()


def _spent_by(journal: Path) -> dict[str, float]:
    """What the effects in a journal cost; a restart says what all before it did."""
    spent = dict.fromkeys(CAPPED, 0.0)
    for _, record in scan(journal):
        if record is not None and "restart" in record:
            spent = {kind: record["spent"].get(kind, 0.0) for kind in CAPPED}
        elif record is not None:
            for kind, amount in spend_of(record).items():
                spent[kind] += amount
    return spent


@dataclass(frozen=True)
class Metered:
    """An observer of a run that tells the meter, too."""

    meter: Meter
    observer: Observer

    def started(self, total: int, done: int) -> None:
        """The run begins."""
        self.observer.started(total, done)

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        """One more trial is done."""
        self.observer.ended(trial, verdict)
        self.meter.verdict(verdict)


def failures(
    directory: RunDirectory, keys: list[Key], judge: Callable[[str], str]
) -> Iterator[dict[str, Any]]:
    """What gave no solution path, and why, in the order planned.

    A trial that was not run, has to be run again, or has an answer that could not be judged, is
    none of them: it is owed.
    """
    for key in keys:
        if not directory.finished(key):
            continue
        trial = directory.trials[key]
        verdict = directory.verdicts.get(judge(key.suite), {}).get(key)
        if trial.end == "answered" and (verdict is None or verdict.decision != "failed"):
            continue
        why = trial.end if verdict is None else verdict.decision
        reason = trial.error or trial.limit if verdict is None else verdict.reason
        yield {
            **key._asdict(),
            "outcome": why,
            "reason": reason or "",
            "answer": trial.answer,
            "spent": {kind: trial.spent[kind] for kind in CAPPED},
        }


def report(
    directory: RunDirectory,
    keys: list[Key],
    judge: Callable[[str], str],
    failed: Sequence[Mapping[str, Any]],
    meter: Meter,
) -> dict[str, Any]:
    """What an annotation came to: planned, solved, failed by outcome, owed, and its spend."""
    outcomes = Counter(row["outcome"] for row in failed)
    decided = [directory.verdicts.get(judge(key.suite), {}).get(key) for key in keys]
    solved = sum(verdict is not None and verdict.decision == "passed" for verdict in decided)
    return {
        "planned": len(keys),
        "solved": solved,
        "failed": dict(sorted(outcomes.items())),
        "owed": len(keys) - solved - sum(outcomes.values()),
        "spent": {kind: round(amount, 6) for kind, amount in meter.spent.items()},
        "stopped_by": meter.reached,
    }


def places(out: Path) -> dict[str, Path]:
    """Where an annotation keeps its parts: the run, the data sets, what failed."""
    return {
        "run": out / "run",
        "sft": out / "sft",
        "dpo": out / "dpo",
        "failures": out / "failures.jsonl",
        "report": out / "annotation.json",
    }
