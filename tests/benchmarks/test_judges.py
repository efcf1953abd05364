"""Judges: what passes, what fails, and what nobody can say."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from toolgrove.benchmarks.judges import Answered, Finish, Judge, Match, Verdict
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import Task, make
from toolgrove.core.registry import names


def verdict(judge: Judge, answer: str | None, wanted: Any = None) -> Verdict:
    task = Task("t", "Do it.", answer=wanted)
    trial = Trial(Key("s", "t", "p", 0), task.digest, 0, "answered", answer, {}, {})
    return asyncio.run(judge(task, trial))


def matches(answer: str | None, wanted: Any) -> bool:
    decision = verdict(Match(), answer, wanted).decision
    assert decision != "unjudged"
    return decision == "passed"


def test_every_answer_passes_the_judge_that_asks_for_one() -> None:
    for answer in ("42", "", None):
        assert verdict(Answered(), answer) == Verdict("passed", "an answer was given")


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("It is Paris.", "Paris"),
        ("it is PARIS", "paris"),
        ("New\n  York city", "new york"),
        ("STRASSE", "straße"),
        ("in C++, of course", "C++"),
        ("a.b*c", "a.b*c"),
        ("You paid 12.50.", "12.5"),
        ("You paid $1,234.50", 1234.5),
        ("1234567", "1,234,567"),
        ("-3 degrees", -3),
        ("from 3-5", 5),
        ("rooms 5,6", 6),
        ("rooms 5,6,7", [5, 6, 7]),
        ("007", 7),
        ("٣ apples", 3),
        ("It is true", True),
        ("Rome, then Oslo", ["oslo", "Rome"]),
        ("Rome has 3 million", ["Rome", 3]),
        ("12345678901234567891", "12345678901234567891"),
        ("0.10", 0.1),
    ],
)
def test_a_match(answer: str, wanted: Any) -> None:
    assert matches(answer, wanted)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (None, "Paris"),
        ("", "Paris"),
        ("Parisian", "Paris"),
        ("NewYork", "new york"),
        ("a.bxc", "a.b*c"),
        ("You paid 12.55", "12.5"),
        ("15", 5),
        ("v5", 5),
        ("5th", 5),
        ("5.5", 5),
        ("1,234", 234),
        ("5,6", 56),
        ("3", -3),
        ("Rome", ["Rome", "Oslo"]),
        ("12345678901234567890", "12345678901234567891"),
        ("9" * 500, "8" * 500),
    ],
)
def test_no_match(answer: str | None, wanted: Any) -> None:
    assert not matches(answer, wanted)


def test_what_is_missing_is_said() -> None:
    found = verdict(Match(), "Rome", ["Rome", "Oslo", "Bern"])
    assert found == Verdict("failed", 'not in the answer: "Oslo"')


@pytest.mark.parametrize("wanted", [None, [], "", [None], ["x", ""]])
def test_a_task_without_an_answer_is_unjudged(wanted: Any) -> None:
    assert verdict(Match(), "anything", wanted).decision == "unjudged"


def test_every_judge_has_a_name() -> None:
    asking = {"fac", "sopr", "tooleval"}
    assert asking < set(names("judges"))
    for name in names("judges"):
        assert callable(make("judges", f"{name}:(scripted)" if name in asking else name))


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        ("It is 42.", "passed"),
        ("I am SORRY, it is 42.", "failed"),
        ("Unfortunately there is none.", "failed"),
        ("I couldn't find it.", "failed"),
        ("I could not find it.", "passed"),  # as upstream's words have it
        (" ", "failed"),
        (None, "failed"),
    ],
)
def test_an_apology_is_no_answer(answer: str | None, decision: str) -> None:
    assert verdict(Finish(), answer).decision == decision
