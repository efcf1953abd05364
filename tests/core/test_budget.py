"""The budget alone: counted kinds, held kinds, and the trial's clock."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from toolgrove.core import Budget, BudgetExhausted, UsageError, budget, run_sync
from toolgrove.core.budget import KINDS
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import ReACT


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cap", [-1, -0.5, math.nan])
def test_a_cap_is_0_or_more(kind: str, cap: float) -> None:
    with pytest.raises(UsageError, match=f"a budget of {kind} must be 0 or more, not {cap}"):
        Budget(**{kind: cap})


def test_caps_tells_those_that_are_set() -> None:
    assert Budget().caps() == {} and not Budget(calls=1).bounded
    assert Budget(calls=3, usd=0.5).caps() == {"calls": 3, "usd": 0.5}
    assert Budget(usd=1).bounded and Budget(tokens=1).bounded


def test_reserve_gives_what_there_is_and_then_nothing() -> None:
    capped = Budget(calls=5)
    assert [capped.reserve("calls"), capped.reserve("calls", 2)] == [1, 2]
    assert capped.reserve("calls", 4) == 2
    assert capped.spent["calls"] == 5
    with pytest.raises(BudgetExhausted, match="the budget of calls is spent") as caught:
        capped.reserve("calls")
    assert caught.value.what == "calls" and capped.spent["calls"] == 5
    assert Budget().reserve("nodes", 1000) == 1000
    with pytest.raises(BudgetExhausted):
        Budget(steps=0.5).reserve("steps")


def test_what_is_held_counts_until_it_is_settled() -> None:
    capped = Budget(tokens=25)
    capped.hold(10)
    capped.hold(10)
    with pytest.raises(BudgetExhausted) as caught:
        capped.hold(10)
    assert caught.value.what == "tokens"
    capped.settle(3, 0.0, held=(10, 0.0))
    capped.hold(10)  # 3 spent, 20 held
    with pytest.raises(BudgetExhausted):
        capped.hold(10)
    capped.settle(10, 0.0, held=(10, 0.0))
    capped.settle(2, 0.0, held=(10, 0.0))
    assert capped.spent["tokens"] == 15
    capped.hold(10)


def test_dollars_are_held_apart_from_tokens() -> None:
    capped = Budget(tokens=100, usd=0.2)
    capped.hold(10, 0.15)
    with pytest.raises(BudgetExhausted) as caught:
        capped.hold(10, 0.15)
    assert caught.value.what == "usd"
    capped.settle(10, 0.05, held=(10, 0.15))
    capped.hold(10, 0.15)


def test_without_a_bound_a_request_starts_while_anything_is_left() -> None:
    capped = Budget(tokens=5)
    capped.hold()
    capped.settle(4, 0.0)
    capped.hold()
    capped.settle(4, 0.0)
    with pytest.raises(BudgetExhausted):
        capped.hold()
    for empty in (Budget(tokens=0), Budget(usd=0)):
        with pytest.raises(BudgetExhausted):
            empty.hold()


def test_the_clock_counts_this_life_and_what_was_carried(clock: Clock) -> None:
    timed = Budget(seconds=10)
    clock.now += 500  # made long before it is used
    timed.carry({"seconds": 3.0, "calls": 2})
    clock.now += 1.5
    assert timed.elapsed() == 4.5 and timed.tick() == 4.5
    assert timed.spent["seconds"] == 4.5 and timed.spent["calls"] == 2


def test_waiting_for_a_replay_does_not_count(clock: Clock) -> None:
    timed = Budget()
    clock.now += 50  # reading the journal
    assert timed.tick(7.0) == 7.0
    clock.now += 50
    timed.tick(6.5)  # effects of a wave end in any order
    assert timed.spent["seconds"] == 7.0 and timed.elapsed() == 7.0
    clock.now += 2
    assert timed.tick() == 9.0


def test_the_clock_of_a_trial_starts_with_its_search(clock: Clock) -> None:
    waiting = Budget(seconds=5)
    clock.now += 60  # in a queue
    [task] = shop_tasks(1)
    result = run_sync(ReACT(), task, StumblingModel(0), ShopEnv, budget=waiting)
    assert result.end == "answered" and result.spent["seconds"] == 0.0


def test_seconds_that_are_over_end_the_trial_before_its_first_effect() -> None:
    [task] = shop_tasks(1)
    result = run_sync(ReACT(), task, StumblingModel(0), ShopEnv, budget=Budget(seconds=0))
    assert (result.end, result.limit, len(list(result.tree.walk()))) == ("limit", "seconds", 1)
