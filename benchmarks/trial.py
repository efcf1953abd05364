"""A trial's record: one planner on one task with one seed, as kept in ``trials.jsonl``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

from ..core import Result, Task, Tree
from ..core.pool import reached

# Ends after which the trial is owed again: the same command makes it anew from its journal.
OWED = frozenset({"infra", "cancelled"})


class Key(NamedTuple):
    """What a trial is called; the planner is its spec as given."""

    suite: str
    task: str
    planner: str
    trial: int

    @property
    def file(self) -> str:
        """A file name for it: readable, and distinct by a hash."""
        readable = "".join(c if c.isalnum() or c in "-_" else "_" for c in self.task)[:48]
        mark = blake2b(repr(tuple(self)).encode(), digest_size=8).hexdigest()
        return f"{readable}-{mark}.jsonl"


@dataclass(frozen=True)
class Trial:
    """How one trial ended, with its tree as plain data.

    ``provenance`` counts the calls that an environment answered, by who made the answer.
    ``offered`` names the APIs that a retriever found for the task; None where it offered what the
    task names. Their documents stand in the journal, see :mod:`.offering`.
    """

    key: Key
    digest: str
    seed: int
    end: str
    answer: str | None
    spent: Mapping[str, float]
    tree_data: Mapping[str, Any] = field(repr=False)
    budget: Mapping[str, float] = field(default_factory=dict)
    limit: str | None = None
    error: str | None = None
    provenance: Mapping[str, int] = field(default_factory=dict)
    offered: tuple[str, ...] | None = None

    @cached_property
    def tree(self) -> Tree:
        """The tree, read."""
        return Tree.from_json(self.tree_data)

    @classmethod
    def of(
        cls,
        key: Key,
        task: Task,
        seed: int,
        budget: Mapping[str, float],
        result: Result,
        offered: tuple[str, ...] | None = None,
    ) -> Trial:
        """The record of a result; ``task`` is as planned."""
        return cls(
            key,
            task.digest,
            seed,
            result.end,
            result.answer,
            result.spent,
            result.tree.to_json(),
            budget,
            result.limit,
            result.error,
            provenance(result.tree),
            offered,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse of :meth:`from_json`."""
        return {
            **self.key._asdict(),
            "digest": self.digest,
            "seed": self.seed,
            "end": self.end,
            "answer": self.answer,
            "spent": dict(self.spent),
            "budget": dict(self.budget),
            "limit": self.limit,
            "error": self.error,
            "provenance": dict(self.provenance),
            **({} if self.offered is None else {"offered": list(self.offered)}),
            "tree": self.tree_data,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        """Read what :meth:`to_json` wrote."""
        key = Key(data["suite"], data["task"], data["planner"], data["trial"])
        return cls(
            key,
            data["digest"],
            data["seed"],
            data["end"],
            data["answer"],
            data["spent"],
            data["tree"],
            data["budget"],
            data["limit"],
            data["error"],
            data.get("provenance", {}),
            tuple(data["offered"]) if "offered" in data else None,
        )


def provenance(tree: Tree) -> dict[str, int]:
    """How many calls of a tree were answered live, recorded, simulated, computed, imported."""
    answered = [node.step.info.provenance for node in tree.walk() if node.step and reached(node)]
    return dict(sorted(Counter(answered).items()))
