"""The evaluators ``judge`` and ``preference``: judges that choose while a search is running.

``best_of_n`` gives the answer that they score best. What they ask goes through the session: it
is in the trial's budget, counts as calls, and stands in its journal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from ...core import Message, Model, Node, Session, UsageError
from ...core.registry import parse
from ...core.tree import node_to_json
from ..trial import Key, Trial
from .plain import Judge
from .reading import Said, read_choice
from .verdict import Verdict, Vote
from .voting import ATTEMPTS, Ask, Asking, Coin, ModelJudge, Unreadable

ORACLES: Final = ("match", "truth")  # judges and evaluators that look at the task's own answer
WORTH: Final = {"passed": 1.0, "unjudged": 0.5, "failed": 0.0}
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True, repr=False)
class ByJudge:
    """What a judge says of an answer: 1 if it passes, 0 if it fails, a half if nobody can say.

    A judge that gives parts of a pass (SoPR) has its own score. Of other judges that ask a model
    the score is the mean of their votes, so of two answers that pass the clearer one is chosen.
    A path that ended without an answer scores 0, and one that has not ended a half; neither is
    shown to the judge.

    A judge that knows the task's answer (``match``, ``truth``) makes the search an oracle: the
    best that a choice could do, and no planner that a user can have. :func:`oracle` says so.

    Args:
        judge: a spec in parentheses: ``judge:(sopr:(openai:gpt-4o-mini))``. Its model is asked,
            ``votes`` times an answer or more, whatever model the search has.
    """

    judge: Judge | ModelJudge

    def __repr__(self) -> str:
        return f"ByJudge({_named(self.judge)})"

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """All nodes at once."""
        return await s.gather(*[self.score(s, node) for node in nodes])

    async def score(self, s: Session, node: Node) -> float:
        """One node.

        Raises:
            ModelError: the judge's model failed; that is no verdict.
            BudgetExhausted: the trial has no call left for it.
        """
        if not node.solved:
            return 0.0 if node.done else 0.5
        judge = self.judge
        if isinstance(judge, ModelJudge):
            return worth(await heard(judge, s, node))
        trial = candidate(s, node)

        async def look() -> dict[str, Any]:
            return (await judge(s.task, trial)).to_json()

        return worth(Verdict.from_json(await s.effect("judge", (node,), look)))


@dataclass(frozen=True, repr=False)
class ByPreference:
    """The share of comparisons that an answer wins, each pair in both orders; a tie is a half.

    The scores compare answers that were scored together, and no others: fit for ``best_of_n``. For
    n answers it asks ``n (n - 1) * votes`` times. What is no answer scores 0 and is not compared.

    Args:
        model: whom to ask, a spec in parentheses: ``preference:(openai:gpt-4o-mini)``.
        votes: rounds, of two looks each.
        prompts: a file of texts.
    """

    model: Model
    votes: int = 1
    prompts: Path | None = None
    _judge: Any = field(init=False, compare=False)

    def __post_init__(self) -> None:
        from ..preference import PairJudge

        object.__setattr__(self, "_judge", PairJudge(self.model, self.votes, self.prompts))

    def __repr__(self) -> str:
        return f"ByPreference({_named(self._judge)})"

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """Compare all pairs at once."""
        answers = [i for i, node in enumerate(nodes) if node.solved]
        scores = [0.0] * len(nodes)
        if len(answers) == 1:
            scores[answers[0]] = 1.0
        pairs = list(combinations(answers, 2))
        shares = await s.gather(*[self.wins(s, nodes[i], nodes[j]) for i, j in pairs])
        for (i, j), share in zip(pairs, shares, strict=True):
            scores[i] += share / (len(answers) - 1)
            scores[j] += (1 - share) / (len(answers) - 1)
        return scores

    async def wins(self, s: Session, first: Node, second: Node) -> float:
        """1 if the first answer is preferred, 0 if the second is, else a half."""
        from ..preference import SAID, Look, settled, shown

        judge, asks = self._judge, s.asking(self.model)

        async def look(index: int) -> Look:
            swapped = bool(index % 2)
            a, b = (second, first) if swapped else (first, second)
            try:
                said, reason = await InSearch(judge, asks, (first, second), index)(
                    "better", SAID, field="better", prose=False, query=s.task.instruction,
                    first=shown(candidate(s, a)), second=shown(candidate(s, b)),
                )  # fmt: skip
            except Unreadable as error:
                said, reason = "", str(error)
            return Look(swapped, said, reason)

        looks = await s.gather(*[look(index) for index in range(2 * self.votes)])
        return {"first": 1.0, "second": 0.0}.get(settled(looks).choice, 0.5)


class InSearch(Ask):
    """What one vote asks its model with, through the session of a search."""

    def __init__(self, judge: Asking, s: Session, nodes: Sequence[Node], index: int) -> None:
        self._judge, self._session, self._nodes, self._index = judge, s, nodes, index

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

        Raises:
            Unreadable: no reply says one of the choices.
        """
        asked = [Message("user", self._judge.question(stage, values))]
        topic = f"judge.{self._index}.{stage}"
        for _ in range(ATTEMPTS):
            reply = await self._session.ask(topic, self._nodes, messages=asked)
            said = read_choice(reply, choices, field, prose=prose)
            if said.choice:
                return said
        raise Unreadable(f"the reply says none of {', '.join(choices)}")


async def heard(judge: ModelJudge, s: Session, node: Node) -> Verdict:
    """A model judge's verdict on an answer of a search."""
    trial, asks, chance = candidate(s, node), s.asking(judge.model), s.rng(node).random()

    async def vote(index: int) -> Vote:
        try:
            return await judge.vote(
                s.task, trial, InSearch(judge, asks, (node,), index), Coin(chance, index)
            )
        except Unreadable as error:
            return Vote("unjudged", reason=str(error))

    votes = await s.gather(*[vote(index) for index in range(judge.votes)])
    return replace(judge.tally(votes, Coin(chance, "tally")), votes=tuple(votes))


def worth(verdict: Verdict) -> float:
    """A verdict as a score from 0 to 1."""
    if verdict.score is not None:
        return verdict.score
    if verdict.votes:
        return sum(WORTH[vote.decision] for vote in verdict.votes) / len(verdict.votes)
    return WORTH[verdict.decision]


def candidate(s: Session, node: Node) -> Trial:
    """An answer as a judge is shown it: a trial that ended there, whose tree is its path."""
    path = {"winner": node.id, "nodes": [node_to_json(each) for each in node.path()]}
    key = Key("", s.task.id, node.id, 0)
    return Trial(key, s.task.digest, 0, "answered", node.answer, dict(s.budget.spent), path)


def oracle(spec: str) -> bool:
    """Whether an evaluator, or one inside a planner's spec, looks at the task's own answer.

    >>> oracle("judge:(truth)"), oracle("best_of_n@4:(react),evaluator=(judge:(match))")
    (True, True)
    >>> oracle("judge:(sopr:(openai:gpt-4o-mini))"), oracle("dfsdt")
    (False, False)
    """
    try:
        read = parse(spec)
    except UsageError:
        return False
    if read.name in ORACLES:
        return True
    inner = [text for text in (read.main, *(text for _, text in read.items)) if text]
    return any(oracle(text[1:-1]) for text in inner if text[0] == "(" and text[-1] == ")")


def _named(judge: object) -> str:
    """A judge in words that are the same for two that judge alike."""
    if isinstance(judge, Asking):
        return f"{type(judge).__name__}, votes={judge.votes}, by={judge.by!r} ({judge.asked})"
    told = repr(judge)
    return type(judge).__name__ if _ADDRESS.search(told) else told
