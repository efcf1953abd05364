"""Preferences between two answers: both orders are looked at, and no place in the prompt wins."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.judges import Hearing
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.preference import (
    SAID,
    Choice,
    Look,
    PairJudge,
    Preference,
    by_outcome,
    settled,
)
from toolgrove.benchmarks.preferring import FILE, Preferring, Side, pairs
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import ScoredRun, tasks_of
from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import Budget, Completion, Journal, ModelError, Request, Task, UsageError

MIRROR: dict[str, Choice] = {
    "first": "second", "second": "first", "tie": "tie", "unjudged": "unjudged"
}  # fmt: skip
TASK = Task("t", "Do it.")


class Reader:
    """A model that reads both answers in the prompt and prefers one by a rule."""

    identity = {"provider": "test", "base_url": "", "model": "reader", "parameters": {}}

    def __init__(self, rule: Callable[[str, str], str]) -> None:
        self.rule, self.requests = rule, 0

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.requests += len(requests)
        return [self.reply(str(request.messages[0].content)) for request in requests]

    def reply(self, text: str) -> Completion | ModelError:
        _, first, second = (part.split("\n\nWhat counts")[0] for part in text.split("Answer:\n"))
        said = self.rule(first.split("\n\nSecond:")[0], second)
        if said == "down":
            return ModelError("down", kind="server")
        return Completion(json.dumps({"reason": "r", "better": said}), prompt_tokens=3)


def longer(first: str, second: str) -> str:
    if len(first) == len(second):
        return "equal"
    return "first" if len(first) > len(second) else "second"


def trial(answer: str) -> Trial:
    tree = {"winner": None, "nodes": [{"id": "0"}]}
    return Trial(Key("s", "t", "p", 0), TASK.digest, 0, "answered", answer, {}, tree)


def preferred(
    rule: Callable[[str, str], str], first: str, second: str, votes: int = 1
) -> Preference:
    judge = PairJudge(Reader(rule), votes)
    hearing = Hearing(Journal(), Budget())
    return asyncio.run(judge(TASK, (trial(first), trial(second)), hearing))


@given(st.text("ab", max_size=5), st.text("ab", max_size=5), st.integers(1, 3))
def test_who_wins_does_not_change_with_the_order(first: str, second: str, votes: int) -> None:
    one, other = preferred(longer, first, second, votes), preferred(longer, second, first, votes)
    assert one.choice == MIRROR[other.choice]
    assert (
        one.choice == {"first": "first", "second": "second", "equal": "tie"}[longer(first, second)]
    )
    assert len(one.looks) == 2 * votes


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_judge_that_goes_by_the_place_prefers_nobody(place: str) -> None:
    found = preferred(lambda first, second: place, "a", "bb")
    assert found.choice == "tie" and found.reason == "1 of 1 rounds turned with the order"


@given(st.lists(st.sampled_from([*SAID, ""]), min_size=2, max_size=2))
def test_two_looks(said: list[str]) -> None:
    looks = [Look(bool(i), word) for i, word in enumerate(said)]
    swapped = [Look(not look.swapped, look.said) for look in looks]
    assert settled(looks).choice == MIRROR[settled(swapped).choice]
    if "" in said:
        assert settled(looks).choice == "unjudged"
    elif looks[0].choice != looks[1].choice:
        assert settled(looks).choice == "tie"


def test_outcomes_decide_what_they_can() -> None:
    told = {
        ("passed", "failed"): "first", ("failed", "passed"): "second", ("passed", "limit"): "first",
        ("limit", "failed"): "second", ("limit", "gave_up"): "tie", ("failed", "infra"): "unjudged",
        ("missing", "passed"): "unjudged", ("missing", "missing"): "unjudged",
    }  # fmt: skip
    for outcomes, choice in told.items():
        found = by_outcome(*outcomes)
        assert found is not None and found.choice == choice and not found.looks
    for alike in ("passed", "failed"):
        assert by_outcome(alike, alike) is None
        assert by_outcome(alike, "unjudged") is None
    for none in ("gave_up", "limit"):
        found, mirrored = by_outcome("unjudged", none), by_outcome(none, "unjudged")
        assert found is not None and found.choice == "first"
        assert mirrored is not None and mirrored.choice == "second"


def test_a_preference_is_plain_data_and_back() -> None:
    found = preferred(longer, "a", "bb")
    assert Preference.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.looks[0].texts and found.looks[0].prompts != found.looks[1].prompts


def run_of(path: Path) -> ScoredRun:
    plan = Plan(load_suites("shop"), ["react", "react@3"], "stumble", "shop", "answered", limit=12)
    parts = Parts.of(plan)
    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        asyncio.run(Runner(plan, directory, parts=parts).run())
    return ScoredRun(path)


def test_a_run_is_compared_once_and_completed(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    one, other = Side(run, "react"), Side(run, "react@3")
    tasks, calls = tasks_of(run.directory), [0]
    assert pairs(one, other)[0].second is not None

    def sometimes(first: str, second: str) -> str:
        calls[0] += 1
        return "down" if calls[0] % 4 == 0 else longer(first, second)

    def prefer(rule: Callable[[str, str], str]) -> tuple[list[Choice], int]:
        reader = Reader(rule)
        preferring = Preferring(one, other, "reader", PairJudge(reader), Budget())
        found = asyncio.run(preferring.prefer(tasks))
        assert [pair.first for pair, _ in found] == run.of("react")
        return [preference.choice for _, preference in found], reader.requests

    first, asked = prefer(sometimes)
    assert len(first) == 12 and asked >= 4
    owed = sum(line.count('"said":""') for line in (run.path / FILE).read_text().splitlines())
    assert owed == asked // 4
    second, again = prefer(longer)
    assert again == owed
    without = [
        by_outcome(pair.first.outcome, pair.second.outcome)
        for pair in pairs(one, other)
        if pair.second is not None
    ]
    missing = [each for each in without if each is not None and each.choice == "unjudged"]
    assert second.count("unjudged") == len(missing)
    assert prefer(longer) == (second, 0)


def test_other_answers_under_the_same_name_are_looked_at(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    tasks = tasks_of(run.directory)

    def against(place: Path, answer: str) -> tuple[list[Choice], int]:
        shutil.copytree(run.path, place)
        with closing(RunDirectory(place, write=True)) as directory:
            for key in list(directory.trials):
                if (made := directory.load(key)).end == "answered":
                    directory.add_trial(replace(made, answer=answer))
        reader = Reader(longer)
        sides = Side(run, "react"), Side(ScoredRun(place), "react")
        preferring = Preferring(*sides, "reader", PairJudge(reader), Budget())
        found = asyncio.run(preferring.prefer(tasks))
        return [preference.choice for _, preference in found], reader.requests

    more, asked = against(tmp_path / "a/other", "x" * 500)
    less, again = against(tmp_path / "b/other", "")
    assert asked == again > 0
    assert "second" in more and "first" in less and "second" not in less


def test_a_task_that_is_gone_or_another_is_not_compared(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    tasks = tasks_of(run.directory)
    sides = Side(run, "react"), Side(run, "react@3")
    preferring = Preferring(*sides, "reader", PairJudge(Reader(longer)), Budget())
    with pytest.raises(UsageError, match="no longer has the task"):
        asyncio.run(preferring.prefer({}))
    others = {key: replace(task, instruction="Another.") for key, task in tasks.items()}
    with pytest.raises(UsageError, match="now has another task"):
        asyncio.run(preferring.prefer(others))


def test_several_trials_of_a_task_are_no_tasks_of_their_own() -> None:
    pytest.importorskip("statsmodels", reason="the extra report is not installed")
    from toolgrove.benchmarks.winrate import WinRate

    said: tuple[tuple[Choice, int], ...] = (("first", 7), ("second", 3))
    tasks = [choice for choice, n in said for _ in range(n)]
    once = WinRate.of(tasks)
    thrice = WinRate.of(tasks * 3, [*range(10)] * 3)
    assert (thrice.planned, thrice.wins, thrice.losses) == (30, 21, 9)
    # Alike within each task, three trials tell no more than one: 2 (C(10,7) + .. + 1) / 2^10.
    assert thrice.p == once.p == pytest.approx(2 * 176 / 1024)
    assert thrice.rate == once.rate and thrice.ci95 == once.ci95


def test_win_rates() -> None:
    pytest.importorskip("statsmodels", reason="the extra report is not installed")
    from toolgrove.benchmarks.winrate import WinRate, bradley_terry, length_bias, position_bias

    told: dict[Choice, int] = {"first": 6, "second": 2, "tie": 2, "unjudged": 2}
    choices: list[Choice] = [choice for choice, n in told.items() for _ in range(n)]
    found = WinRate.of(choices)
    assert (found.wins, found.ties, found.losses, found.unjudged) == (6, 2, 2, 2)
    assert found.rate == pytest.approx(7 / 12)  # the planned pairs, not the judged ones
    # Sign test by hand: 2 (C(8,6) + C(8,7) + C(8,8)) / 2^8 = 2 * 37 / 256.
    assert found.p == pytest.approx(74 / 256)
    mirrored = WinRate.of([MIRROR[choice] for choice in choices])
    assert mirrored.p == found.p and mirrored.rate == pytest.approx(3 / 12)
    assert WinRate.of([]).p == 1.0
    looks = [Look(False, "first"), Look(True, "first"), Look(False, "second"), Look(True, "equal")]
    bias = position_bias(looks)
    assert bias.n == 3 and bias.share == pytest.approx(2 / 3)
    lengths = [(5, 2), (2, 5), (3, 3), (1, 9)]
    preferred_ones: list[Choice] = ["first", "second", "first", "first"]
    bias = length_bias(preferred_ones, lengths)
    assert bias.n == 3 and bias.share == pytest.approx(2 / 3)
    # Two sides by hand: 6 wins, 2 losses, 2 ties and half a win either way: log(7.5 / 3.5).
    two = bradley_terry({("a", "b"): choices}, draws=50)
    assert two["a"][0] - two["b"][0] == pytest.approx(math.log(7.5 / 3.5), abs=1e-6)
    won: list[Choice] = ["first"] * 9
    table: dict[tuple[str, str], Any] = {("a", "b"): won, ("b", "c"): won, ("a", "c"): won}
    three = bradley_terry(table, draws=50)
    assert three["a"][0] > three["b"][0] > three["c"][0]
    assert sum(strength for strength, _ in three.values()) == pytest.approx(0, abs=1e-9)
    assert all(low <= strength <= high for strength, (low, high) in three.values())
    assert three == bradley_terry(table, draws=50)
