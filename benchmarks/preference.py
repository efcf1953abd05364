"""Preference: which of two answers to one task is the better, by a model that sees both orders.

As ToolEval's win rate (ToolLLM, section 2.3 and appendix A.5), with what was found against it
mended: each pair is shown in both orders, and a choice that turns with the order is a tie.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from ..core import BudgetExhausted, Model, ModelError, Task
from .judges.voting import Ask, Asking, Hearing, Unreadable, path_of
from .trial import Trial

Choice = Literal["first", "second", "tie", "unjudged"]
SAID: Final = ("first", "second", "equal")


@dataclass(frozen=True)
class Look:
    """One reply on a pair.

    Attributes:
        swapped: the second answer stood first.
        said: ``first``, ``second`` or ``equal``, by the places in that prompt; "" for no reply
            that can be read.
        reason: the model's, or what went wrong.
        texts, prompts, model, calls, tokens, usd: as of a :class:`.judges.Vote`.
    """

    swapped: bool
    said: str
    reason: str = ""
    texts: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    model: str = ""
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    @property
    def choice(self) -> Choice:
        """Which answer it prefers, wherever that stood."""
        if self.said == "equal":
            return "tie"
        if self.said not in ("first", "second"):
            return "unjudged"
        return "first" if (self.said == "first") != self.swapped else "second"


@dataclass(frozen=True)
class Preference:
    """Which of two answers is the better.

    Attributes:
        choice: ``tie`` where the orders or the rounds disagree, ``unjudged`` where a look is owed.
        reason: for people.
        looks: what it rests on; none where the outcomes decided it.
        by: a hash of prompt and model; "" without looks.
    """

    choice: Choice
    reason: str = ""
    looks: tuple[Look, ...] = ()
    by: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse of :meth:`from_json`."""
        return {**asdict(self), "looks": [asdict(look) for look in self.looks]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preference:
        """Read what :meth:`to_json` wrote, other fields beside it allowed."""
        looks = tuple(
            Look(**{**look, "texts": tuple(look["texts"]), "prompts": tuple(look["prompts"])})
            for look in data["looks"]
        )
        return cls(data["choice"], data["reason"], looks, data["by"])


class PairJudge(Asking):
    """Asks a model which of two answers is the better, in both orders.

    Args:
        model: whom to ask.
        votes: rounds, of two looks each.
        prompts: a file of texts.
    """

    stages = ("better",)

    def __init__(self, model: Model, votes: int = 1, prompts: Path | None = None) -> None:
        super().__init__(model, votes, prompts)

    async def __call__(self, task: Task, pair: tuple[Trial, Trial], hearing: Hearing) -> Preference:
        """The preference of all rounds."""
        looks = await asyncio.gather(
            *[self._look(task, pair, hearing, index) for index in range(2 * self.votes)]
        )
        return replace(settled(looks), by=self.by)

    async def _look(
        self, task: Task, pair: tuple[Trial, Trial], hearing: Hearing, index: int
    ) -> Look:
        swapped = bool(index % 2)
        first, second = reversed(pair) if swapped else pair
        ask = Ask(self, task, hearing, index)
        try:
            said, reason = await ask(
                "better", SAID, field="better", prose=False,
                query=task.instruction, first=shown(first), second=shown(second),
            )  # fmt: skip
        except (Unreadable, ModelError, BudgetExhausted) as error:
            said, reason = "", f"{type(error).__name__}: {error}"
        return Look(
            swapped, said, reason, tuple(ask.texts), tuple(ask.prompts), self.asked,
            ask.calls, ask.tokens, ask.usd,
        )  # fmt: skip


def shown(trial: Trial) -> str:
    """What the judge sees of a trial: its calls and its answer."""
    return f"Calls:\n{path_of(trial, 400)}\n\nAnswer:\n{trial.answer or ''}"


def settled(looks: tuple[Look, ...] | list[Look]) -> Preference:
    """What the looks of all rounds come to, two and two in either order."""
    if missing := [look for look in looks if look.choice == "unjudged"]:
        told = f"{len(missing)} of {len(looks)} looks are missing: {missing[0].reason}"
        return Preference("unjudged", told, tuple(looks))
    rounds = [
        one.choice if one.choice == other.choice else "tie"
        for one, other in zip(looks[::2], looks[1::2], strict=True)
    ]
    counts = Counter(rounds)
    order = sum(a.choice != b.choice for a, b in zip(looks[::2], looks[1::2], strict=True))
    told = f"{order} of {len(rounds)} rounds turned with the order" if order else looks[0].reason
    if counts["first"] == counts["second"]:
        return Preference("tie", told, tuple(looks))
    return Preference(
        "first" if counts["first"] > counts["second"] else "second", told, tuple(looks)
    )


def by_outcome(first: str, second: str) -> Preference | None:
    """What two outcomes decide without a look; None where the answers must be looked at.

    An answer that passed is better than one that failed, and any answer than none. Where a trial
    is missing, or was never finished, nobody is better.
    """
    unknown = {"missing", "infra", "cancelled", "env_miss"}
    if first in unknown or second in unknown:
        return Preference("unjudged", f"{first} against {second}")
    worth = {"passed": 2, "failed": 1, "unjudged": 1}
    if "unjudged" not in (first, second) or not (first in worth and second in worth):
        a, b = worth.get(first, 0), worth.get(second, 0)
        if a != b:
            return Preference("first" if a > b else "second", f"{first} against {second}")
        if a == 0:
            return Preference("tie", f"{first} against {second}")
    return None
