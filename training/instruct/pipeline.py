"""Sample, ask, read, filter, split: the stages of ``toolgrove data instruct`` put together.

Its folder has

* ``instruct.json``: what is asked of whom (table, teacher, seed, texts); another is refused;
* ``replies.jsonl``: one line a reply, sealed (core/lines.py), appended when it was paid;
* ``train-i1.jsonl`` ..: the suites; ``splits.json``: what they hold out;
* ``report.json``: counts of every stage, with one example of what each filter dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from ...benchmarks.rundir import locked
from ...core import Model, Task, UsageError
from ...envs.toolbench import standardize
from ...models.identity import identity_of
from ..documents import Document
from ..writing import write_json
from .candidates import Candidate, candidate
from .filters import Filters
from .generate import Outcome, Teacher
from .held import Held
from .sampling import Level, Recipe, Sample, Sampler

MANIFEST: Final = "instruct.json"
TEST_SHARE: Final = 0.1  # of the instructions for tools that training knows
SLACK: Final = 4  # times the calls that so many tasks need at least


@dataclass
class Counts:
    """What became of the calls of a level.

    Attributes:
        calls: samples asked for; ``replies``: replies they cost.
        instructions: entries that could be read; ``malformed``: those that could not, by reason.
        repaired: replies that were JSON only after repair.
        failed: samples that brought nothing, and why.
        owed: samples that a later command must ask for.
        kept: instructions that passed all filters; ``surplus``: that did, too, and were more than
            were asked for.
    """

    calls: int = 0
    replies: int = 0
    instructions: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    owed: int = 0
    kept: int = 0
    surplus: int = 0

    def take(self, outcome: Outcome) -> None:
        """Count what a sample brought."""
        self.calls += 1
        self.replies += outcome.attempts
        if not outcome.ended:
            self.owed += 1
        elif outcome.reading is not None:
            self.instructions += len(outcome.reading.items)
            self.malformed += outcome.reading.malformed
            self.repaired += outcome.reading.repaired
        else:
            self.failed[outcome.sample.key] = outcome.failed


@dataclass
class Wanted:
    """How much is asked for at each level: calls, or tasks that pass the filters."""

    calls: int | None = None
    tasks: int | None = None


@dataclass
class Pipeline:
    """All stages over one table.

    Attributes:
        documents: the table.
        sampler: draws the samples.
        teacher: is asked.
        name: what tasks call the teacher.
        seed: of the split of instructions.
    """

    documents: Sequence[Document]
    sampler: Sampler
    teacher: Teacher
    name: str
    seed: int = 0

    def __post_init__(self) -> None:
        known = {
            (standardize(d.api.tool or d.api.name), standardize(name))
            for d in self.documents
            for name in (d.api.api or d.api.name, d.api.name)
        }
        self.filters = Filters(known)
        self.counts: dict[Level, Counts] = {}
        self.kept: list[Candidate] = []

    @property
    def owed(self) -> int:
        """Samples that a later command must ask for."""
        return sum(counts.owed for counts in self.counts.values())

    @property
    def complete(self) -> bool:
        """Whether all that was asked for was done, or cannot be."""
        return not self.owed and not self.teacher.stopped and not self.teacher.paused

    async def run(self, levels: Sequence[Level], wanted: Wanted, concurrency: int) -> None:
        """Do all levels, one after another; what is there already costs nothing."""
        for level in levels:
            counts = self.counts[level] = Counts()
            source = self.sampler.draw(level)
            if wanted.tasks is None:
                calls = self.sampler.tools if wanted.calls is None else wanted.calls
                await self._wave(level, list(islice(source, calls)), concurrency)
                continue
            await self._until(level, source, wanted.tasks, concurrency)
            self._cut(level, wanted.tasks)
            if counts.owed or self.teacher.stopped or self.teacher.paused:
                break

    async def _until(
        self, level: Level, source: Iterator[Sample], tasks: int, concurrency: int
    ) -> None:
        """Waves of calls until so many tasks passed, or far too many calls were made."""
        counts, each = self.counts[level], self.teacher.order.count
        most = SLACK * -(-tasks // each) + SLACK
        while counts.kept < tasks and counts.calls < most and not counts.owed:
            needs = -(-(tasks - counts.kept) // each)
            wave = list(islice(source, min(needs, most - counts.calls)))
            await self._wave(level, wave, concurrency)

    async def _wave(self, level: Level, samples: list[Sample], concurrency: int) -> None:
        counts = self.counts[level]
        for outcome in await self.teacher.ask(samples, concurrency):
            counts.take(outcome)
            if outcome.reading is None:
                continue
            for number, item in enumerate(outcome.reading.items):
                made = candidate(outcome.sample, number, item)
                if self.filters.passes(made):
                    self.kept.append(made)
                    counts.kept += 1

    def _cut(self, level: Level, tasks: int) -> None:
        """Leave the tasks that were asked for; the last ones of the last wave are surplus."""
        own = [made for made in self.kept if made.sample.level == level][:tasks]
        self.kept = [made for made in self.kept if made.sample.level != level] + own
        self.counts[level].surplus += self.counts[level].kept - len(own)
        self.counts[level].kept = len(own)

    def sets(self) -> dict[str, list[Task]]:
        """The tasks by suite, in order; suites without any are left out."""
        sides = split(self.kept, self.seed)
        out: dict[str, list[Task]] = {}
        for made in self.kept:
            out.setdefault(sides[made.id], []).append(made.task(self.name, self.seed))
        return dict(sorted(out.items()))

    def report(self) -> dict[str, Any]:
        """Counts of every stage."""
        spent = self.teacher.budget.spent
        return {
            "teacher": self.name,
            "complete": self.complete,
            "stopped": self.teacher.stopped or ("paused" if self.teacher.paused else ""),
            "levels": {
                level: {**vars(counts), "malformed": dict(counts.malformed)}
                for level, counts in self.counts.items()
            },
            "filters": self.filters.report.to_json(),
            "spent": {kind: spent[kind] for kind in ("calls", "tokens", "usd")},
            "errors": dict(self.teacher.errors),
            "torn": self.teacher.torn,
        }


def split(candidates: Sequence[Candidate], seed: int) -> dict[str, str]:
    """The suite of each instruction, by id.

    What is held out decides for tools and categories. Of the other instructions a tenth is held
    out by a hash of the text, so that more tasks later move none from one side to the other: of a
    handful there may be none.
    """
    sides: dict[str, str] = {}
    known: dict[str, list[tuple[float, str]]] = {}
    for made in candidates:
        level, side = made.sample.level.lower(), made.sample.side
        sides[made.id] = f"train-{level}" if side == "train" else f"{level}-{side}"
        if side == "train":
            mark = blake2b(f"{seed}/{made.instruction}".encode(), digest_size=8).digest()
            place = int.from_bytes(mark, "big") / 2**64
            known.setdefault(level, []).append((place, made.id))
    for level, placed in known.items():
        chosen = [id for place, id in placed if place < TEST_SHARE]
        sides.update(dict.fromkeys(chosen, f"{level}-inst"))
    return sides


def begin(folder: Path, manifest: Mapping[str, Any]) -> TextIO:
    """Begin or go on in a folder; nobody else may write there until this is closed.

    Raises:
        UsageError: it is the folder of something else, or somebody writes in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        place, now = folder / MANIFEST, json.loads(json.dumps(manifest))
        if place.exists():
            _same(place, now)
        elif (folder / "replies.jsonl").exists():
            raise UsageError(f"{folder} has replies, but no {MANIFEST} that says to what")
        else:
            write_json(place, now)
    except BaseException:
        lock.close()
        raise
    return lock


def _same(place: Path, now: Mapping[str, Any]) -> None:
    try:
        before = json.loads(place.read_bytes())
        differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{place} cannot be read: {error!r}") from None
    if differing:
        key = differing[0]
        raise UsageError(
            f"{place.parent} was begun with another {key} ({_short(before.get(key))}, now "
            f"{_short(now.get(key))}): put it back as it was, or name another folder"
        )


def _short(value: Any) -> str:
    return f"{json.dumps(value, ensure_ascii=False):.160}"


def manifest_of(
    table: Path,
    model: Model,
    levels: Sequence[str],
    recipe: Recipe,
    held: Held,
    teacher: Mapping[str, Any],
) -> dict[str, Any]:
    """What decides the replies: the table's content, the teacher, the levels, seed and texts."""
    try:
        identity: Any = dict(identity_of(model))
    except UsageError:
        identity = {"model": type(model).__name__}
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    return {
        "table": digest,
        "teacher": identity,
        "levels": list(levels),
        "sampling": asdict(recipe),
        "held": held.to_json(),
        **teacher,
    }
