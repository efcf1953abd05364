"""Reflexion: tries, lessons, and when a try has failed."""

from __future__ import annotations

from typing import Any

import pytest

from toolgrove.core import Budget, Reflections, UsageError, make
from toolgrove.planners.reflexion import Reflexion


def test_a_failed_try_teaches_the_next(grown: Any) -> None:
    """The first try gives up below 0.0, the second below 0.1, the third answers."""
    tree = grown({"0.0": 0.0, "0.1": 0.0, "0.2": 0.0}, {"0.2.0"})
    result = tree.search(Reflexion(n=5))
    assert result.node.id == "0.2.0"
    asked = [(r.node, r.purpose) for r in tree.asked]
    assert asked == [
        ("0", "propose"), ("0.0", "propose"), ("0.0.0", "ask.reflect"),
        ("0", "propose"), ("0.1", "propose"), ("0.1.0", "ask.reflect"),
        ("0", "propose"), ("0.2", "propose"),
    ]  # fmt: skip
    last = [r.messages[-1].content or "" for r in tree.asked]
    assert "lesson" not in last[1] and "Find the way." in last[2]
    assert "- lesson 1" in last[3] and "- lesson 1" in last[4] and "lesson 2" not in last[4]
    assert "- lesson 1\n- lesson 2" in last[6]
    hint = result.node.reply.hint
    assert hint == Reflections(("lesson 1", "lesson 2"))


def test_the_last_few_lessons_are_told(grown: Any) -> None:
    tree = grown({f"0.{i}": 0.0 for i in range(5)})
    result = tree.search(Reflexion(n=4, memory=1))
    assert result.end == "gave_up" and result.spent["calls"] == 4 * 2 + 3
    assert "lesson 3" in (tree.asked[-1].messages[-1].content or "")
    assert "lesson 2" not in (tree.asked[-1].messages[-1].content or "")


def test_a_try_that_gets_too_long_has_failed(grown: Any) -> None:
    tree = grown({}, default=0.5)
    result = tree.search(Reflexion(n=2, max_steps=3))
    assert result.end == "limit" and result.spent["calls"] == 7
    assert [n.id for n in result.tree.walk() if n.pruned] == ["0.0.0.0", "0.1.0.0"]


def test_with_a_threshold_a_bad_answer_is_a_failure_and_the_best_is_given(grown: Any) -> None:
    answers = {"0.0": 0.6, "0.1": 0.7, "0.2": 0.4}
    tree = grown(answers, answers)
    assert tree.search(Reflexion(n=3, threshold=0.65)).node.id == "0.1"
    tree = grown(answers, answers)
    result = tree.search(Reflexion(n=3, threshold=0.9))
    assert result.node.id == "0.1" and result.spent["calls"] == 5


def test_it_needs_an_evaluator_only_with_a_threshold(grown: Any) -> None:
    tree = grown({}, {"0.0"})
    tree.score = None
    assert tree.search(Reflexion()).end == "answered"
    with pytest.raises(UsageError, match="scores nodes"):
        tree.search(Reflexion(threshold=0.5))


def test_what_was_learnt_when_the_budget_ends(grown: Any) -> None:
    tree = grown({"0.0": 0.0})
    result = tree.search(Reflexion(n=2), budget=Budget(calls=3))
    assert (result.limit, result.end) == ("calls", "gave_up")
    assert not Reflexion(n=1).branches and Reflexion(n=2).branches


@pytest.mark.parametrize("wrong", ["n=0", "max_steps=0", "memory=0"])
def test_parameters_are_checked(wrong: str) -> None:
    with pytest.raises(UsageError, match="must be 1 or more, not 0"):
        make("planners", f"reflexion:{wrong}")
