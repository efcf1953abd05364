"""Scoring: verdicts on the answered trials of a run, now or later, without running them again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from ..core import Budget, Journal, Task, UsageError
from ..core.deadline import Overdue, within
from .judges import Hearing, Judge, ModelJudge, Verdict
from .judges.voting import path_of
from .rundir import RunDirectory
from .trial import Key, Trial


@dataclass
class Scorer:
    """One judge on the trials of a run directory, open for writing.

    What was decided stays; what is owed is judged: an answer made anew, a verdict that nobody
    could give, a missing vote, one by another model or other prompts. Verdicts never change trials.

    Args:
        directory: where trials, verdicts and the judge's journals are.
        spec: the judge's, under which its verdicts are kept.
        judge: the judge.
        budget: what new votes may cost in all.
        seed: of a model judge's requests, and of ties.
        timeout: seconds for one request, or for one verdict of a judge that asks no model.
    """

    directory: RunDirectory
    spec: str
    judge: Judge | ModelJudge
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    timeout: float = 600.0

    def known(self, key: Key) -> Verdict | None:
        """The verdict that there is."""
        return self.directory.verdicts.get(self.spec, {}).get(key)

    def owes(self, key: Key) -> bool:
        """Whether the trial answered, and its verdict is still to be given or to be completed."""
        trial, known = self.directory.trials.get(key), self.known(key)
        if trial is None or trial.end != "answered":
            return False
        if known is None or not known.complete:
            return True
        if isinstance(self.judge, ModelJudge):
            return known.by != self.judge.by or len(known.votes) < self.judge.votes
        return False

    async def score(self, task: Task, trial: Trial) -> Verdict:
        """The verdict on an answered trial that has its tree; it is kept where it is new."""
        known = self.known(trial.key)
        verdict = await self.decide(task, trial)
        if verdict != known:
            self.directory.add_verdict(trial.key, self.spec, verdict)
        return verdict

    async def decide(self, task: Task, trial: Trial) -> Verdict:
        """The verdict on an answered trial with its tree; only a model judge's votes are kept."""
        judge = self.judge
        try:
            if isinstance(judge, ModelJudge):
                verdict = await self._heard(judge, task, trial)
            else:
                verdict = await within(self.timeout, judge(task, trial))
            if not isinstance(verdict, Verdict):
                raise TypeError(f"it returned {type(verdict).__name__}, not a Verdict")
        except Overdue:
            return Verdict("unjudged", f"the judge took over {self.timeout:g} s")
        except Exception as error:
            return Verdict("unjudged", f"the judge raised {type(error).__name__}: {error}")
        return verdict

    async def _heard(self, judge: ModelJudge, task: Task, trial: Trial) -> Verdict:
        """A model judge's verdict; its votes are journaled by what they were given on."""
        told = repr((judge.by, self.seed, task.digest, trial.answer, path_of(trial)))
        mark = blake2b(told.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        name = f"{trial.key.file.removesuffix('.jsonl')}-{mark}.jsonl"
        journal = Journal.open(self.directory.path / "judging" / name, self.directory.heard)
        journal.forget_limits()
        try:
            hearing = Hearing(journal, self.budget, self.seed, self.timeout)
            verdict = await judge(task, trial, hearing)
            await journal.synced()
            return verdict
        finally:
            journal.close()


async def score_run(
    scorers: Mapping[str, Scorer],
    tasks: Mapping[tuple[str, str], Task],
    keys: Sequence[Key],
    *,
    concurrency: int = 8,
    judged: Callable[[Key, Verdict], object] | None = None,
) -> dict[Key, Verdict]:
    """Judge what is owed of these trials, several at once.

    Args:
        scorers: for each suite.
        tasks: by suite and id.
        keys: the trials that count.
        concurrency: trials judged at once.
        judged: told of each new verdict.

    Returns:
        The verdicts on all of them that have one, new or not.

    Raises:
        UsageError: a task is gone, or is not the one that was run.
    """
    owed = deque(key for key in keys if scorers[key.suite].owes(key))
    for key in owed:
        task = tasks.get((key.suite, key.task))
        there = scorers[key.suite].directory.trials[key].digest
        if task is None or task.digest != there:
            what = "no longer has the task" if task is None else "now has another task under"
            raise UsageError(f"suite {key.suite} {what} {key.task!r}: its trial cannot be judged")

    async def worker() -> None:
        while owed:
            key = owed.popleft()
            scorer = scorers[key.suite]
            verdict = await scorer.score(tasks[key.suite, key.task], scorer.directory.load(key))
            if judged is not None:
                judged(key, verdict)

    await asyncio.gather(*[worker() for _ in range(min(concurrency, len(owed)))])
    found = {key: scorers[key.suite].known(key) for key in keys}
    return {key: verdict for key, verdict in found.items() if verdict is not None}


def spent_on(verdicts: Mapping[Key, Verdict]) -> dict[str, Any]:
    """What judges' calls came to; they are counted apart from planners'."""
    votes = [vote for verdict in verdicts.values() for vote in verdict.votes]
    return {
        "calls": sum(vote.calls for vote in votes),
        "tokens": sum(vote.tokens for vote in votes),
        "usd": round(sum(vote.usd for vote in votes), 6),
        "missing_votes": sum(vote.decision == "unjudged" for vote in votes),
    }
