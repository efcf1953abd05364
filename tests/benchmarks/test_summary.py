"""The summary: every rate is over the tasks planned, and what is missing is named."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from toolgrove.benchmarks.judges import Decision, Verdict
from toolgrove.benchmarks.statistics import wilson
from toolgrove.benchmarks.summary import SPENT, incomplete, outcome, summarise
from toolgrove.benchmarks.trial import Key, Trial

SPEND = {"calls": 3, "tokens": 70, "steps": 2, "nodes": 3, "usd": 0.1, "seconds": 0.25}


def trial(key: Key, end: str) -> Trial:
    return Trial(key, "", 0, end, None, SPEND, {})


def keys(n: int, planner: str = "p", suite: str = "s") -> list[Key]:
    return [Key(suite, f"t{i}", planner, 0) for i in range(n)]


@pytest.mark.parametrize("end", ["gave_up", "limit", "infra", "env_miss", "cancelled"])
@pytest.mark.parametrize("decision", [None, "passed", "failed", "unjudged"])
def test_an_end_without_an_answer_counts_by_itself(end: str, decision: Decision | None) -> None:
    verdict = None if decision is None else Verdict(decision)
    assert outcome(trial(keys(1)[0], end), verdict) == end


def test_an_answer_counts_by_its_verdict() -> None:
    answered = trial(keys(1)[0], "answered")
    assert outcome(answered, None) == "unjudged"
    for decision in ("passed", "failed", "unjudged"):
        assert outcome(answered, Verdict(decision)) == decision
    assert outcome(None, Verdict("passed")) == "missing"


def test_the_rate_is_over_what_was_planned() -> None:
    planned = keys(10)
    ends = ["answered", "answered", "answered", "infra", "env_miss", "limit", "gave_up"]
    trials = {key: trial(key, end) for key, end in zip(planned, ends, strict=False)}
    verdicts = {planned[0]: Verdict("passed"), planned[1]: Verdict("failed")}
    [row] = summarise(planned, trials, verdicts)
    assert (row["planned"], row["passed"], row["pass_rate"]) == (10, 1, 0.1)
    assert row["ci95"] == list(wilson(1, 10))
    assert row["outcomes"] == {
        "env_miss": 1, "failed": 1, "gave_up": 1, "infra": 1, "limit": 1, "missing": 3,
        "passed": 1, "unjudged": 1,
    }  # fmt: skip
    assert (row["calls"], row["tokens"], row["steps"]) == (21, 490, 14)
    assert (row["usd"], row["seconds"]) == (0.7, 1.75)
    assert incomplete([row]) == 4


def test_a_judge_may_give_a_part_of_a_pass() -> None:
    planned = keys(4)
    trials = {key: trial(key, end) for key, end in zip(planned, ["answered"] * 3, strict=False)}
    scores = [Verdict("passed", score=1.0), Verdict("failed", score=0.5), Verdict("unjudged")]
    [row] = summarise(planned, trials, dict(zip(planned, scores, strict=False)))
    assert (row["passed"], row["pass_rate"]) == (1, 0.375)
    assert row["ci95"] == list(wilson(1.5, 4))


def test_nothing_run_is_nothing_passed() -> None:
    [row] = summarise(keys(4), {}, {})
    assert (row["pass_rate"], row["outcomes"]) == (0.0, {"missing": 4})
    assert [row[what] for what in SPENT] == [0, 0, 0, 0, 0]
    assert summarise([], {}, {}) == [] and incomplete([]) == 0


def test_rows_stand_in_the_order_planned_and_do_not_mix() -> None:
    planned = [*keys(2, "b", "y"), *keys(1, "b", "x"), *keys(2, "a", "y"), *keys(1, "a", "x")]
    trials = {key: trial(key, "answered") for key in planned}
    verdicts = {key: Verdict("passed") for key in keys(2, "a", "y")}
    rows = summarise(planned, {**trials, Key("y", "other", "a", 0): trials[planned[0]]}, verdicts)
    assert [(row["planner"], row["suite"], row["passed"]) for row in rows] == [
        ("b", "y", 0), ("b", "x", 0), ("a", "y", 2), ("a", "x", 0),
    ]  # fmt: skip


def test_outcomes_add_up_to_what_was_planned() -> None:
    rng = random.Random(7)
    ends = ["answered", "gave_up", "limit", "infra", "env_miss"]
    decisions: list[Decision] = ["passed", "failed", "unjudged"]
    for _ in range(50):
        planned = keys(rng.randrange(1, 9))
        there = [key for key in planned if rng.random() < 0.8]
        trials = {key: trial(key, rng.choice(ends)) for key in there}
        verdicts = {key: Verdict(rng.choice(decisions)) for key in there if rng.random() < 0.8}
        [row] = summarise(planned, trials, verdicts)
        assert sum(row["outcomes"].values()) == row["planned"] == len(planned)
        assert row["passed"] == row["outcomes"].get("passed", 0)
        counted = Counter(outcome(trials.get(key), verdicts.get(key)) for key in planned)
        assert row["outcomes"] == counted
        low, high = row["ci95"]
        assert low <= row["pass_rate"] <= high
