"""How much of the world a model made up stands in every table."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from toolgrove.benchmarks.caveats import caveats
from toolgrove.benchmarks.comparison import Comparison
from toolgrove.benchmarks.leaderboard import leaderboard
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.reports import read_report
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.suites import load_suites
from toolgrove.core import Action, Episodes, Step
from toolgrove.envs import ShopEnv

pytest.importorskip("scipy")


class HalfMadeUp(ShopEnv):
    """A shop whose shelves a model made up."""

    async def step(self, action: Action) -> Step:
        step = await super().step(action)
        made_up = action.api == "list_shelf"
        info = step.info._replace(provenance="simulated" if made_up else "live")
        return step._replace(info=info)


def run(path: Path, env: type[ShopEnv]) -> ScoredRun:
    plan = Plan(load_suites("shop:n=4"), ["react", "dfsdt"], "stumble", "shop", "match")
    parts = Parts.of(plan)
    parts.world = Episodes(env)
    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        rows = asyncio.run(Runner(plan, directory, parts=parts).run())
    for row in rows:
        assert sum(row["provenance"].values()) > 0
    return ScoredRun(path)


def test_every_table_tells_it(tmp_path: Path) -> None:
    found = run(tmp_path / "made-up", HalfMadeUp)
    report = read_report([found])
    share = report.entries[0].simulated
    assert share is not None and 0 < share < 1
    for table in [*report.tables(), leaderboard([found]).table]:
        assert "simulated" in [column.key for column in table.columns], table.name
        assert all("simulated" in record for record in table.records())
    [said, _] = [text for text in caveats(Comparison([found], [])) if "were simulated" in text]
    assert f"{share:.1%} of the tools' answers to react were simulated" == said


def test_where_nothing_was_made_up_nothing_is_said(tmp_path: Path) -> None:
    found = run(tmp_path / "real", ShopEnv)
    for table in [*read_report([found]).tables(), leaderboard([found]).table]:
        assert "simulated" not in [column.key for column in table.columns]
    assert not any("simulated" in text for text in caveats(Comparison([found], [])))
