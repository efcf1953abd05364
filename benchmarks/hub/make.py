"""Make the hub's tasks: six test sets and a training set, the same bytes each time.

As in ToolBench: *inst* sets ask new questions of tools that training uses, *tool* sets use tools
that it does not, *cat* sets categories that it does not. A question's skeleton (its facts without
values) stands on one side only, and so does every entity of a type that has many.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from ...core import UsageError
from ...envs.hub.registry import Endpoint, by_function
from .expressions import execute
from .filters import Filters
from .fingerprint import fingerprint
from .graph import Graph, Level, Side, light_endpoints
from .mirrors import Mirrors, renames
from .questions import Asker, Question
from .wording import Speaker, Unsayable, readable, smooth

# Held out of training: categories, and tools of other categories. Chosen among the less linked.
HELD_CATEGORIES: Final = (
    "Cybersecurity", "Food", "Music", "Payments", "Sports", "Visual_Design",
)  # fmt: skip
HELD_TOOLS: Final = (
    "CarbonEmissions", "DiceOdds", "LabMath", "LocaleFormats", "MapTiles", "MoleculeCalc",
    "NumberWords", "UsAirlines", "UsInflation", "Versions", "VinDecoder",
)  # fmt: skip
SETS: Final[dict[str, int]] = {
    "i1-inst": 200,
    "i1-tool": 200,
    "i1-cat": 200,
    "i2-inst": 200,
    "i2-cat": 200,
    "i3-inst": 100,
}
TRAIN: Final[dict[Level, int]] = {"I1": 3500, "I2": 3000, "I3": 3500}
TEST_SHARE: Final = 0.25  # of the skeletons
OFFERED: Final = {"I1": 8, "I2": 10, "I3": 12}
UNCERTIFIED: Final = 0.35  # share of the questions without a certificate that are kept
SEED: Final = 2026
DATA: Final = Path(__file__).parent / "data"


def skeleton_side(skeleton: str) -> Side:
    """On which side all questions of a skeleton stand."""
    mark = blake2b(skeleton.encode(), digest_size=2).digest()
    return "test" if mark[0] < 256 * TEST_SHARE else "train"


@dataclass
class Maker:
    """Makes the tasks of one set.

    Attributes:
        name: of the set: ``i1-inst`` ..., ``train-i1`` ...
        made: tasks, in order.
    """

    name: str
    level: Level
    side: Side
    wanted: int
    apis: Sequence[Endpoint]
    everything: Sequence[Endpoint]
    fits: Callable[[Question], bool]
    mirrors: Mirrors
    made: list[dict[str, Any]] = field(default_factory=list)
    tries: int = 0

    def run(self, first: int | None = None) -> None:
        """Make them, or only so many of the first.

        Raises:
            RuntimeError: too few can be made; the filters' counts say why.
        """
        graph = Graph(self.apis, self.side)
        asker = Asker(graph)
        self.filters = Filters(graph, self.side)
        rng = random.Random(f"{SEED}/{self.name}")
        texts: set[str] = set()
        skeletons: Counter[str] = Counter()
        paths: Counter[str] = Counter()
        cap = max(2, self.wanted // 60)
        while len(self.made) < (first or self.wanted):
            self.tries += 1
            if self.tries > 400 * self.wanted:
                raise RuntimeError(f"{self.name}: only {len(self.made)} of {self.wanted} tasks "
                                   f"can be made: {dict(self.filters.dropped)}")  # fmt: skip
            question = asker.draw(rng, self.level)
            if question is None or not self.fits(question):
                continue
            skeleton = question.skeleton
            path = "|".join(api.id for api in question.apis())
            if skeletons[skeleton] >= cap or paths[path] >= 2 * cap:
                continue
            task = self._task(question, rng)
            if task is None or task["instruction"] in texts:
                continue
            texts.add(task["instruction"])
            skeletons[skeleton] += 1
            paths[path] += 1
            self.made.append(task)

    def _task(self, question: Question, rng: random.Random) -> dict[str, Any] | None:
        """The task of a question, if it is fit to ask."""
        solution, path = question.solution()
        if len(solution.steps) > 9:
            return None
        done = execute(solution, by_function())
        if done is None or not self.filters.passes(question, done[1], rng):
            return None
        speaker = Speaker(rng)
        try:
            instruction = smooth(question.text(speaker))
        except Unsayable:
            return None
        if not readable(instruction):
            return None
        answer = done[1]
        alternatives = self.mirrors.certificates(question, answer)
        if not alternatives and rng.random() > UNCERTIFIED:
            return None  # so that enough tasks can lose an API and still be done
        offered = self._offer(question, alternatives, rng)
        types = [fact.type.name for fact in question.facts]
        return {
            "id": f"{self.name}-{len(self.made):04d}",
            "instruction": instruction,
            "answer": answer,
            "type": types[:2] if question.operator == "both" else question.type.name,
            "level": self.level,
            "offered": [api.id for api in offered],
            "path": list(dict.fromkeys(path)),
            "solution": solution.to_json(),
            "alternatives": alternatives,
            "renames": renames({api.id: api for api in question.apis()}, path),
            "literals": speaker.literals,
            "skeleton": blake2b(question.skeleton.encode(), digest_size=8).hexdigest(),
            "seeds": [[seed.type, seed.value] for seed in question.seeds()],
        }

    def _offer(
        self, question: Question, alternatives: dict[str, Any], rng: random.Random
    ) -> list[Endpoint]:
        """The APIs offered: those of the path, mirrors, siblings, neighbours, and others."""
        gold = question.apis()
        known = {api.id: api for api in self.everything}
        also = [known[id] for ways in alternatives.values() for way in ways for id in way["path"]
                if id in known]  # fmt: skip
        tools = {api.tool.name for api in gold}
        categories = {api.tool.category for api in gold}
        siblings = [api for api in self.everything if api.tool.name in tools]
        neighbours = [api for api in self.everything if api.tool.category in categories]
        offered = list(dict.fromkeys([*gold, *also]))
        size = max(OFFERED[self.level], len(offered) + 2)
        for group, share in ((siblings, 4), (neighbours, 3), (list(self.everything), size)):
            others = [api for api in group if api not in offered]
            room = size - len(offered)
            offered += rng.sample(others, min(share, room, len(others)))
        rng.shuffle(offered)
        return offered


def makers() -> Iterator[Maker]:
    """The sets to make, one after another."""
    apis = list(light_endpoints().values())
    mirrors = Mirrors(apis)

    def held_category(api: Endpoint) -> bool:
        return api.tool.category in HELD_CATEGORIES

    def held(api: Endpoint) -> bool:
        return held_category(api) or api.tool.name in HELD_TOOLS

    seen = [api for api in apis if not held(api)]
    tool = [api for api in apis if not held_category(api)]
    cat = [api for api in apis if held_category(api)]

    def on(side: Side) -> Callable[[Question], bool]:
        return lambda question: skeleton_side(question.skeleton) == side

    def new_tool(question: Question) -> bool:
        return all(api.tool.name in HELD_TOOLS for api in question.apis())

    for name, wanted in SETS.items():
        level: Level = name[:2].upper()  # type: ignore[assignment]
        pool, fits = {
            "inst": (seen, on("test")),
            "tool": (tool, new_tool),
            "cat": (cat, lambda question: True),
        }[name[3:]]
        if name == "i1-tool":
            pool = [api for api in tool if api.tool.name in HELD_TOOLS]
        yield Maker(name, level, "test", wanted, pool, apis, fits, mirrors)
    known = Mirrors(seen)  # what is held out is no way around, either
    for level, wanted in TRAIN.items():
        name = f"train-{level.lower()}"
        yield Maker(name, level, "train", wanted, seen, seen, on("train"), known)


def make_sets(
    folder: Path = DATA, only: Sequence[str] | None = None, jobs: int = 2
) -> Iterator[tuple[str, int, int, dict[str, int]]]:
    """Make sets and write them: name, tasks, draws, and what the filters turned away.

    Raises:
        UsageError: there is no set of a name in ``only``.
    """
    names = [maker.name for maker in makers()]
    unknown = set(only or ()) - set(names)
    if unknown:
        raise UsageError(f"no set {sorted(unknown)[0]!r}; there are: {', '.join(names)}")
    wanted = [name for name in names if not only or name in only]
    wanted.sort(key=lambda name: not name.startswith("train"))  # the long ones first
    with ProcessPoolExecutor(max(1, jobs)) as workers:
        for done in as_completed([workers.submit(make_set, name, folder) for name in wanted]):
            yield done.result()


def make_set(name: str, folder: Path) -> tuple[str, int, int, dict[str, int]]:
    """Make one set and write it."""
    maker = next(maker for maker in makers() if maker.name == name)
    maker.run()
    write(name, maker.made, folder)
    return name, len(maker.made), maker.tries, dict(maker.filters.dropped)


def write(name: str, tasks: Sequence[dict[str, Any]], folder: Path = DATA) -> None:
    """Write a set: a line with the fingerprint, then a task a line; gzipped, without a date."""
    folder.mkdir(parents=True, exist_ok=True)
    libs = {lib for task in tasks for lib in libs_of(task)}
    head = {"set": name, "tasks": len(tasks), "fingerprint": fingerprint(sorted(libs))}
    write_lines(folder / f"{name}.jsonl.gz", [head, *tasks])


def write_lines(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write JSON lines, gzipped without a date."""
    lines = [json.dumps(each, ensure_ascii=False) for each in records]
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as out:
        out.write(("\n".join(lines) + "\n").encode())
    path.write_bytes(packed.getvalue())


def libs_of(task: dict[str, Any]) -> set[str]:
    """The modules that a task's path needs."""
    known = light_endpoints()
    return {lib for id in task["path"] if id in known for lib in known[id].libs}
