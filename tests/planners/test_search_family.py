"""All planners of the search family, on hub tasks with the simulated model, and in the shop."""

from __future__ import annotations

from typing import Any

import pytest

from toolgrove.benchmarks.suites import load_suites
from toolgrove.core import Budget, Planner, make, run_sync
from toolgrove.envs.hub.registry import endpoints
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.evaluators import Ranking, SelfConsistency, Truth, Value, Vote
from toolgrove.models.simulated import SimulatedModel
from toolgrove.planners import DFSDT, CoT, ReACT
from toolgrove.planners.astar import AStar
from toolgrove.planners.beam import Beam
from toolgrove.planners.best_first import BestFirst
from toolgrove.planners.best_of_n import BestOfN
from toolgrove.planners.dfs_value import DFSValue
from toolgrove.planners.mcts import MCTS
from toolgrove.planners.reflexion import Reflexion
from toolgrove.testing import check_planner

FAMILY: list[tuple[Planner, Any]] = [
    (Beam(), Vote()),
    (Beam(beam=2, width=2, diverse=False), Ranking()),
    (DFSValue(), Value()),
    (DFSValue(threshold=0.4), Ranking(all_pairs=True)),
    (BestFirst(), Value()),
    (BestFirst(wave=3, diverse=True), Truth()),
    (AStar(), Value()),
    (AStar(cost="steps"), Truth("remaining")),
    (MCTS(), Value()),
    (MCTS(wave=4, rule="puct", width=2, rollout=False), Value("words")),
    (Reflexion(), None),
    (Reflexion(threshold=0.6), Value()),
    (BestOfN(ReACT()), Vote()),
    (BestOfN(CoT(), n=3, wave=3, evaluator=SelfConsistency()), None),
    (BestOfN(DFSDT(), n=2), Ranking(both=True)),
]


@pytest.mark.skipif("CountryAtlas.country_profile" not in endpoints(), reason="needs the extra hub")
@pytest.mark.parametrize(("planner", "evaluator"), FAMILY, ids=repr)
def test_on_the_hub_with_the_simulated_model(planner: Planner, evaluator: Any) -> None:
    [suite] = load_suites("hub:i1-inst")
    ends = []
    for task in suite.tasks[:6]:
        results = [
            run_sync(
                planner,
                task,
                SimulatedModel(),
                lambda: make("envs", "hub:mixed"),
                evaluator=evaluator,
                budget=Budget(calls=60),
            )
            for _ in range(2)
        ]
        for result in results:
            assert result.error is None, result.error
            assert result.spent["calls"] <= 60
        assert results[0].tree.shape() == results[1].tree.shape()
        ends.append(results[0].end)
    assert "answered" in ends


@pytest.mark.parametrize(
    "planner",
    [
        Beam(beam=3, width=2, diverse=False),
        DFSValue(width=2, threshold=0.4),
        BestFirst(wave=3, width=2),
        AStar(),
        MCTS(wave=3, rule="puct", width=2, diverse=True),
        Reflexion(threshold=0.95),
        BestOfN(ReACT(), n=3, wave=2),
    ],
    ids=repr,
)
def test_they_keep_the_contract(planner: Planner) -> None:
    """Killed after any effect and resumed, any cap, any timing; the contract tests have more."""
    check_planner(planner, tasks=shop_tasks(1, seed=3), cap=24)
