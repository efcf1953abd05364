"""A trial's record: its name, and what of it survives a line of JSON."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.trial import OWED, Key, Trial
from toolgrove.core import Budget, Result, run_sync
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT

TASK = shop_tasks(1, seed=4)[0]
KEY = Key("shop:n=1,seed=4", TASK.id, "dfsdt:width=3", 2)
PLAIN = frozenset(string.ascii_letters + string.digits + "-_.")


def result(**caps: float) -> Result:
    planner = DFSDT(width=3, max_steps=5)
    return run_sync(planner, TASK, StumblingModel(0.4), ShopEnv, budget=Budget(**caps))


@pytest.mark.parametrize("caps", [{}, {"calls": 3}, {"calls": 0}])
def test_a_trial_survives_a_line_of_json(caps: dict[str, float]) -> None:
    found = result(**caps)
    trial = Trial.of(KEY, TASK, 5, caps, found)
    again = Trial.from_json(json.loads(json.dumps(trial.to_json())))
    assert again == trial and again.key == KEY and isinstance(again.key, Key)
    assert again.tree.shape() == found.tree.shape() and again.tree.winner == found.tree.winner
    assert (again.end, again.answer, again.limit) == (found.end, found.answer, found.limit)
    assert (again.digest, again.seed, again.budget) == (TASK.digest, 5, caps)
    assert again.spent == found.spent


def test_a_trial_that_broke_keeps_why() -> None:
    broken = run_sync(DFSDT(), TASK, 5, ShopEnv)  # type: ignore[arg-type]
    trial = Trial.of(KEY, TASK, 0, {}, broken)
    assert trial.end == "infra" and trial.error and "int" in trial.error
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))).error == trial.error


def test_what_broke_or_was_stopped_is_owed() -> None:
    assert {"infra", "cancelled"} == OWED


def test_a_trials_file_is_known_by_its_task() -> None:
    assert KEY.file.startswith(f"{TASK.id}-") and KEY.file.endswith(".jsonl")
    assert Key("s", "G1_answer/59 «x»", "p", 0).file.startswith("G1_answer_59__x_-")


KEYS = st.builds(Key, st.text(), st.text(), st.text(), st.integers(0, 99))


@given(KEYS, KEYS)
def test_files_are_distinct_and_safe(one: Key, two: Key) -> None:
    assert (one.file == two.file) == (one == two)
    assert len(one.file.encode()) < 255 and one.file == Key(*one).file
    assert all(c in PLAIN or c.isalnum() for c in one.file) and not one.file.startswith(".")


@pytest.mark.parametrize(
    "task", ["../../etc/passwd", "a" * 5000, "\0\n", "", "/", "CON", "天" * 99]
)
def test_hostile_ids_stay_in_the_folder(task: str) -> None:
    name = Key("s", task, "p", 0).file
    assert "/" not in name and "\0" not in name and ".." not in name and len(name.encode()) < 255
