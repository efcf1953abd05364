"""From runs to a folder of training data: read, word, count, write; one trial at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from ..core import Policy, UsageError, make
from ..models.tokens import counter
from .annotated import AnnotatedRun, Keep, LeftOut, Solved, narrowed
from .data_card import Statistics, card
from .dataset import (
    SHAPES,
    VERSION,
    Dataset,
    arrow,
    check_place,
    read_dataset,
    remove_others,
    write_parquet,
    write_rows,
)
from .going_back import called_beside, going_back_rows
from .sft import POLICIES, Per, Row, Shape, content_of, sft_rows
from .writing import write_json, write_text


class NoRows(UsageError):
    """The runs give not one row; the text says why, trial by trial."""


@dataclass(frozen=True)
class Recipe:
    """How data is made of runs.

    Attributes:
        format: ``sft`` or ``dpo``.
        shape: of the rows; "" is ``toolllama`` for sft, ``chat`` for dpo.
        policy: the spec that words them; "" is the one that belongs to the shape.
        per: instances a turn or a path (sft).
        profile: ``toolbench`` is exactly ToolBench's preprocessing (sft, shape toolllama).
        judge: by whose verdicts; None is each run's own.
        keep: ``passed``, or ``all`` that answered.
        recoveries: keep failed steps on a path (sft).
        max_errors: paths with more failed steps are left out (sft).
        offer: how many functions a row offers, as ``3-6``: those that its path calls or needs, and
            others drawn; "" offers all that the trial did.
        seed: of these draws.
        going_back: rows of each kind that a trial gives beside its path, at most: give-ups, and
            turns after a hint on what was tried (sft); see :mod:`.going_back`.
        most: pairs at one node, at most (dpo).
        licences: of the data, in words.
        parquet: write it, too.
        counter: a model's name: whose tokens are counted, where its encoding is at hand.
    """

    format: Literal["sft", "dpo"] = "sft"
    shape: str = ""
    policy: str = ""
    per: Per = "turn"
    profile: Literal["toolgrove", "toolbench"] = "toolgrove"
    judge: str | None = None
    keep: Keep = "passed"
    recoveries: bool = True
    max_errors: int | None = None
    offer: str = ""
    seed: int = 0
    going_back: int = 0
    most: int = 2
    licences: tuple[str, ...] = ()
    parquet: bool = True
    counter: str = "gpt-4"

    def __post_init__(self) -> None:
        shape = self.shape or ("toolllama" if self.format == "sft" else "chat")
        if (self.format, shape) not in SHAPES:
            of = ", ".join(s for f, s in SHAPES if f == self.format) or "no format of that name"
            raise UsageError(f"no shape {shape!r} for {self.format}; there are: {of}")
        if self.per not in ("turn", "path"):
            raise UsageError(f"--per {self.per!r}: expected turn or path")
        if self.profile not in ("toolgrove", "toolbench"):
            raise UsageError(f"--profile {self.profile!r}: expected toolgrove or toolbench")
        if self.most < 1 or (self.max_errors is not None and self.max_errors < 0):
            raise UsageError("--pairs must be 1 or more, --max-errors 0 or more")
        if self.going_back < 0 or (self.going_back and self.format != "sft"):
            raise UsageError("--going-back must be 0 or more, and is for --format sft")
        self.offered  # noqa: B018 - a mistake in it is told now
        if self.profile == "toolbench":
            if (self.format, shape, self.per) != ("sft", "toolllama", "turn"):
                raise UsageError(
                    "--profile toolbench is --format sft --shape toolllama --per turn, as "
                    "ToolBench has it"
                )
            given = self.policy or self.max_errors or self.offer or self.going_back
            if given or not self.recoveries:
                raise UsageError(
                    "--profile toolbench words paths as ToolBench does: no --policy, --offer, "
                    "--max-errors, --going-back or --no-recoveries"
                )
        object.__setattr__(self, "shape", shape)
        own = "toolllama:texts=toolbench" if self.profile == "toolbench" else POLICIES[shape]
        object.__setattr__(self, "policy", self.policy or own)

    @property
    def offered(self) -> tuple[int, int] | None:
        """The least and the most functions that a row offers; None for all."""
        if not self.offer:
            return None
        read = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", self.offer)
        if read is None:
            raise UsageError(f"--offer {self.offer!r}: expected a range, as 3-6")
        found = (int(read[1]), int(read[2] or read[1]))
        if not 1 <= found[0] <= found[1]:
            raise UsageError(f"--offer {self.offer!r}: expected a range from 1 on, as 3-6")
        return found

    def narrow(self, solved: Solved) -> Solved:
        """The trial with as many functions as ``offer`` says; those that rows call are kept."""
        from .dpo import called_by_losers

        if self.offered is None:
            return solved
        called = frozenset[str]()
        if self.format == "dpo":
            called = called_by_losers(solved, self.most)
        elif self.going_back:
            called = called_beside(solved, self.going_back)
        return narrowed(solved, *self.offered, self.seed, called)

    @property
    def learn(self) -> str:
        """Which turns of a row are learnt."""
        if self.format == "dpo":
            return "preference"
        return "last" if self.per == "turn" else "all"

    def rows(self, policy: Policy) -> Callable[[Solved], list[Row]]:
        """What makes the rows of a trial."""
        if self.profile == "toolbench":
            from .toolbench_sft import toolbench_rows

            return toolbench_rows
        if self.format == "dpo":
            from .dpo import dpo_rows

            return lambda solved: dpo_rows(solved, policy, most=self.most)
        shape: Shape = "chat" if self.shape == "chat" else "toolllama"

        def rows(solved: Solved) -> list[Row]:
            beside = []
            if self.going_back:
                beside = going_back_rows(
                    solved, policy, shape=shape, per=self.per, most=self.going_back
                )
            try:
                path = sft_rows(
                    solved, policy, shape=shape, per=self.per, recoveries=self.recoveries,
                    max_errors=self.max_errors,
                )  # fmt: skip
            except LeftOut:
                if not beside:
                    raise
                return beside
            return [*path, *beside]

        return rows


def export_dataset(
    runs: Sequence[Path],
    out: Path,
    recipe: Recipe,
    *,
    licences: dict[str, str] | None = None,
) -> Dataset:
    """Make a data set of runs; what was in ``out`` before is replaced when it is done.

    Args:
        runs: run directories; equal rows of two are written once.
        out: the folder.
        recipe: how.
        licences: of APIs by their function names, for the card.

    Raises:
        NoRows: the runs give none.
        UsageError: a run cannot be read, an option is wrong, or nothing can be written.
    """
    from .. import __version__

    policy: Policy = make("policies", recipe.policy)
    if recipe.parquet:
        arrow()
    check_place(out)
    read = [AnnotatedRun(run, judge=recipe.judge, keep=recipe.keep) for run in runs]
    stats = Statistics(counter(recipe.counter), licences)
    used: list[int] = []
    name = f"{recipe.format}.jsonl"
    count, digest = write_rows(out / name, _rows(read, recipe, policy, stats, used))
    info: dict[str, Any] = {
        "version": VERSION,
        "name": out.resolve().name,
        "format": recipe.format,
        "shape": recipe.shape,
        "learn": recipe.learn,
        "rows": count,
        "sha256": digest,
        "policy": {"spec": recipe.policy, "fingerprint": policy.fingerprint},
        "recipe": asdict(recipe),
        "sources": [{**r.source(), "used": n} for r, n in zip(read, used, strict=True)],
        "statistics": stats.to_json(),
        "licences": list(recipe.licences),
        "toolgrove": __version__,
    }
    made = Dataset(out, recipe.format, recipe.shape, recipe.learn, info)
    files = [name, "README.md", "data.json"]
    if recipe.parquet:
        info["parquet_sha256"] = write_parquet(made)
        files.append(f"{recipe.format}.parquet")
    write_text(out / "README.md", card(info))
    write_json(out / "data.json", info)
    remove_others(out, files)
    return read_dataset(out)


def _rows(
    runs: Sequence[AnnotatedRun],
    recipe: Recipe,
    policy: Policy,
    stats: Statistics,
    used: list[int],
) -> Iterator[dict[str, Any]]:
    """The rows of all runs, each once, in the order planned; counts go where they belong.

    Raises:
        NoRows: there is not one.
    """
    make_rows = recipe.rows(policy)
    seen: set[bytes] = set()
    for run in runs:
        used.append(0)
        for solved in run:
            try:
                rows = make_rows(solved := recipe.narrow(solved))
            except LeftOut as reason:
                run.leave_out(str(reason))
                continue
            used[-1] += 1
            stats.path(solved)
            for row in rows:
                mark = blake2b(content_of(row.data).encode("utf-8", "replace"), digest_size=16)
                if mark.digest() in seen:
                    stats.duplicates += 1
                    continue
                seen.add(mark.digest())
                stats.row(row)
                yield row.data
    if not seen:
        raise NoRows("no row to write: " + "; ".join(map(_nothing, runs)))


def _nothing(run: AnnotatedRun) -> str:
    """Why a run gave nothing, and what to do."""
    reasons = ", ".join(f"{n} {reason}" for reason, n in run.left_out.most_common())
    told = f"{run.path} has {run.planned} planned trials ({reasons or 'none'})"
    if run.damaged:
        told += f" and {run.damaged} torn lines"
    if run.left_out["unjudged"]:
        told += f"; `toolgrove score {run.path}` judges them"
    if run.left_out["missing"] or run.damaged:
        told += "; the command that made it makes what is missing"
    return told
