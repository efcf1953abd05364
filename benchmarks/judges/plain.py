"""Judges that ask no model; a verdict never changes a trial."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Final, Protocol

from ...core import Task
from ..trial import Trial
from .verdict import Verdict

APOLOGIES: Final = ("sorry", "apologize", "apology", "unfortunately", "couldn't")


class Judge(Protocol):
    """Looks at an answered trial; others are counted by their end and never shown to a judge."""

    async def __call__(self, task: Task, trial: Trial) -> Verdict:
        """The verdict."""


class Answered:
    """Every answer passes: ToolBench's ``win``. It says nothing about being right."""

    async def __call__(self, task: Task, trial: Trial) -> Verdict:
        """Passed."""
        return Verdict("passed", "an answer was given")


class Finish:
    """Finished with an answer that is no apology: ToolEval as it was in July 2023.

    ToolBench's first pass rate took every answer that lacks these words in any letter case, read
    from the arguments of the Finish call as the model wrote them. What the answer says is not
    looked at.
    """

    async def __call__(self, task: Task, trial: Trial) -> Verdict:
        """Passed if none of the words stands in the answer."""
        given = (trial.answer or "").lower()
        if not given.strip():
            return Verdict("failed", "the answer is empty")
        if found := [word for word in APOLOGIES if word in given]:
            return Verdict("failed", f"an apology: the answer says {found[0]!r}")
        return Verdict("passed", "an answer without an apology was given")


class Match:
    """The task's answer stands in the final answer.

    A text matches where it stands as a whole word, letter case and spacing aside; a number where
    an equal number stands; of a list, every element must match. A task without an answer is
    unjudged. Units, dates and tolerances are for the ``truth`` judge.
    """

    async def __call__(self, task: Task, trial: Trial) -> Verdict:
        """Passed if all parts of the answer are there."""
        wanted = task.answer if isinstance(task.answer, list) else [task.answer]
        if not wanted or None in wanted or "" in wanted:
            return Verdict("unjudged", "the task has no answer to compare with")
        given = " ".join((trial.answer or "").split()).casefold()
        missing = [part for part in wanted if not _stands_in(part, given)]
        if missing:
            return Verdict("failed", f"not in the answer: {json.dumps(missing[0])}")
        return Verdict("passed", "all parts of the answer are there")


_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w)")


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _stands_in(part: object, given: str) -> bool:
    text = " ".join(str(part).split()).casefold()
    if _NUMBER.fullmatch(text):
        value = _number(text)
        return any(_number(n) == value for n in _NUMBER.findall(given))
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", given) is not None
