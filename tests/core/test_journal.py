"""The journal: what was done is not done again, and what was not whole is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import (
    Budget,
    Completion,
    Journal,
    ModelError,
    ReplayMismatch,
    Request,
    Result,
    run_sync,
)
from toolgrove.core.journal import spend_of
from toolgrove.core.lines import read_lines
from toolgrove.core.sampling import from_record, to_record
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT

TASK = shop_tasks(1, seed=7)[0]
ONE = {"key": "0:propose:0", "asked": "aa", "got": {"content": "x"}, "at": 1.0}
TWO = {"key": "0.0:step", "asked": "bb", "got": ["ok"], "at": 2.5}


class Counting(StumblingModel):
    def __init__(self) -> None:
        super().__init__(0.35)
        self.asked = 0

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked += len(requests)
        return await super().complete(requests)


def search(path: Path) -> tuple[Result, Journal, int]:
    journal, model = Journal.open(path), Counting()
    budget = Budget(calls=30)
    result = run_sync(DFSDT(max_steps=4), TASK, model, ShopEnv, journal=journal, budget=budget)
    journal.close()
    assert result.error is None
    return result, journal, model.asked


def test_an_effect_is_taken_once() -> None:
    journal = Journal([ONE, TWO])
    assert journal.active
    assert journal.take("0:propose:0", "aa") == ONE
    assert journal.take("0:propose:0", "aa") is None
    assert journal.take("0.1:step", "bb") is None
    assert (journal.hits, list(journal.past)) == (1, ["0.0:step"])
    journal.append({"key": "goes nowhere"})
    journal.close()
    assert not Journal().active


def test_another_request_under_the_same_name_is_a_mismatch() -> None:
    with pytest.raises(ReplayMismatch, match="effect 0:propose:0 was recorded for another request"):
        Journal([ONE]).take("0:propose:0", "bb")


def test_a_retracted_effect_is_owed_again() -> None:
    records: list[dict[str, Any]] = []
    Journal([ONE], records.append).retract("0:propose:0")
    assert records == [{"retract": "0:propose:0"}]
    assert Journal([ONE, *records]).take("0:propose:0", "aa") is None
    assert Journal([ONE, *records, ONE]).take("0:propose:0", "aa") == ONE
    assert Journal(records).past == {}


def test_a_restart_makes_what_was_before_count_as_spend() -> None:
    records: list[dict[str, Any]] = [ONE, TWO]
    journal = Journal(records, records.append)
    journal.restart()
    spent = {"calls": 1, "tokens": 0, "usd": 0, "steps": 1, "seconds": 2.5}
    assert records[2:] == [{"restart": 1, "spent": spent}]
    assert (journal.past, journal.carried) == ({}, spent)
    again = Journal(records)
    assert (again.past, again.carried) == ({}, spent)


def test_the_clock_of_a_second_restart_goes_on_from_the_first() -> None:
    records: list[dict[str, Any]] = [ONE, TWO]
    Journal(records, records.append).restart()
    records += [{**ONE, "at": 3.0}, {**TWO, "at": 4.0}]
    Journal(records, records.append).restart()
    spent = {"calls": 2, "tokens": 0, "usd": 0, "steps": 2, "seconds": 4.0}
    assert records[-1] == {"restart": 2, "spent": spent}
    Journal(records, records.append).restart()  # killed before it did anything
    assert records[-1] == {"restart": 3, "spent": spent}


@pytest.mark.parametrize(
    ("record", "spend"),
    [
        ({"key": "0:propose:0", "got": {"prompt_tokens": 7, "completion_tokens": 2, "usd": 0.5}},
         {"calls": 1, "tokens": 9, "usd": 0.5}),
        ({"key": "0.0+0.1:ask.rank:2", "got": {"completion_tokens": 1}},
         {"calls": 1, "tokens": 1, "usd": 0.0}),
        ({"key": "0:propose:0", "error": {"tokens": 3}}, {"calls": 1, "tokens": 3, "usd": 0.0}),
        ({"key": "0:propose:0", "exhausted": "seconds"}, {}),
        ({"key": "0.0:step", "got": []}, {"steps": 1}),
        ({"key": "0:reset", "got": ""}, {}),
        ({"key": "0:score:0", "got": 1.0}, {}),
    ],
)  # fmt: skip
def test_what_an_effect_cost(record: dict[str, Any], spend: dict[str, float]) -> None:
    assert spend_of(record) == spend


def test_completions_and_errors_survive_the_journal() -> None:
    completion = Completion("x", (), 1, 2, 0.5, "thinking", -0.5)
    assert from_record({"key": "k", **to_record(completion)}) == completion
    assert from_record({"key": "k", **to_record(Completion())}) == Completion()
    error = ModelError("down", kind="server", miss=True, tokens=7)
    again = from_record({"key": "k", **to_record(error)})
    assert isinstance(again, ModelError)
    assert (str(again), again.kind, again.miss, again.tokens, again.key) == (
        "down", "server", True, 7, "k",
    )  # fmt: skip


def test_a_finished_trial_replays_from_its_file_without_asking_anybody(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first, journal, asked = search(path)
    assert asked == first.spent["calls"] > 5 and journal.hits == 0
    size = path.stat().st_size
    again, journal, asked = search(path)
    assert asked == 0 and journal.hits == len(read_lines(path)[0])
    assert again.tree.shape() == first.tree.shape() and again.spent == first.spent
    assert path.stat().st_size == size


def test_damage_in_the_middle_costs_that_effect_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first, _, _ = search(path)
    whole = path.read_bytes().splitlines(keepends=True)
    for i in range(len(whole)):
        damaged = whole[i][:20] + b"#" + whole[i][21:]
        path.write_bytes(b"".join([*whole[:i], damaged, *whole[i + 1 :]]))
        again, journal, asked = search(path)
        assert journal.damaged == 1
        assert again.tree.shape() == first.tree.shape()
        assert again.spent["calls"] == first.spent["calls"]
        assert asked == (b":propose:" in whole[i])
        records, bad = read_lines(path)
        assert (len(records), bad) == (len(whole), 1)
