"""Ranges in specs: what they stand for, and what is told of bad ones."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks import ranges
from toolgrove.benchmarks.ranges import variants
from toolgrove.core import UsageError, make
from toolgrove.core.registry import parse


def specs(text: str) -> list[str]:
    return [variant.spec for variant in variants(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("react", ["react"]),
        ("dfsdt:width=1..3", ["dfsdt:width=1", "dfsdt:width=2", "dfsdt:width=3"]),
        ("dfsdt:width=1..9..4", ["dfsdt:width=1", "dfsdt:width=5", "dfsdt:width=9"]),
        ("dfsdt:width=1..8..4", ["dfsdt:width=1", "dfsdt:width=5"]),
        ("dfsdt:width=2..2", ["dfsdt:width=2"]),
        ("mcts:c=0.5|1|2", ["mcts:c=0.5", "mcts:c=1", "mcts:c=2"]),
        ("mcts:c=0.1..0.3..0.1", ["mcts:c=0.1", "mcts:c=0.2", "mcts:c=0.3"]),
        ("x:c=-1..1", ["x:c=-1", "x:c=0", "x:c=1"]),
        ("react@1..3", ["react@1", "react@2", "react@3"]),
        ("react@2|8:max_steps=6", ["react@2:max_steps=6", "react@8:max_steps=6"]),
        ("mcts:rule=uct|puct", ["mcts:rule=uct", "mcts:rule=puct"]),
        ("dfsdt:width=1..2|8", ["dfsdt:width=1", "dfsdt:width=2", "dfsdt:width=8"]),
        (
            "dfsdt:width=1..2,back=1|2",
            [f"dfsdt:width={w},back={b}" for w in (1, 2) for b in (1, 2)],
        ),
        (
            "best_of_n@2..3:(react:max_steps=4|8)",
            [f"best_of_n@{n}:(react:max_steps={m})" for n in (2, 3) for m in (4, 8)],
        ),
        ("best_of_n@2:(react)|(cot)", ["best_of_n@2:(react)", "best_of_n@2:(cot)"]),
        (
            "best_of_n@2:(react),evaluator=(value:n=1..2)|(vote)",
            [f"best_of_n@2:(react),evaluator=({e})" for e in ("value:n=1", "value:n=2", "vote")],
        ),
        ("a:x='1..3|4'", ["a:x='1..3|4'"]),
        ("my/../search.py:Mine,width=1..2", [f"my/../search.py:Mine,width={w}" for w in (1, 2)]),
        ("x:(index:../v2..v3/x)", ["x:(index:../v2..v3/x)"]),
    ],
)
def test_what_a_spec_stands_for(text: str, expected: list[str]) -> None:
    assert specs(text) == expected


def test_what_was_chosen_has_its_parameters_name() -> None:
    found = variants("best_of_n@2..3:(react:max_steps=4|8),evaluator=(value:n=1..2),wave=1")
    assert len(found) == 8
    assert found[-1].values == (("n", "3"), ("react.max_steps", "8"), ("evaluator.n", "2"))
    assert variants("best_of_n:(react)|(cot)")[1].values == (("argument", "(cot)"),)
    assert variants("dfsdt")[0].values == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dfsdt:width=4..1", "'4..1' in 'dfsdt:width=4..1' runs backwards: write 1..4"),
        ("dfsdt:width=1..", "'1..' in 'dfsdt:width=1..' is no range: write 1..4"),
        ("dfsdt:width=..4", "is no range"),
        ("dfsdt:width=1..x", "is no range"),
        ("dfsdt:width=1..4..0", "the step must be above 0"),
        ("dfsdt:width=1..4..-1", "the step must be above 0"),
        ("dfsdt:width=1..2..3..4", "is no range"),
        ("mcts:c=0.5..2", "needs a step, as 0.5..2..0.5"),
        ("mcts:c=1||2", "nothing stands beside a |"),
        ("mcts:c=|2", "nothing stands beside a |"),
        ("dfsdt:width=1|1", "gives 'dfsdt:width=1' twice"),
        ("dfsdt:width=1..2|2", "gives 'dfsdt:width=2' twice"),
        ("dfsdt:width=1..99999999", "99,999,999 numbers; 10,000 are the most"),
        ("dfsdt:width=1..200,back=1..200", "more than 10,000 planners"),
        ("best_of_n:(react@1..", "a quote or parenthesis is not closed"),
        ("best_of_n:(react@2..1)", "runs backwards"),
    ],
)
def test_bad_ranges_are_told_of(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        variants(text)
    assert told in str(error.value)


@given(
    st.integers(-50, 50),
    st.integers(0, 30),
    st.integers(1, 7),
    st.lists(st.sampled_from(["a", "b2", "(c:d=1)", "0.5"]), min_size=1, max_size=4, unique=True),
)
def test_every_spec_parses_and_is_there_once(
    first: int, more: int, step: int, others: list[str]
) -> None:
    found = variants(f"name@1..2:x={first}..{first + more}..{step},y={'|'.join(others)}")
    assert len({v.spec for v in found}) == 2 * (more // step + 1) * len(others)
    for variant in found:
        read, chosen = parse(variant.spec), dict(variant.values)
        assert str(read.n) == chosen["n"]
        given_values = dict(read.items)
        assert given_values["x"] == chosen.get("x", str(first))
        assert given_values["y"] == chosen.get("y", others[0])


def test_real_planners_take_them() -> None:
    made = [make("planners", spec) for spec in specs("mcts:c=0.5|1,width=2..3,rule=uct|puct")]
    chosen = {(planner.c, planner.width, planner.rule) for planner in made}
    assert chosen == {(c, w, rule) for c in (0.5, 1) for w in (2, 3) for rule in ("uct", "puct")}


def test_the_examples() -> None:
    assert doctest.testmod(ranges).failed == 0
