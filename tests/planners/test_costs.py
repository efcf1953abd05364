"""What the pages of the planners say about costs, run: every row of their tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import API, Completion, Request, Session, Task, make, run_sync
from toolgrove.envs.shop import ShopEnv, shop_tasks
from toolgrove.models.scripted import ScriptedModel

PAGES = Path(__file__).resolve().parents[2] / "docs" / "planners"
ROW = re.compile(r"^\| `([^`]+)` \| ([\d,]+) \| `([^`]+)` \|$", re.M)
ROWS = [
    (spec, int(calls.replace(",", "")), formula)
    for page in sorted(PAGES.glob("*.md"))
    for spec, calls, formula in ROW.findall(page.read_text("utf-8"))
]


def test_every_page_has_rows() -> None:
    told = {re.split(r"[:@]", spec)[0] for spec, _, _ in ROWS}
    others = {"evaluators", "comparison", "toolbench-profile"}
    assert told == {page.stem for page in PAGES.glob("*.md")} - others


@pytest.mark.parametrize(("spec", "calls", "formula"), ROWS, ids=[row[0] for row in ROWS])
def test_the_worst_case_costs_what_the_page_says(
    grown: Any, spec: str, calls: int, formula: str, tmp_path: Path, monkeypatch: Any
) -> None:
    """No path ends, no two samples are the same, and scores cost nothing."""
    if "hub-index" in spec:
        pytest.importorskip("bm25s")
        from toolgrove.models.retrieval.index import write_index

        ways = ("up", "down", "on", "in")
        apis = [API(f"go_{way}", f"Find the way {way}, a lesson.") for way in ways]
        write_index(tmp_path / "hub-index", apis, "bm25")
        monkeypatch.chdir(tmp_path)
    planner = make("planners", spec)
    assert eval(formula, dict(vars(planner))) == calls  # of our own page
    result = grown({}, default=0.5).search(planner)
    assert result.limit is None and result.spent["calls"] == calls


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_dfsdt_where_every_path_gives_up_at_one_depth(grown: Any, width: int, k: int) -> None:
    """The docs: w + w^2 + .. + w^k + w^k, for give-ups one level below k."""
    ids = ["0"]
    scores: dict[str, float] = {}
    for _ in range(k):
        ids = [f"{id}.{i}" for id in ids for i in range(width)]
        scores |= dict.fromkeys(ids, 0.5)
    result = grown(scores).search(make("planners", f"dfsdt:width={width}"))
    assert result.spent["calls"] == sum(width**i for i in range(1, k + 1)) + width**k


def test_toolbench_with_a_thought_in_every_turn_is_four_turns_deep(grown: Any) -> None:
    """The docs: 30 calls by default with thoughts, 126 without."""

    class Aloud(grown):  # type: ignore[misc]
        def reply(self, request: Request) -> Completion:
            said: Completion = super().reply(request)
            return Completion("Let me see.", said.calls)

    result = Aloud({}, default=0.5).search(make("planners", "dfsdt:profile=toolbench"))
    assert result.spent["calls"] == 30


ASKED = [
    ([cell.strip() for cell in row.strip("|").split("|")])
    for row in (PAGES / "evaluators.md")
    .read_text("utf-8")
    .partition("## Cost")[2]
    .partition("## ")[0]
    .splitlines()
    if row.startswith("| `")
]


@pytest.mark.parametrize("row", ASKED, ids=[row[0] for row in ASKED])
def test_evaluators_cost_what_their_page_says(row: list[str]) -> None:
    evaluator = make("evaluators", row[0].strip("`"))
    [task] = shop_tasks(1)
    for nodes, told in zip((2, 4, 8), row[1:], strict=True):
        spent = []
        for verdict in "AB":  # the order is the best for the sort, and the worst
            asked = dict.fromkeys(("value", "vote", "ranking"), [Completion(verdict)])
            reply = Completion("Hm.")
            model = ScriptedModel(default=reply, answers=asked)
            spent.append(calls_for_scores(evaluator, nodes, task, model))
        least, _, most = told.partition(" to ")
        assert int(least) <= min(spent) and max(spent) <= int(most or least)
        assert most or spent == [int(least)] * 2


def calls_for_scores(evaluator: Any, nodes: int, task: Task, model: ScriptedModel) -> int:
    """The calls that the scores of so many siblings cost."""
    from dataclasses import dataclass

    from toolgrove.core import Node, Planner

    @dataclass(frozen=True)
    class Once(Planner):
        async def plan(self, s: Session) -> Node | None:
            await s.evaluate(await s.expand(s.root, nodes))
            return None

    result = run_sync(Once(), task, model, ShopEnv, evaluator=evaluator)
    assert result.error is None, result.error
    return int(result.spent["calls"]) - nodes
