"""Judges that ask a model: several votes, each journaled, paid for and kept with its raw text.

A vote goes through the same effects as a planner's samples: a name, a place in the budget, a
line in a journal. So a vote that was given is never paid for twice, and one that is missing is
owed: judging again completes it.
"""

from __future__ import annotations

import asyncio
import tomllib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from string import Template
from typing import Any, ClassVar, Final

from ...core import Budget, BudgetExhausted, Journal, Message, Model, ModelError, Task, UsageError
from ...core.prompt import Prompt
from ...core.sampling import Sampling
from ...models.identity import identity_of, name_of
from ..trial import Trial
from .reading import Said, read_choice
from .verdict import Decision, Verdict, Vote

PROMPTS: Final = Path(__file__).parents[1] / "data" / "judges.toml"
ATTEMPTS: Final = 2  # replies that a vote may ask for, in one go, until one can be read


class Unreadable(Exception):
    """No reply of a vote says what it was asked."""


@dataclass
class Hearing:
    """What a judge's questions on one trial go through.

    Attributes:
        journal: earlier votes, and where to keep new ones.
        budget: what new votes may cost, on this trial or on many together.
        seed: of the requests and of ties.
        timeout: seconds for one request.
    """

    journal: Journal
    budget: Budget
    seed: int = 0
    timeout: float = 600.0


class Ask:
    """What one vote asks its model with; it keeps what was sent and said."""

    def __init__(self, judge: Asking, task: Task, hearing: Hearing, index: int) -> None:
        self._judge, self._journal, self._place = judge, hearing.journal, f"vote{index}"
        self._budget, self._free = hearing.budget, Budget()
        self._asked: Counter[str] = Counter()
        self._sampling = Sampling(
            task=task, model=judge.model, budget=hearing.budget, journal=hearing.journal,
            seed=hearing.seed + index, timeout=hearing.timeout,
        )  # fmt: skip
        self.texts: list[str] = []
        self.prompts: list[str] = []
        self.calls = self.tokens = 0
        self.usd = 0.0

    async def __call__(
        self,
        stage: str,
        choices: Sequence[str],
        *,
        field: str = "status",
        prose: bool = True,
        **values: str,
    ) -> Said:
        """Put a question, and read the choice in the reply; once more where it says none.

        ``field`` and ``prose`` as in :func:`read_choice`.

        Raises:
            Unreadable: no reply says one of the choices.
            ModelError: the model failed.
            BudgetExhausted: nothing is left for it.
        """
        prompt = Prompt([Message("user", self._judge.question(stage, values))])
        self.prompts.append(prompt.digest.hex())
        fresh = 0
        while fresh < ATTEMPTS:
            known = f"{self._place}:ask.{stage}:{self._asked[stage]}" in self._journal.past
            self._asked[stage] += 1
            self._sampling.budget = self._free if known else self._budget
            try:
                [made] = await self._sampling.sample(
                    self._place, f"ask.{stage}", prompt, (), b"", 1
                )
            except ModelError as error:
                if error.key:
                    self._journal.retract(error.key)
                self.tokens += error.tokens
                raise
            fresh += not known
            self.calls += 1
            self.tokens, self.usd = self.tokens + made.tokens, self.usd + made.usd
            self.texts.append(made.content or "")
            said = read_choice(self.texts[-1], choices, field, prose=prose)
            if said.choice:
                return said
        raise Unreadable(f"the reply says none of {', '.join(choices)}")


class Asking:
    """What asks a model about answers.

    Args:
        model: whom to ask, as ``(openai:gpt-4o-mini,temperature=0)``.
        votes: how many times; an odd number leaves fewer ties.
        prompts: a TOML file with texts instead of ours, by stage.

    Raises:
        UsageError: the file of prompts cannot be read, or lacks one.
    """

    main = "model"
    stages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, model: Model, votes: int = 3, prompts: Path | None = None) -> None:
        if votes < 1:
            raise ValueError("votes must be 1 or more")
        self.model, self.votes = model, votes
        self.prompts = _texts(prompts or PROMPTS, self.stages)

    def question(self, stage: str, values: Mapping[str, str]) -> str:
        """The text of a stage with the values in their places."""
        return Template(self.prompts[stage]).safe_substitute(values).strip()

    @cached_property
    def by(self) -> str:
        """A hash of what decides the votes beside the answer: prompts, model, kind of judge."""
        told = repr((type(self).__name__, sorted(self.prompts.items()), self.asked))
        return blake2b(told.encode(), digest_size=8).hexdigest()

    @cached_property
    def asked(self) -> str:
        """The model's name, and a hash of all that it says decides its replies."""
        try:
            identity: Any = identity_of(self.model)
        except UsageError:
            identity = repr(self.model)
        mark = blake2b(repr(identity).encode(), digest_size=6).hexdigest()
        return f"{name_of(self.model) or type(self.model).__name__} {mark}"


class ModelJudge(Asking, ABC):
    """A judge that asks a model whether an answer passes."""

    @abstractmethod
    async def vote(self, task: Task, trial: Trial, ask: Ask, coin: Callable[[], bool]) -> Vote:
        """One vote on an answered trial.

        Args:
            task: what was asked.
            trial: with its tree.
            ask: puts a question of one stage to the model.
            coin: a throw that falls the same way again for the same seed, trial and vote.
        """

    def tally(self, votes: Sequence[Vote], coin: Callable[[], bool]) -> Verdict:
        """The majority's decision, a tie by the coin; unjudged if missing votes could turn it."""
        counts = Counter(vote.decision for vote in votes)
        passed, failed, missing = (counts[d] for d in ("passed", "failed", "unjudged"))
        labels = ", ".join(vote.label or "no vote" for vote in votes)
        if missing and abs(passed - failed) <= missing:
            wrong = next(vote.reason for vote in votes if vote.decision == "unjudged")
            return Verdict("unjudged", f"{missing} of {len(votes)} votes are missing: {wrong}")
        won = coin() if passed == failed else passed > failed
        return Verdict("passed" if won else "failed", labels)

    async def __call__(self, task: Task, trial: Trial, hearing: Hearing) -> Verdict:
        """All votes, and what they come to."""
        votes = await asyncio.gather(
            *[self._vote(task, trial, hearing, index) for index in range(self.votes)]
        )
        coin = Coin(hearing.seed, *trial.key, trial.answer, "tally")
        return replace(self.tally(votes, coin), votes=tuple(votes), by=self.by)

    async def _vote(self, task: Task, trial: Trial, hearing: Hearing, index: int) -> Vote:
        ask = Ask(self, task, hearing, index)
        coin = Coin(hearing.seed, *trial.key, trial.answer, index)
        try:
            vote = await self.vote(task, trial, ask, coin)
        except (Unreadable, ModelError, BudgetExhausted) as error:
            vote = Vote("unjudged", reason=f"{type(error).__name__}: {error}")
        return replace(
            vote, texts=tuple(ask.texts), prompts=tuple(ask.prompts), model=self.asked,
            calls=ask.calls, tokens=ask.tokens, usd=ask.usd,
        )  # fmt: skip


class Coin:
    """A throw for one thing, which falls the same way each time it is asked of the same thing."""

    def __init__(self, *what: object) -> None:
        self._what = repr(what).encode("utf-8", "surrogatepass")

    def __call__(self) -> bool:
        """Heads."""
        return bool(blake2b(self._what, digest_size=1).digest()[0] & 1)


def path_of(trial: Trial, limit: int = 1000) -> str:
    """The calls of the path to the answer, each with its result, cut to so many characters."""
    winner = trial.tree.find(trial.tree.winner) if trial.tree.winner else None
    lines: list[str] = []
    for node in winner.path()[1:] if winner else ():
        if node.action is not None and not node.solved:
            seen = node.observation
            cut = f"{seen[:limit]}.. ({len(seen):,} characters)" if len(seen) > limit else seen
            lines.append(f"{len(lines) + 1}. {node.action.api}({node.action.arguments}) -> {cut}")
    return "\n".join(lines) or "none"


def decided(label: str, coin: Callable[[], bool]) -> Decision:
    """Solved passes, Unsolved fails, and Unsure falls as the coin does."""
    if label == "Unsure":
        return "passed" if coin() else "failed"
    return "passed" if label == "Solved" else "failed"


def _texts(path: Path, stages: Sequence[str]) -> dict[str, str]:
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read the prompts in {path}: {error}") from error
    found = {}
    for stage in stages:
        entry = told.get(stage)
        text = entry.get("text") if isinstance(entry, dict) else None
        if not isinstance(text, str):
            raise UsageError(f"{path} lacks a text for [{stage}]; this judge needs: {stages}")
        found[stage] = text
    return found
