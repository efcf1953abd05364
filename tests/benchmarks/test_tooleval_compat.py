"""Upstream's scoring beside the corrected figure: by hand, on the released files, by properties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.tooleval.compat import (
    QUIRKS,
    fac_parse,
    fac_rate,
    finish_2023_07,
    pass_rate,
    scored_files,
    solve_rate,
    win_rate,
)
from toolgrove.benchmarks.tooleval.files import Judged, Preferred
from toolgrove.benchmarks.tooleval.labels import parse_status
from toolgrove.core import UsageError

ASKED = 3
IDS = [str(k) for k in range(8)]
NAMES = ("Solved", "Unsure", "Unsolved")


def counted(passed: int, failed: int, status: str = "Solved", solvable: str = "") -> Judged:
    return Judged("q", passed, failed, {}, status, solvable, {})


def voted(*votes: str) -> Judged:
    given_votes = {k: v for k, v in enumerate(votes) if v}
    return Judged("q", None, None, given_votes, "", "", {})


def test_toolbench_pass_rate() -> None:
    results = {
        "win": counted(4, 0),
        "tie": counted(2, 2),
        "short": counted(1, 0),
        "refused": counted(4, 0, "Unsolved", "Unsolvable"),
    }
    figure = pass_rate(results, "toolbench", [*results, "missing"], 4)
    assert figure.upstream == 3.5 / 4
    assert figure.corrected == 1.5 / 5
    assert figure.bounds == (1.5 / 5, 4.5 / 5)
    assert figure.quirks == ("unsolvable_passes", "tie_coin", "judged_denominator", "partial_votes")
    lenient = pass_rate(results, "stabletoolbench")
    assert lenient.upstream == 1.0
    assert "tie_passes" in lenient.quirks


def test_stabletoolbench_solve_rate() -> None:
    results = {"a": voted("Solved", "Unsure", "Unsolved"), "b": voted("Solved", "Solved", "")}
    figure = solve_rate(results, votes=3)
    assert figure.upstream == pytest.approx((1 + 0.75 + 0) / 3)
    assert figure.std == pytest.approx(0.4249183)  # numpy.std([1, .75, 0])
    assert figure.corrected == 0.25
    assert figure.bounds == (0.25, 0.75)
    assert (figure.judged, figure.planned) == (1, 2)
    assert "missing_vote_is_zero" in figure.quirks


def test_win_rate() -> None:
    done, owed = {0: True, 1: True}, {0: False, 1: False}
    preferences = {
        "won": Preferred("won", {"r": 0, "o": 2}, done),
        "tied": Preferred("tied", {"r": 1, "o": 1}, done),
        "lost": Preferred("lost", {"r": 2, "o": 0}, done),
        "absent": Preferred("absent", {"r": 0, "o": 2}, owed),
    }
    figure = win_rate(preferences, ("r", "o"))
    assert (figure.upstream, figure.corrected) == (0.5, 1.5 / 4)
    assert figure.bounds == (1.5 / 4, 2.5 / 4)
    assert figure.quirks == ("one_order", "missing_answer_loses", "ties_are_no_wins")


def test_fac_and_finish() -> None:
    replies = {"a": "Solved: nothing is left unsolved", "b": "Answer Status\nSolved", "c": "?"}
    assert [fac_parse(text) for text in replies.values()] == [0, 1, 0]
    figure = fac_rate(replies, {n: parse_status(t) for n, t in replies.items()})
    assert figure.upstream == 1 / 3
    assert figure.bounds[1] >= 2 / 3
    assert "fac_default" in figure.quirks

    def chain(text: str) -> list[dict[str, str]]:
        return [{"description": text}]

    assert finish_2023_07({"compare_candidates": [chain("Sorry"), chain("42")]})
    assert not finish_2023_07({"compare_candidates": [chain('the song "Unfortunately"')]})
    assert not finish_2023_07({"compare_candidates": []})
    with pytest.raises(UsageError, match="compare_candidates"):
        finish_2023_07({})


def test_released_files(shared: Path) -> None:
    rows = scored_files(shared / "stabletoolbench/data_example", "stabletoolbench")
    told = {row["model"]: (row["figure"], row["upstream"], row["corrected"]) for row in rows}
    assert told == {
        "virtual_chatgpt_cot": ("solve_rate", 0.5, 0.5),
        "virtual_chatgpt_dfs": ("solve_rate", 1.0, 1.0),
        "virtual_chatgpt_dfs over virtual_chatgpt_cot": ("win_rate", 1.0, 1.0),
    }
    assert all(row["test_set"] == "G1_instruction" and row["n"] == 2 for row in rows)
    folder = shared / "stabletoolbench/data_example/pass_rate_results"
    with pytest.raises(UsageError, match="--compat stabletoolbench"):
        scored_files(folder, "toolbench")
    plan = {"G1_instruction": ["588", "608", "9"], "G1_tool": ["1"]}
    planned = scored_files(folder, "stabletoolbench", planned=plan)
    assert [row["n"] for row in planned] == [3, 3, 1, 1]
    assert [row["corrected"] for row in planned] == pytest.approx([1 / 3, 2 / 3, 0, 0])


def test_a_file_that_is_no_result(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"1": {"query": "q"}}), "utf-8")
    with pytest.raises(UsageError, match="neither"):
        scored_files(file, "toolbench")
    with pytest.raises(UsageError, match="holds no pass-rate"):
        scored_files(tmp_path, "toolbench")
    with pytest.raises(UsageError, match="no scoring"):
        scored_files(file, "other")
    with pytest.raises(UsageError, match="no file or folder"):
        scored_files(tmp_path / "b", "toolbench")


def test_quirks_say_both() -> None:
    assert all(q.upstream and q.corrected and q.name == name for name, q in QUIRKS.items())


votes_of = st.lists(st.sampled_from(("", *NAMES)), min_size=ASKED, max_size=ASKED)
stable = st.dictionaries(st.sampled_from(IDS), votes_of.map(lambda v: voted(*v)), max_size=8)
counts = st.integers(0, ASKED).flatmap(
    lambda p: st.builds(
        counted,
        st.just(p),
        st.integers(0, ASKED - p),
        st.sampled_from(NAMES),
        st.sampled_from(("", "Solvable", "Unsolvable")),
    )
)
plain = st.dictionaries(st.sampled_from(IDS), counts, max_size=8)
prefer = st.builds(
    lambda a, b, done: Preferred("q", {"r": a, "o": b}, dict(enumerate(done))),
    st.integers(0, ASKED),
    st.integers(0, ASKED),
    st.lists(st.booleans(), min_size=ASKED, max_size=ASKED),
)
preferred = st.dictionaries(st.sampled_from(IDS), prefer, max_size=8)


@given(st.data(), stable, plain, preferred)
def test_order_never_matters_and_missing_never_helps(
    data: st.DataObject,
    votes: dict[str, Judged],
    tallies: dict[str, Judged],
    pairs: dict[str, Preferred],
) -> None:
    def figures(a: Any, b: Any, c: Any) -> list[Any]:
        return [
            solve_rate(a, IDS, ASKED),
            pass_rate(b, "toolbench", IDS, ASKED),
            pass_rate(b, "stabletoolbench", IDS, ASKED),
            win_rate(c, ("r", "o"), IDS, ASKED),
        ]

    def mixed(told: dict[str, Any]) -> dict[str, Any]:
        return {k: told[k] for k in data.draw(st.permutations(list(told)))}

    def thinned(told: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in told.items() if data.draw(st.booleans())}

    before = figures(votes, tallies, pairs)
    assert figures(mixed(votes), mixed(tallies), mixed(pairs)) == before
    after = figures(thinned(votes), thinned(tallies), thinned(pairs))
    for whole, part in zip(before, after, strict=True):
        assert part.corrected <= whole.corrected
        assert part.bounds[0] <= whole.bounds[0] and part.bounds[1] >= whole.bounds[1]
        assert 0 <= part.corrected <= 1


@given(stable, st.sampled_from(IDS), st.integers(0, ASKED - 1))
def test_a_lost_vote_never_helps(votes: dict[str, Judged], number: str, k: int) -> None:
    if number not in votes:
        return
    kept = {i: v for i, v in votes[number].votes.items() if i != k}
    less = votes | {number: Judged("q", None, None, kept, "", "", {})}
    assert solve_rate(less, IDS, ASKED).corrected <= solve_rate(votes, IDS, ASKED).corrected
