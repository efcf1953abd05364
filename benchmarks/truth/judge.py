"""The judge ``truth``: the answer against the task's ground truth."""

from __future__ import annotations

from collections.abc import Sequence

from ...core import Task
from ...envs.hub.registry import everything
from ..judges import Verdict
from ..trial import Trial
from .check import check


class Truth:
    """The answer says what is true, by the types of the values: units, tolerances, dates, names.

    Types stand in ``extra["type"]``: a semantic type of the hub, or a list with one for each part
    of the answer; without them they are inferred from the values. The reason of a failure says
    which part failed. A task without an answer is unjudged.

    ``match`` is the simpler judge for any task with an answer: it asks only whether each part
    stands in the text, literally. ``truth`` also accepts other ways to say the same, and fails an
    answer that names many candidates.
    """

    async def __call__(self, task: Task, trial: Trial) -> Verdict:
        """Passed if all parts of the truth are there, and the answer commits itself to them."""
        if task.answer is None or task.answer == "" or task.answer == [] or task.answer == {}:
            return Verdict("unjudged", "the task has no answer to compare with")
        types = _types(task)
        if types:
            everything()  # the hub's tools declare types and names
        found = check(trial.answer or "", task.answer, types=types, instruction=task.instruction)
        return Verdict("passed" if found.passed else "failed", found.reason)


def _types(task: Task) -> Sequence[str]:
    given = task.extra.get("type", ())
    names = [given] if isinstance(given, str) else given
    known = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return tuple(names) if known else ()
