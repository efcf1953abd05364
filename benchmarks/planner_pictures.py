"""The trees that the planners grow on one small task, as pictures: ``make pictures``.

Every picture is of a real search: the same question to the embedded hub, the same simulated model,
the same seed. The model has two misconceptions about the first call, so the first branch goes
wrong, and the pictures show what each search does about that. They stand in docs/planners.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from ..core import Budget, Node, Planner, Result, Task, make, run_sync
from ..core.svg import svg
from ..envs.hub.registry import endpoints
from ..models.retrieval import over
from .suites import load_suites

TASK: Final = "i2-inst-0175"
SUITE: Final = f"hub:i2-inst,ids={TASK}"
SEED: Final = 0
CALLS: Final = 60
EVALUATOR: Final = "value"
LACKING: Final = "twilight_for_sunmoon"  # what re-retrieval has to find

# The name of each picture, and the search it shows; anytool is given its retriever here.
SPECS: Final[Mapping[str, str]] = {
    "cot": "cot",
    "react": "react",
    "react_n": "react@4",
    "dfsdt": "dfsdt",
    "dfsdt_ranked": "dfsdt:ranked=true",
    "toolbench": "dfsdt:profile=toolbench,ranked=true",
    "beam": "beam:beam=2,width=2",
    "dfs_value": "dfs_value:width=2,threshold=0.35",
    "best_first": "best_first:width=2",
    "astar": "astar:width=2",
    "mcts": "mcts:width=2,answers=2",
    "reflexion": "reflexion@3",
    "best_of_n": "best_of_n@5:(react)",
    "anytool": "anytool:(react@2),k=3",
}


class Search(NamedTuple):
    """A search that was made for a picture.

    Attributes:
        result: what it found and spent.
        order: the number of each node, by its id, in the order in which they were made.
    """

    result: Result
    order: Mapping[str, int]

    def drawn(self) -> str:
        """The picture."""
        return svg(self.result.tree, order=self.order, scores=True) + "\n"


def small_task() -> Task:
    """The task of all pictures.

    Raises:
        UsageError: the hub's libraries are not installed.
    """
    [suite] = load_suites(SUITE)
    [task] = suite.tasks
    return task


def planner_of(spec: str) -> Planner:
    """The planner of a spec; ``anytool`` gets a retriever over the hub's APIs by their words."""
    name, _, rest = spec.partition(":")
    if name != "anytool":
        made: Planner = make("planners", spec)
        return made
    from ..planners.anytool import AnyTool

    inner, _, k = rest.partition(",k=")
    known = [endpoint.api for endpoint in endpoints().values()]
    return AnyTool(make("planners", inner.strip("()")), over(known, "bm25"), k=int(k))


def search(planner: Planner, *, lacking: str | None = None) -> Search:
    """Search the task.

    Args:
        planner: how.
        lacking: the function that the task does not offer.
    """
    task, order = small_task(), dict[str, int]()
    if lacking is not None:
        task = replace(task, apis=tuple(api for api in task.apis if api.name != lacking))

    def number(node: Node) -> None:
        order[node.id] = len(order) + 1

    result = run_sync(
        planner,
        task,
        make("models", "simulated"),
        lambda: make("envs", "hub"),
        evaluator=make("evaluators", EVALUATOR),
        budget=Budget(calls=CALLS),
        seed=SEED,
        listen=number,
    )
    return Search(result, order)


def picture(name: str) -> Search:
    """The search of one of the pictures."""
    return search(planner_of(SPECS[name]), lacking=LACKING if name == "anytool" else None)


def shown_planner(page: Path) -> Planner:
    """The planner whose code stands on a page: its first block of Python that has one."""
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    code = next(block for block in blocks if "(Planner)" in block)
    [cls] = re.findall(r"^class (\w+)\(Planner\)", code, re.M)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{cls.lower()}.py"
        file.write_text(code, "utf-8")
        made: Planner = make("planners", f"{file}:{cls}")
    return made


def main(docs: Path) -> None:
    """Draw them all, and that of the tutorial's planner, into ``pictures/planners``."""
    folder = docs / "pictures" / "planners"
    folder.mkdir(parents=True, exist_ok=True)
    made = {name: picture(name) for name in SPECS}
    made["undo"] = search(shown_planner(docs / "write-a-planner.md"))
    for name, each in made.items():
        (folder / f"{name}.svg").write_text(each.drawn(), "utf-8")
        spent = each.result.spent
        print(f"{name}: {each.result.end}, {spent['calls']:.0f} calls, {len(each.order)} nodes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
