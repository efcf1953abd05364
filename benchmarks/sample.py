"""A sample of a run's judged answers for people to label, drawn so that its weights are known.

Answers are drawn at random within strata, so that what people say of the sample says something of
all answers: each stands for as many as its weight (Horvitz and Thompson 1952, JASA 47:663).
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..core import UsageError
from .scored import Item, ScoredRun
from .trial import Key

FORMAT: Final = 1
FOLDER: Final = "calibration"  # in the run directory
# What strata are made of; the first for which no stratum goes without an answer.
LEVELS: Final = (
    ("planner", "suite", "decision"),
    ("planner", "decision"),
    ("suite", "decision"),
    ("decision",),
    (),
)


class Stratum(NamedTuple):
    """Answers alike, as ``("dfsdt", "hub:i1-inst", "passed")``; ``drawn`` of ``size`` are shown."""

    name: tuple[str, ...]
    size: int
    drawn: int


class Drawn(NamedTuple):
    """An answer of the sample.

    Attributes:
        key: its trial.
        weight: how many judged answers it stands for.
        content: a hash of the task and the answer, which must be in the run as labels are read.
    """

    key: Key
    weight: float
    content: str


@dataclass(frozen=True)
class Sample:
    """What people are shown, and what it stands for.

    Attributes:
        answers: in the order of the run.
        shown: for each place on the page the index of its answer; a second look comes later.
        strata: what they were drawn from.
        judge: the spec that was given for it; None for the run's own.
        asked: how many answers were asked for.
        seed: of the drawing.
    """

    answers: tuple[Drawn, ...]
    shown: tuple[int, ...]
    strata: tuple[Stratum, ...]
    judge: str | None
    asked: int
    seed: int

    @property
    def population(self) -> int:
        """Judged answers that it was drawn from: what the weights sum to."""
        return sum(stratum.size for stratum in self.strata)

    @property
    def repeats(self) -> int:
        """Answers that are shown twice."""
        return len(self.shown) - len(self.answers)

    @property
    def ids(self) -> dict[str, int]:
        """What the places of the page are called, each with the index of its answer."""
        return {f"{place:03}": index for place, index in enumerate(self.shown, 1)}

    @cached_property
    def digest(self) -> str:
        """Of all of it: labels say which sample they belong to by it."""
        text = json.dumps(self._content(), sort_keys=True)
        return blake2b(text.encode(), digest_size=12).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse of :meth:`from_json`."""
        return {"format": FORMAT, "sample": self.digest, **self._content()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sample:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: it is no sample, or was changed.
        """
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}, expected {FORMAT}")
        found = cls(
            tuple(Drawn(Key(*a["key"]), float(a["weight"]), a["content"]) for a in data["answers"]),
            tuple(data["shown"]),
            tuple(Stratum(tuple(s["name"]), s["size"], s["drawn"]) for s in data["strata"]),
            data["judge"],
            data["asked"],
            data["seed"],
        )
        if found.digest != data["sample"]:
            raise ValueError("its content does not have the hash that it says")
        return found

    def _content(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "asked": self.asked,
            "judge": self.judge,
            "strata": [{**s._asdict(), "name": list(s.name)} for s in self.strata],
            "answers": [{**a._asdict(), "key": list(a.key)} for a in self.answers],
            "shown": list(self.shown),
        }


def judged(run: ScoredRun) -> list[Item]:
    """The answers that the judge passed or failed; of other trials people are not asked."""
    return [
        item
        for item in run.items
        if item.trial is not None
        and item.trial.end == "answered"
        and item.outcome in ("passed", "failed")
    ]


def draw(
    run: ScoredRun,
    size: int = 100,
    *,
    repeats: float = 0.1,
    seed: int = 0,
    judge: str | None = None,
) -> Sample:
    """Draw a stratified sample of the judged answers.

    Strata are planner x suite x decision, or fewer where there are more of them than answers asked
    for. Each gives its share of the sample, at least one, and all that are drawn from one stratum
    have the same weight: how many it has over how many are drawn.

    Args:
        run: with its verdicts.
        size: how many answers; all of them where there are fewer.
        repeats: the share of them shown a second time, from 0 to 0.5.
        seed: of the draw and of the order shown.
        judge: the spec that ``run`` was read with, to be kept.

    Raises:
        UsageError: nothing was judged, or the figures cannot be.
    """
    if size < 1:
        raise UsageError("--sample must be 1 or more")
    if not 0 <= repeats <= 0.5:
        raise UsageError(f"--repeats {repeats:g}: a share from 0 to 0.5, as 0.1")
    population = judged(run)
    if not population:
        how = f" --judge '{judge}'" if judge else ""
        raise UsageError(
            f"{run.path} has no judged answer to show to people: `toolgrove score {run.path}{how}` "
            f"judges what was answered"
        )
    strata = _stratified(population, size)
    counts = allocated([len(items) for items in strata.values()], min(size, len(population)))
    rng = random.Random(seed)
    weights: dict[Key, float] = {}
    for items, count in zip(strata.values(), counts, strict=True):
        for item in rng.sample(items, count):
            weights[item.key] = len(items) / count
    answers = tuple(
        Drawn(item.key, weights[item.key], content_of(item))
        for item in population
        if item.key in weights
    )
    return Sample(
        answers,
        _order(len(answers), round(repeats * len(answers)), rng),
        tuple(
            Stratum(name, len(items), count)
            for (name, items), count in zip(strata.items(), counts, strict=True)
        ),
        judge,
        size,
        seed,
    )


def allocated(sizes: Sequence[int], count: int) -> list[int]:
    """How many to draw of each stratum: its share of the count, at least one where that goes.

    >>> allocated([80, 15, 4, 1], 10)
    [7, 1, 1, 1]
    """
    total = sum(sizes)
    found = [int(count >= len(sizes))] * len(sizes)
    while sum(found) < count:
        lacking = [
            (size * count / total - n if n < size else -float("inf"))
            for n, size in zip(found, sizes, strict=True)
        ]
        found[lacking.index(max(lacking))] += 1
    return found


def content_of(item: Item) -> str:
    """A hash of what people are asked about: the task and the final answer."""
    answer = None if item.trial is None else item.trial.answer
    text = json.dumps([item.digest, answer])
    return blake2b(text.encode(), digest_size=12).hexdigest()


def find_sample(run: Path, digest: str) -> Sample:
    """The sample of a run by its hash.

    Raises:
        UsageError: the run has none of that hash, or its file was changed.
    """
    known: list[str] = []
    for path in sorted((run / FOLDER).glob("sample*.json")):
        sample = read_sample(path)
        if sample.digest == digest:
            return sample
        known.append(f"{sample.digest} ({path.name})")
    there = f"it has {', '.join(known)}" if known else "no sample was drawn of it"
    raise UsageError(
        f"the labels belong to the sample {digest}, which is none of {run}: {there}. "
        f"Give the run that the page was made from"
    )


def read_sample(path: Path) -> Sample:
    """The sample in a file.

    Raises:
        UsageError: it cannot be read, or was changed.
    """
    try:
        return Sample.from_json(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is no whole sample ({type(error).__name__}: {error}): put it back as it was, "
            f"or remove it and make the page again"
        ) from error


def check_unchanged(sample: Sample, run: ScoredRun) -> None:
    """See that the run still has the answers that people looked at.

    Raises:
        UsageError: one is gone, or is another now.
    """
    there = {item.key: item for item in run.items}
    for drawn in sample.answers:
        item = there.get(drawn.key)
        if item is None or item.trial is None or content_of(item) != drawn.content:
            raise UsageError(
                f"{run.path} has another answer of {drawn.key.planner} to {drawn.key.task} than "
                f"people were shown: it was run again since. Make a page of the answers as they are"
            )


def _stratified(population: Sequence[Item], size: int) -> dict[tuple[str, ...], list[Item]]:
    for level in LEVELS:
        strata: dict[tuple[str, ...], list[Item]] = {}
        for item in population:
            told = {
                "planner": item.key.planner,
                "suite": item.key.suite,
                "decision": item.outcome,
            }
            strata.setdefault(tuple(told[part] for part in level), []).append(item)
        if len(strata) <= size:
            break
    return strata


def _order(count: int, repeats: int, rng: random.Random) -> tuple[int, ...]:
    """Places on the page: shuffled, second looks in the latter half, first ones well before."""
    order = list(range(count))
    rng.shuffle(order)
    half = count // 2
    again = rng.sample(order[: max(repeats, count // 3)], repeats)
    tail = order[half:] + again
    while True:  # at most a few times: what is shown twice running shows that it is a second look
        rng.shuffle(tail)
        found = order[:half] + tail
        if count < 4 or all(a != b for a, b in zip(found, found[1:], strict=False)):
            break
    return tuple(found)
