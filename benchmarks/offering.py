"""What a task offers in a run: the APIs it names, or those that a retriever finds for it.

``--apis retrieve:k=5`` is the open domain of ToolLLM's section 3.2: nobody says which APIs an
instruction needs, and a retriever over all of them proposes the k that fit it best. What it found
is an effect like any other: the trial's journal keeps it before anything is asked, so a resumed
trial offers the same, and training data is made of exactly what was offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..core import API, Journal, Task, UsageError
from ..core.registry import parse

if TYPE_CHECKING:
    from ..models.retrieval import Retriever
    from .trial import Trial

GIVEN: Final = "given"
OFFERED: Final = "offered"  # the key of its line in a journal


@dataclass(frozen=True)
class Retrieve:
    """What ``retrieve:`` says.

    Attributes:
        k: how many APIs a task is offered.
        by: the retriever's spec, over all APIs of the world and the planned suites.
        index: an index on disk instead.
    """

    k: int = 5
    by: str = "bm25"
    index: Path | None = None

    def over(self, apis: Iterable[API]) -> Retriever:
        """The retriever."""
        from ..models.retrieval import open_retriever, over

        if self.index is not None:
            return open_retriever(self.index)
        return over(list(apis), self.by)


def parse_apis(text: str) -> Retrieve | None:
    """What ``--apis`` asks for; None where tasks offer what they name.

    >>> parse_apis("retrieve:k=3,by=(dense:models/retriever)")
    Retrieve(k=3, by='dense:models/retriever', index=None)

    Raises:
        UsageError: it is neither ``given`` nor a spec of ``retrieve``.
    """
    if text == GIVEN:
        return None
    read = parse(text)
    given = dict(read.items)
    if read.name != "retrieve" or read.main is not None or read.n is not None:
        raise UsageError(f"--apis {text!r}: expected given, or retrieve:k=5,by=bm25")
    if unknown := set(given) - {"k", "by", "index"}:
        raise UsageError(f"--apis {text!r}: retrieve has no {unknown.pop()!r}: k=, by=, index=")
    if "by" in given and "index" in given:
        raise UsageError(f"--apis {text!r}: an index has its retriever: by= or index=, not both")
    try:
        k = int(given.get("k", "5"))
    except ValueError:
        raise UsageError(f"--apis {text!r}: k={given['k']!r} is no whole number") from None
    if k < 1:
        raise UsageError(f"--apis {text!r}: k must be 1 or more")
    by = given.get("by", "bm25")
    if by.startswith("(") and by.endswith(")"):
        by = by[1:-1]
    return Retrieve(k, by, Path(given["index"]) if "index" in given else None)


def recalled(task: Task, find: Callable[[Task], Task], journal: Journal) -> Task:
    """The task with what is found for it; what its journal says was found before wins.

    Args:
        task: as planned.
        find: gives it the APIs that a retriever finds.
        journal: of the trial, before its search takes anything from it.
    """
    known = journal.take(OFFERED, task.digest)
    if known is not None:
        return replace(task, apis=tuple(map(API.from_json, known["got"])))
    found = find(task)
    apis = [api.to_json() for api in found.apis]
    journal.append({"key": OFFERED, "asked": task.digest, "got": apis, "at": 0.0})
    return found


def offered_in(records: Iterable[Mapping[str, Any] | None]) -> tuple[API, ...] | None:
    """What a journal says was found and offered; None where it says nothing (or is of an old run).

    Args:
        records: its lines; None stands for a torn one.
    """
    found = None
    for record in records:
        if record is not None and record.get("key") == OFFERED:
            found = tuple(map(API.from_json, record["got"]))
    return found


def without_any(trials: Iterable[Trial]) -> int:
    """How many trials were offered no API at all: their task could only be given up.

    A retriever that matches words finds none where an instruction shares no word with any API.
    Such a trial is run and counts, as any other task that was not solved.
    """
    return sum(trial.offered == () for trial in trials)
