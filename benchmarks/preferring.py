"""Preferences between two planners, of one run or of two: kept in a file and completed later."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from ..core import Budget, Journal, Task, UsageError
from ..core.lines import LineFile, read_lines
from .judges.voting import Hearing
from .preference import PairJudge, Preference, by_outcome, shown
from .rundir import locked
from .scored import Item, ScoredRun
from .trial import Trial

FORMAT: Final = 2  # 1 did not say which answers it was about
FILE: Final = "preferences.jsonl"  # in the first side's run directory


@dataclass(frozen=True)
class Side:
    """One planner of a run."""

    run: ScoredRun
    planner: str

    @property
    def name(self) -> str:
        """What it is called in the file: the run's folder and the planner."""
        return f"{self.run.path.resolve().name}:{self.planner}"


class Pair(NamedTuple):
    """Two trials of one task; the second is None where the other side has none planned."""

    first: Item
    second: Item | None

    @property
    def lengths(self) -> tuple[int, int]:
        """Of both answers, in characters."""
        first, second = (
            len((item.trial.answer if item and item.trial else None) or "") for item in self
        )
        return first, second


def pairs(first: Side, second: Side) -> list[Pair]:
    """Every planned trial of the first side with the second's of the same task and repetition.

    Tasks are the same where suite and content are, or where the content is and stands once.
    """
    there: dict[tuple[str, str, int], Item] = {}
    for item in second.run.of(second.planner):
        there.setdefault((item.key.suite, item.digest, item.key.trial), item)
        there.setdefault(("", item.digest, item.key.trial), item)
    found = []
    for item in first.run.of(first.planner):
        suite, digest, trial = item.key.suite, item.digest, item.key.trial
        other = there.get((suite, digest, trial)) or there.get(("", digest, trial))
        found.append(Pair(item, other))
    return found


@dataclass
class Preferring:
    """One pair judge on the pairs of two sides.

    Args:
        first, second: the sides; the first one's run directory gets the file.
        spec: of the judge's model, under which its preferences are kept.
        judge: the judge.
        budget: what all looks together may cost.
        seed: of the requests.
        timeout: seconds for one request.
    """

    first: Side
    second: Side
    spec: str
    judge: PairJudge
    budget: Budget
    seed: int = 0
    timeout: float = 600.0

    async def prefer(
        self, tasks: Mapping[tuple[str, str], Task], *, concurrency: int = 8
    ) -> list[tuple[Pair, Preference]]:
        """The preference on every pair, in order; what is known and complete is taken as it is.

        Raises:
            UsageError: a task is gone, or is not the one that was run.
        """
        path = self.first.run.path / FILE
        known = self._known(read_lines(path)[0])
        found: dict[int, Preference] = {}
        owed: deque[int] = deque()
        all_pairs = pairs(self.first, self.second)
        for i, pair in enumerate(all_pairs):
            settled = by_outcome(
                pair.first.outcome, pair.second.outcome if pair.second else "missing"
            )
            if settled is not None:
                found[i] = settled
                continue
            old = known.get(self._key(pair))
            if old is not None and not self._owes(old):
                found[i] = old
            else:
                self._check(pair, tasks)
                owed.append(i)
        with locked(self.first.run.path), closing(LineFile(path)) as file:

            async def worker() -> None:
                while owed:
                    i = owed.popleft()
                    found[i] = await self._look(all_pairs[i], tasks)
                    head = {"format": FORMAT, "judge": self.spec, **self._named(all_pairs[i])}
                    file.append({**head, **found[i].to_json()})

            await asyncio.gather(*[worker() for _ in range(min(concurrency, len(owed)))])
            await file.synced()
        return [(pair, found[i]) for i, pair in enumerate(all_pairs)]

    async def _look(self, pair: Pair, tasks: Mapping[tuple[str, str], Task]) -> Preference:
        one = pair.first
        task = tasks[one.key.suite, one.key.task]
        trials = self._trials(pair)
        told = repr((self.judge.by, self.seed, task.digest, [shown(trial) for trial in trials]))
        mark = blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        journal = Journal.open(self.first.run.path / "judging" / f"pair-{mark}.jsonl")
        journal.forget_limits()
        try:
            hearing = Hearing(journal, self.budget, self.seed, self.timeout)
            made = await self.judge(task, trials, hearing)
            await journal.synced()
            return made
        finally:
            journal.close()

    def _check(self, pair: Pair, tasks: Mapping[tuple[str, str], Task]) -> None:
        suite, task = pair.first.key.suite, pair.first.key.task
        found = tasks.get((suite, task))
        if found is None or found.digest != pair.first.digest:
            what = "no longer has the task" if found is None else "now has another task under"
            raise UsageError(f"suite {suite} {what} {task!r}: its answers cannot be compared")

    def _trials(self, pair: Pair) -> tuple[Trial, Trial]:
        assert pair.second is not None, "a pair of one is settled by its outcome"
        return (
            self.first.run.directory.load(pair.first.key),
            self.second.run.directory.load(pair.second.key),
        )

    def _owes(self, known: Preference) -> bool:
        return (
            known.choice == "unjudged"
            or known.by != self.judge.by
            or len(known.looks) < 2 * self.judge.votes
        )

    def _named(self, pair: Pair) -> dict[str, object]:
        key = pair.first.key
        return {
            "suite": key.suite, "task": key.task, "digest": pair.first.digest, "trial": key.trial,
            "first": self.first.name, "second": self.second.name, "answers": self._answers(pair),
        }  # fmt: skip

    def _answers(self, pair: Pair) -> str:
        """A hash of what is shown: a folder of the same name may hold other answers."""
        told = repr([shown(trial) for trial in self._trials(pair)])
        return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def _key(self, pair: Pair) -> tuple[object, ...]:
        return tuple(self._named(pair).values())

    def _known(
        self, records: Sequence[Mapping[str, object]]
    ) -> dict[tuple[object, ...], Preference]:
        names = ("suite", "task", "digest", "trial", "first", "second", "answers")
        return {
            tuple(record[name] for name in names): Preference.from_json(record)
            for record in records
            if record.get("format") == FORMAT and record["judge"] == self.spec
        }
