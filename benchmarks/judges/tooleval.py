"""ToolEval's and StableToolBench's judges: is it solved, and could it be solved at all?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from ...core import API, Model, Task
from ..trial import Trial
from .verdict import Verdict, Vote
from .voting import Ask, ModelJudge, decided, path_of

STATUS: Final = ("Solved", "Unsolved", "Unsure")
SOLVABLE: Final = ("Solvable", "Unsolvable", "Unsure")


async def status_of(task: Task, trial: Trial, ask: Ask) -> tuple[str, str]:
    """The answer's status and the reason: by the answer, and if that is unsure by the calls too."""
    answer = trial.answer or ""
    if not answer.strip():
        return "Unsolved", "the answer is empty"
    label, reason = await ask("status", STATUS, query=task.instruction, answer=answer)
    if label == "Unsure":
        calls = path_of(trial)
        label, reason = await ask(
            "details", STATUS, query=task.instruction, answer=answer, calls=calls
        )
    return label, reason


class ToolEval(ModelJudge):
    """The two stages of ToolEval (ToolLLM, arXiv:2307.16789v2, appendix A.5).

    First the answer's status, then, where it is not Solved, whether the task is solvable with the
    functions offered:

    | | Solvable | Unsure | Unsolvable |
    |---|---|---|---|
    | Solved | passed | passed | passed |
    | Unsure | coin | coin | failed (upstream: passed) |
    | Unsolved | failed | coin | failed (upstream: passed) |

    The coin is upstream's, but seeded: the same run is judged the same way again. Upstream passes
    whatever is not solved where the task looks unsolvable, a refusal included; here it fails, so
    that refusing never pays, unless ``unsolvable=passed`` asks for upstream's table. An answer that
    is empty is Unsolved, and the second question is not put.

    Args:
        model: whom to ask.
        votes: of each answer; ToolBench takes 4, the paper 7.
        prompts: a file of texts.
        unsolvable: what an answer that is not Solved comes to where the task looks unsolvable.
    """

    stages = ("status", "details", "solvable")

    def __init__(
        self,
        model: Model,
        votes: int = 3,
        prompts: Path | None = None,
        unsolvable: Literal["failed", "passed"] = "failed",
    ) -> None:
        super().__init__(model, votes, prompts)
        self.unsolvable = unsolvable

    async def vote(self, task: Task, trial: Trial, ask: Ask, coin: Callable[[], bool]) -> Vote:
        """Status, then solvability."""
        label, reason = await status_of(task, trial, ask)
        if label == "Solved":
            return Vote("passed", label, reason)
        if not (trial.answer or "").strip():
            return Vote("failed", label, reason)
        solvable, why = await ask(
            "solvable", SOLVABLE, query=task.instruction, functions=described(task.apis)
        )
        if solvable == "Unsolvable":
            decision = self.unsolvable
        elif (label, solvable) == ("Unsolved", "Solvable"):
            decision = "failed"
        else:
            decision = "passed" if coin() else "failed"
        return Vote(decision, label, f"{reason} / {why}", solvable)


class SoPR(ModelJudge):
    """StableToolBench's solvable pass rate: Solved 1, Unsure 0.5, Unsolved 0, a mean over votes.

    (arXiv:2403.07714, section 4.) The benchmark has solvable tasks only, so that is not asked. A
    missing vote leaves the answer unjudged until it is given; upstream counts it as 0.
    """

    stages = ("status", "details")

    async def vote(self, task: Task, trial: Trial, ask: Ask, coin: Callable[[], bool]) -> Vote:
        """The status."""
        label, reason = await status_of(task, trial, ask)
        return Vote(decided(label, coin), label, reason)

    def tally(self, votes: Sequence[Vote], coin: Callable[[], bool]) -> Verdict:
        """The mean over the votes; it passes above one half, at one half by coin."""
        worth = {"Solved": 1.0, "Unsure": 0.5, "Unsolved": 0.0}
        given = [worth[vote.label] for vote in votes if vote.label]
        if missing := [vote for vote in votes if not vote.label]:
            told = f"{len(missing)} of {len(votes)} votes are missing: {missing[0].reason}"
            return Verdict("unjudged", told)
        score = sum(given) / len(given)
        won = coin() if score == 0.5 else score > 0.5
        reason = ", ".join(vote.label for vote in votes)
        return Verdict("passed" if won else "failed", reason, round(score, 6))


class FAC(ModelJudge):
    """Final answer only (StableToolBench's FAC): does it deal with every part of the request?

    Upstream has a fine-tuned model for it and reads a reply that it cannot parse as Unsolved; here
    any model may be asked, and such a reply is no vote.
    """

    stages = ("final",)

    async def vote(self, task: Task, trial: Trial, ask: Ask, coin: Callable[[], bool]) -> Vote:
        """Solved or Unsolved, by the answer alone."""
        answer = trial.answer or ""
        if not answer.strip():
            return Vote("failed", "Unsolved", "the answer is empty")
        label, reason = await ask("final", STATUS[:2], query=task.instruction, answer=answer)
        return Vote(decided(label, coin), label, reason)


def described(apis: Sequence[API]) -> str:
    """The functions, one a line: name, parameters, description."""
    lines = []
    for api in apis:
        properties = api.parameters.get("properties")
        names = ", ".join(properties) if isinstance(properties, dict) else ""
        lines.append(f"- {api.name}({names}): {' '.join(api.description.split())[:400]}")
    return "\n".join(lines) or "none"
