"""Verdicts, and the votes of models that they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Decision = Literal["passed", "failed", "unjudged"]


@dataclass(frozen=True)
class Vote:
    """One vote of a model on an answer.

    Attributes:
        decision: what it comes to; ``unjudged`` where the reply could not be read or never came.
        label: the answer status in the judge's words, as ``Solved``; "" where there is none.
        reason: the model's, or what went wrong.
        solvable: the task's solvability in the judge's words, where it was asked.
        texts: the raw replies, stage by stage.
        prompts: a hash of each prompt that was sent.
        model: which model gave it: provider, name and what else decides its replies, hashed.
        calls, tokens, usd: what it cost; judges' calls are counted apart from planners'.
    """

    decision: Decision
    label: str = ""
    reason: str = ""
    solvable: str = ""
    texts: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    model: str = ""
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data, defaults left out; the inverse of :meth:`from_json`."""
        told = asdict(self)
        kept = {k: v for k, v in told.items() if v not in ("", (), 0, 0.0)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vote:
        """Read what :meth:`to_json` wrote."""
        told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**told)


@dataclass(frozen=True)
class Verdict:
    """A judge's decision and its reason.

    Attributes:
        decision: ``passed``, ``failed`` or ``unjudged``.
        reason: for people.
        score: what the answer counts, from 0 to 1, for judges that give parts of a pass (SoPR);
            None where the decision says it.
        votes: those it rests on.
        by: a hash of the judge's prompts and model; "" for judges that need none.
    """

    decision: Decision
    reason: str = ""
    score: float | None = None
    votes: tuple[Vote, ...] = ()
    by: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data, defaults left out; the inverse of :meth:`from_json`."""
        told: dict[str, Any] = {"verdict": self.decision, "reason": self.reason}
        if self.score is not None:
            told["score"] = self.score
        if self.votes:
            told["votes"] = [vote.to_json() for vote in self.votes]
        if self.by:
            told["by"] = self.by
        return told

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Read what :meth:`to_json` wrote, other fields beside it allowed."""
        votes = tuple(map(Vote.from_json, data.get("votes", ())))
        return cls(data["verdict"], data["reason"], data.get("score"), votes, data.get("by", ""))

    @property
    def value(self) -> float | None:
        """What the answer counts, from 0 to 1; None where nobody could say."""
        if self.decision == "unjudged" or self.score is not None:
            return self.score
        return float(self.decision == "passed")

    @property
    def complete(self) -> bool:
        """Whether nothing is owed: a decision, and every vote given."""
        return self.decision != "unjudged" and all(v.decision != "unjudged" for v in self.votes)
