"""Comparison: which tasks pair, what counts, what does not, and what is said about it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.benchmarks.caveats import caveats
from toolgrove.benchmarks.comparison import Comparison
from toolgrove.benchmarks.inference import mcnemar, tango
from toolgrove.benchmarks.judges import Verdict
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.statistics import wilson
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import UsageError

SPENT = {"calls": 1, "tokens": 1, "steps": 1, "nodes": 1, "usd": 0.0, "seconds": 0.0}
OTHER = {"-": "missing", "i": "infra", "l": "limit", "g": "gave_up"}
Outcomes = Mapping[str, Mapping[str, str]]


def made(
    path: Path,
    outcomes: Mapping[str, Outcomes],
    *,
    contents: Mapping[str, str] | None = None,
    judge: str = "match",
    by: str = "",
    order: random.Random | None = None,
    **identity: Any,
) -> ScoredRun:
    """A run: by planner, suite and task a letter for each trial.

    P passed, F failed, U unjudged, H half a pass; - missing, i infra, l limit, g gave_up.

    Args:
        contents: the content that a task has, if that is not its id.
    """
    suites = next(iter(outcomes.values()))
    marks = {s: {t: (contents or {}).get(t, t) for t in tasks} for s, tasks in suites.items()}
    trials = len(next(iter(next(iter(suites.values())).values())))
    config = {
        "identity": {
            "suites": {s: {"digest": s, "tasks": len(t)} for s, t in suites.items()},
            "planners": list(outcomes),
            "model": "m",
            "env": "e",
            "trials": trials,
            "seed": 0,
            "limit": None,
            "budget": {},
            "prompts": "p1",
            **identity,
        },
        "judge": judge,
        "tasks": marks,
        "fingerprints": {"prompts": identity.get("prompts", "p1")},
    }
    directory = RunDirectory.create(path, config)
    keys = [
        (Key(suite, task, planner, k), letter)
        for planner, suites in outcomes.items()
        for suite, tasks in suites.items()
        for task, letters in tasks.items()
        for k, letter in enumerate(letters)
    ]
    if order is not None:
        order.shuffle(keys)
    for key, letter in keys:
        end = OTHER.get(letter, "answered")
        if end == "missing":
            continue
        directory.add_trial(Trial(key, marks[key.suite][key.task], 0, end, "42", SPENT, {}))
        if end == "answered":
            verdict = {
                "P": Verdict("passed", by=by),
                "F": Verdict("failed", by=by),
                "U": Verdict("unjudged"),
                "H": Verdict("failed", score=0.5, by=by),
            }[letter]
            directory.add_verdict(key, judge, verdict)
    directory.close()
    return ScoredRun(path)


def one(letters: str, prefix: str = "t", suite: str = "s") -> Outcomes:
    """A suite with a task of one trial for each letter."""
    return {suite: {f"{prefix}{i:02}": letter for i, letter in enumerate(letters)}}


# What counts


def test_two_planners_of_a_run(tmp_path: Path) -> None:
    run = made(tmp_path / "run", {"a": one("PPPPPPFFPF"), "b": one("PFFFFFPFPF")})
    comparison = Comparison([run])
    [pair] = comparison.pairs
    [row] = pair.rows
    found = row.result
    assert (pair.first.label, pair.second.label) == ("a", "b")
    assert (found.tasks, found.first, found.second) == (10, 0.7, 0.3)
    assert found.difference == pytest.approx(0.4)
    assert (found.wins, found.losses) == (5, 1)
    assert found.p == row.holm == pytest.approx(14 / 64) == mcnemar(5, 1)
    assert (found.interval.low, found.interval.high) == tango(5, 1, 10)
    first, second = comparison.rates
    assert (first.rate, first.interval.low, first.interval.high) == (0.7, *wilson(7, 10))
    assert (second.label, second.suite, second.tasks, second.trials) == ("b", None, 10, 1)
    assert caveats(comparison) == []


def test_what_is_unknown_counts_as_not_passed_and_is_named(tmp_path: Path) -> None:
    run = made(tmp_path / "run", {"a": one("PP-UiPFl"), "b": one("PFFFFFgF")})
    comparison = Comparison([run])
    [row] = comparison.pairs[0].rows
    assert (row.result.first, row.result.second) == (3 / 8, 1 / 8)
    assert row.unknown == (3, 0)
    assert row.bounds == pytest.approx((2 / 8, 5 / 8))
    assert comparison.rates[0].unknown == {"missing": 1, "unjudged": 1, "infra": 1}
    assert comparison.rates[1].unknown == {}
    [said] = caveats(comparison)
    assert said.startswith("a: 1 missing, 1 unjudged, 1 infra of 8 planned trials, counted as not")


def test_several_trials(tmp_path: Path) -> None:
    tasks = {"x": "PPF", "y": "P-P", "z": "FFF"}
    run = made(tmp_path / "run", {"a": {"s": tasks}, "b": {"s": dict.fromkeys(tasks, "FFF")}})
    comparison = Comparison([run])
    rate, _ = comparison.rates
    assert rate.rate == pytest.approx(4 / 9) and rate.trials == 3
    # Of three trials two passed on two tasks: one pair of three passes wholly.
    assert rate.at_k == pytest.approx((4 / 9, 2 / 3, 2 / 3))
    assert rate.hat_k == pytest.approx((4 / 9, 2 / 9, 0))
    found = comparison.pairs[0].rows[0].result
    assert found.test == "sign-flip permutation" and found.p == pytest.approx(2 / 4)
    assert (found.wins, found.losses) == (2, 0)


def test_half_a_pass_is_half_a_point_and_no_pass(tmp_path: Path) -> None:
    run = made(tmp_path / "run", {"a": one("HHPF"), "b": one("FFFF")})
    rate = Comparison([run]).rates[0]
    assert (rate.rate, rate.at_k) == (0.5, (0.25,))


def test_suites_and_the_correction_for_many_pairs(tmp_path: Path) -> None:
    def both(first: str, second: str) -> Outcomes:
        return {**one(first, "x", "s1"), **one(second, "y", "s2")}

    run = made(
        tmp_path / "run",
        {"a": both("PPPPPPPP", "PF"), "b": both("FFFFFFFF", "PF"), "c": both("FFFFFFFP", "FF")},
    )
    comparison = Comparison([run])
    rows = {(p.first.label, p.second.label, r.suite): r for p in comparison.pairs for r in p.rows}
    assert len(rows) == 9
    assert rows["a", "b", None].result.tasks == 10 and rows["a", "b", "s2"].result.tasks == 2
    # 8 : 0, 8 : 0 and 1 : 1 tasks of all; the least of three p-values is taken three times
    assert rows["a", "b", None].result.p == 2 / 2**8 == rows["a", "c", None].result.p
    assert rows["a", "b", None].holm == pytest.approx(3 * 2 / 2**8)
    assert rows["b", "c", None].holm == 1.0
    # 8 : 0 and 7 : 0 of s1; six rows of single suites are one family
    assert rows["a", "b", "s1"].holm == pytest.approx(6 * 2 / 2**8)
    assert rows["a", "c", "s1"].holm == pytest.approx(5 * 2 / 2**7)
    suites = [rate.suite for rate in comparison.rates if rate.label == "a"]
    assert suites == [None, "s1", "s2"]


# Which tasks pair


def test_tasks_of_two_runs_pair_by_content(tmp_path: Path) -> None:
    new = {"t00": "same", "t01": "one", "t02": "two", "t03": "only here"}
    old = {"u00": "two", "u01": "changed", "u02": "same", "u03": "one"}
    runs = [
        made(tmp_path / "new", {"a": one("PPPP")}, contents=new),
        made(tmp_path / "old", {"a": one("FPFF", "u", "other")}, contents=old),
    ]
    comparison = Comparison(runs)
    [pair] = comparison.pairs
    assert [one.label for one in comparison.contenders] == ["a (new)", "a (old)"]
    assert {(a.task, b.task) for a, b in pair.tasks} == {
        ("t00", "u02"), ("t01", "u03"), ("t02", "u00"),
    }  # fmt: skip
    assert [[score.task for score in alone] for alone in pair.alone] == [["t03"], ["u01"]]
    [row] = pair.rows
    assert (row.result.first, row.result.second, row.result.wins) == (1.0, 0.0, 3)
    # The rates are over what each run planned; what did not pair helps neither difference.
    assert [rate.rate for rate in comparison.rates] == [1.0, 0.25]
    said = caveats(comparison)
    new_path, old_path = tmp_path / "new", tmp_path / "old"
    assert said == [
        f"1 task of {new_path} not compared: {old_path} has no equal (t03)",
        f"1 task of {old_path} not compared: {new_path} has no equal (u01)",
    ]


def test_equal_content_pairs_within_its_suite_first(tmp_path: Path) -> None:
    content = dict.fromkeys(["x00", "y00", "x01", "z00"], "c")
    runs = [
        made(
            tmp_path / "1", {"a": {**one("P", "x", "s1"), **one("F", "y", "s2")}}, contents=content
        ),
        made(
            tmp_path / "2", {"a": {**one("F", "z", "s2"), **one("P", "x", "s1")}}, contents=content
        ),
    ]
    for order in (runs, runs[::-1]):
        [pair] = Comparison(order).pairs
        assert {(a.suite, b.suite) for a, b in pair.tasks} == {("s1", "s1"), ("s2", "s2")}
        assert [row.suite for row in pair.rows] == [None, "s1", "s2"]
    more = made(tmp_path / "3", {"a": one("FF", "v", "s9")}, contents={"v00": "c", "v01": "c"})
    [pair] = Comparison([runs[0], more]).pairs
    assert len(pair.tasks) == 2 and pair.alone == ((), ())
    assert [row.suite for row in pair.rows] == [None, "s1 = s9", "s2 = s9"]


def test_planners_are_chosen_and_named(tmp_path: Path) -> None:
    runs = [
        made(tmp_path / "r1", {"a": one("PF"), "b": one("FF")}),
        made(tmp_path / "r2", {"b": one("PF"), "c": one("FF")}),
    ]

    def names(*planners: str) -> list[str]:
        return [one.label for one in Comparison(runs, planners).contenders]

    assert names() == ["a", "b (r1)", "b (r2)", "c"]
    assert names("b") == ["b (r1)", "b (r2)"]
    assert names("c", "a") == ["a", "c"]
    for planners, says in {
        ("d",): "no planner 'd' in these runs; of: a, b, c",
        ("a",): "a comparison needs two planners, or one planner in two runs; there is only a",
    }.items():
        with pytest.raises(UsageError) as error:
            Comparison(runs, planners)
        assert str(error.value) == says
    with pytest.raises(UsageError, match="r1 is given twice"):
        Comparison([runs[0], ScoredRun(tmp_path / "r2" / ".." / "r1")])


def test_without_a_common_task_nothing_is_compared(tmp_path: Path) -> None:
    runs = [
        made(tmp_path / "r1", {"a": one("PF")}),
        made(tmp_path / "r2", {"b": one("PF", "u")}),
    ]
    with pytest.raises(UsageError, match="have no task in common: tasks pair where instruction"):
        Comparison(runs)
    third = made(tmp_path / "r3", {"c": one("FF")})
    comparison = Comparison([*runs, third])
    assert [len(pair.rows) for pair in comparison.pairs] == [0, 1, 0]
    assert "a and b have no task in common: they are not compared" in caveats(comparison)


def test_disagreements_are_all_tasks_that_differ(tmp_path: Path) -> None:
    tasks = {"a": one("PPFF"), "b": one("PFFF"), "c": one("PFPF")}
    found = Comparison([made(tmp_path / "run", tasks)]).disagreements
    assert [[(label, s.task, s.value) for label, s in group.items()] for group in found] == [
        [("a", "t01", 1), ("b", "t01", 0), ("c", "t01", 0)],
        [("a", "t02", 0), ("b", "t02", 0), ("c", "t02", 1)],
    ]
    three = {"a": {"s": {"x": "PFF", "y": "PPP"}}, "b": {"s": {"x": "PPF", "y": "FFF"}}}
    groups = Comparison([made(tmp_path / "three", three)]).disagreements
    assert [group["a"].task for group in groups] == ["y", "x"]  # the greater difference first


# What is said of runs that are not alike


@pytest.mark.parametrize(
    ("identity", "says"),
    [
        ({"model": "n"}, "model: m / n"),
        ({"model": {"s": "n"}}, "model: m / n"),
        ({"env": "f"}, "env: e / f"),
        ({"seed": 7}, "seed: 0 / 7"),
        ({"budget": {"calls": 5}}, "budget: none / calls=5"),
        ({"prompts": "p2"}, "the fingerprint of its prompts: p1 / p2"),
        ({"policy": "text"}, "policy: none / text"),
        ({"judge": "truth"}, "judge: match / truth"),
    ],
)
def test_settings_that_differ_are_named(
    tmp_path: Path, identity: dict[str, Any], says: str
) -> None:
    runs = [
        made(tmp_path / "r1", {"a": one("PF")}),
        made(tmp_path / "r2", {"a": one("PF")}, **identity),
    ]
    [said] = caveats(Comparison(runs))
    assert said == f"{tmp_path / 'r1'} and {tmp_path / 'r2'} differ in {says}"


def test_a_judge_with_other_prompts_or_another_model_is_named(tmp_path: Path) -> None:
    runs = [
        made(tmp_path / name, {"a": one("PF-")}, judge="tooleval", by=by)
        for name, by in (("r1", "1234"), ("r2", "1234"), ("r3", "abcd"))
    ]
    assert not any("judge" in said for said in caveats(Comparison(runs[:2])))
    said = caveats(Comparison(runs[1:]))[0]
    assert said.startswith(
        "verdicts of the judge tooleval were given with different prompts or mod"
    )
    assert f"1234 in {tmp_path / 'r2'}; abcd in {tmp_path / 'r3'}" in said


# Whatever the data


letters = st.sampled_from("PFUHig-l")
runs_of = st.integers(1, 2).flatmap(
    lambda trials: st.lists(
        st.tuples(*[st.text(letters, min_size=trials, max_size=trials)] * 3), min_size=1, max_size=8
    )
)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def suites_of(columns: Sequence[str]) -> Outcomes:
    return {f"s{k}": {f"t{i:02}": c for i, c in enumerate(columns) if i % 2 == k} for k in range(2)}


def figures(comparison: Comparison) -> list[Any]:
    rows = [(p.first.label, p.second.label, row) for p in comparison.pairs for row in p.rows]
    return sorted(rows, key=lambda row: (row[0], row[1], row[2].suite or ""))


@given(runs_of.filter(lambda tasks: len(tasks) > 1), st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_order_changes_nothing(tasks: list[tuple[str, ...]], draw: random.Random) -> None:
    outcomes = {
        planner: suites_of(column)
        for planner, column in zip("ab", list(zip(*tasks, strict=True))[:2], strict=True)
    }
    mixed: dict[str, Outcomes] = {}
    for planner, suites in outcomes.items():
        mixed[planner] = {}
        for suite in sorted(suites, reverse=True):
            rows = list(suites[suite].items())
            draw.shuffle(rows)
            mixed[planner] = {**mixed[planner], suite: dict(rows)}
    with folder() as path:
        one = made(path / "one", outcomes)
        other = made(path / "other", mixed, order=draw)
        found = Comparison([one]), Comparison([other])
        assert figures(found[0]) == figures(found[1])
        agreed = [comparison.disagreements for comparison in found]
        names = [[(s.suite, s.task) for group in each for s in group.values()] for each in agreed]
        assert names[0] == names[1]
        # A planner in two runs never differs from itself.
        for row in (row for p in Comparison([one, other], ["a"]).pairs for row in p.rows):
            assert (row.result.difference, row.result.p, row.result.wins) == (0, 1, 0)


@given(runs_of)
@settings(max_examples=15, deadline=None)
def test_the_order_of_runs_mirrors(tasks: list[tuple[str, ...]]) -> None:
    columns = list(zip(*tasks, strict=True))
    with folder() as path:
        runs = [
            made(path / name, {"a": {"s": {f"t{i}": c for i, c in enumerate(column)}}})
            for name, column in zip(("r1", "r2"), columns[:2], strict=True)
        ]
        [there], [back] = (Comparison(order).pairs for order in (runs, runs[::-1]))
        row, other = there.rows[0], back.rows[0]
        assert other.result.difference == -row.result.difference
        assert (other.result.p, other.holm) == (row.result.p, row.holm)
        assert other.unknown == row.unknown[::-1]
        assert other.bounds == (-row.bounds[1], -row.bounds[0])
        ends = (-row.result.interval.high, -row.result.interval.low)
        mirrored = (other.result.interval.low, other.result.interval.high)
        assert mirrored == ends


@given(runs_of, st.data())
@settings(max_examples=15, deadline=None)
def test_a_trial_that_goes_missing_never_raises_a_rate(
    tasks: list[tuple[str, ...]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(tasks) - 1))
    lost = [("-" + row[0][1:], *row[1:]) if i == at else row for i, row in enumerate(tasks)]
    found = []
    with folder() as path:
        for name, rows in (("whole", tasks), ("lost", lost)):
            columns = zip("ab", list(zip(*rows, strict=True))[:2], strict=True)
            suites = {p: {"s": {f"t{i}": c for i, c in enumerate(col)}} for p, col in columns}
            found.append(Comparison([made(path / name, suites)]))
    before, after = found
    assert after.rates[0].rate <= before.rates[0].rate
    assert after.rates[1] == before.rates[1]
    assert after.rates[0].tasks == before.rates[0].tasks
    pairs = zip(after.rates[0].at_k, before.rates[0].at_k, strict=True)
    assert all(a <= b for a, b in pairs)
    assert after.pairs[0].rows[0].result.difference <= before.pairs[0].rows[0].result.difference
