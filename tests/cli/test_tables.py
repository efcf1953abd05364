"""The table of pass rates, at several widths and with real paths; and short names for specs."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from toolgrove.benchmarks.labels import labels
from toolgrove.benchmarks.statistics import wilson
from toolgrove.cli.tables import broken, print_summary

Run = Callable[..., Any]
TRACES = ("chatgpt_i2_cat_cot_18", "toolllama_i2_cat_cot_18", "toolllama_i2_cat_cot_18_tooldec",
          "chatgpt_i3_inst_cot_18", "toolllama_i3_inst_cot_18_tooldec")  # fmt: skip


def row(planner: str, suite: str, passed: int, planned: int, **outcomes: int) -> dict[str, Any]:
    return {
        "planner": planner,
        "suite": suite,
        "planned": planned,
        "passed": passed,
        "pass_rate": passed / planned,
        "ci95": list(wilson(passed, planned)),
        "size": float(planned),
        "outcomes": {"passed": passed, **outcomes},
        "calls": 10 * planned,
        "tokens": 12345 * planned,
        "steps": 7 * planned,
        "usd": 0.0,
        "seconds": 1.0,
    }


def printed(rows: list[dict[str, Any]], width: int, **options: str) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, markup=False)
    print_summary(rows, console, **options)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


ONE = [row("cot", "shop", 6, 20, failed=14), row("dfsdt", "shop", 18, 20, failed=1, limit=1)]
SIX = [
    row(planner, suite, 5, 20, failed=15)
    for planner in ("react@50", "dfsdt:width=3,max_steps=20,ranked=true")
    for suite in ("i1-inst", "i1-tool", "i1-cat", "i2-inst", "i2-cat", "i3-inst")
]


def test_one_suite_is_one_table() -> None:
    assert (
        printed(ONE, 80, reference="dfsdt")
        == """\
             shop                  calls  tokens   steps
planner      n = 20               a task  a task  a task  not passed
───────────────────────────────────────────────────────────────────────────
cot          30.0 % [14.5, 51.9]    10.0  12,345     7.0  14 failed
dfsdt        90.0 % [69.9, 97.2]    10.0  12,345     7.0  1 failed, 1 limit
(reference)

"""
    )


def test_where_it_is_narrow_intervals_go_below_their_rates() -> None:
    assert (
        printed(ONE, 60)
        == """\
         shop        calls  tokens   steps
planner  n = 20     a task  a task  a task  not passed
──────────────────────────────────────────────────────
cot      30.0 %       10.0  12,345     7.0  14 failed
         14.5–51.9
dfsdt    90.0 %       10.0  12,345     7.0  1 failed
         69.9–97.2                          1 limit

"""
    )


def test_six_suites_are_two_tables_and_one_of_cost() -> None:
    assert (
        printed(SIX, 80)
        == """\
                          i1-inst    i1-tool    i1-cat
planner                   n = 20     n = 20     n = 20
─────────────────────────────────────────────────────────
react@50                  25.0 %     25.0 %     25.0 %
                          11.2–46.9  11.2–46.9  11.2–46.9
dfsdt:width=3,            25.0 %     25.0 %     25.0 %
max_steps=20,ranked=true  11.2–46.9  11.2–46.9  11.2–46.9

                          i2-inst    i2-cat     i3-inst
planner                   n = 20     n = 20     n = 20
─────────────────────────────────────────────────────────
react@50                  25.0 %     25.0 %     25.0 %
                          11.2–46.9  11.2–46.9  11.2–46.9
dfsdt:width=3,            25.0 %     25.0 %     25.0 %
max_steps=20,ranked=true  11.2–46.9  11.2–46.9  11.2–46.9

                          all suites   calls  tokens   steps
planner                   n = 120     a task  a task  a task  not passed
────────────────────────────────────────────────────────────────────────
react@50                  25.0 %        10.0  12,345     7.0  90 failed
                          18.1–33.4
dfsdt:width=3,            25.0 %        10.0  12,345     7.0  90 failed
max_steps=20,ranked=true  18.1–33.4

"""
    )


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120, 160, 200])
@pytest.mark.parametrize("rows", [ONE, SIX])
def test_nothing_is_cut_off_at_any_width(rows: list[dict[str, Any]], width: int) -> None:
    text = printed(rows, width)
    assert "…" not in text and widest(text) <= width
    if width >= 60:
        rates = len(rows) + (2 if rows is SIX else 0)
        assert text.split().count("%") == rates
        for what in {row["suite"] for row in rows} | {"not passed", "calls", "tokens", "steps"}:
            assert what in text


def test_wide_enough_all_is_one_table() -> None:
    text = printed(SIX, 120)
    assert text.count("planner") == 2 and text.count("11.2–46.9") == 12
    text = printed(SIX, 240)
    assert text.count("planner") == 1 and text.count("25.0 % [11.2, 46.9]") == 12
    assert "25.0 % [18.1, 33.4]" in text  # all suites: 30 of 120


def test_what_is_missing_is_named_and_costs_nothing() -> None:
    half = row("cot", "shop", 5, 20, missing=10, failed=5) | {"calls": 100}
    text = printed([half], 80)
    assert "10 missing" in text and "25.0 %" in text
    assert " 10.0 " in text  # a hundred calls in the ten trials that were run
    none = row("cot", "shop", 0, 20, missing=20) | {"calls": 0}
    assert "0.0 % [0.0, 16.1]" in printed([none], 80) and " – " in printed([none], 80)


def test_dollars_stand_there_where_there_are_any() -> None:
    paid = row("cot", "shop", 5, 20, failed=15) | {"usd": 0.5}
    assert "0.0250" in printed([paid], 80) and "usd" in printed([paid], 80)
    assert "usd" not in printed(ONE, 80)


def test_brackets_in_names_are_printed_as_they_are() -> None:
    text = printed([row("own:[red]x[/red]", "s[0]", 1, 2, failed=1)], 80)
    assert "own:[red]x[/red]" in text and "s[0]" in text


def test_long_paths_get_short_names_and_are_listed_below(toolgrove: Run, shared: Path) -> None:
    suites = [f"toolbench:{shared}/toolbench_example/answer"]
    suites += [f"toolbench:{shared}/tooldec_traces/output/{name}" for name in TRACES]
    words = [
        "bench",
        "--planner",
        "dfsdt:profile=toolbench",
        "--planner",
        "react:profile=toolbench",
    ]
    done = toolgrove(*words, "--suite", ",".join(suites), "--limit", 3)
    assert done.code == 0
    table, _, below = done.out.partition("\nanswer: ")
    assert widest(table) <= 80 and str(shared) not in table and "…" not in table
    for name, suite in zip(("answer", *TRACES), suites, strict=True):
        assert f"\n{name}: {suite}\n" in f"\nanswer: {below}"
    assert "n = 18" in table and table.count("n = 3 ") + table.count("n = 3\n") == 6


# Short names


@pytest.mark.parametrize(
    ("specs", "names"),
    [
        (["shop", "hub:i1-inst", "dfsdt:width=3"], ["shop", "hub:i1-inst", "dfsdt:width=3"]),
        (["own.jsonl", "my.py:Mine,n=2"], ["own.jsonl", "my.py:Mine,n=2"]),
        (["/a/b/own.jsonl"], ["own"]),
        (["toolbench:/a/b/"], ["b"]),
        (["toolbench:/a/G1.json", "toolbench:/a/G2.json"], ["G1", "G2"]),
        (["toolbench:/a/x/G1.json", "toolbench:/a/y/G1.json"], ["x/G1", "y/G1"]),
        (["jsonl:/t/a/q/z", "jsonl:/t/b/q/z", "jsonl:/t/b/p/z"], ["a/q/z", "b/q/z", "p/z"]),
        (["toolbench:/a/G1.json,ids=1+2"], ["G1,ids=1+2"]),
        (["toolbench:/a/G1.json,ids=/a/ids/G1.json"], ["G1"]),
        (["jsonl:/a/G1,ids=" + "1+" * 20, "jsonl:/a/G1,ids=" + "2+" * 20],
         ["/a/G1 #1", "/a/G1 #2"]),
        (["/home/me/deep/search.py:Mine,width=3"], ["search.py:Mine,width=3"]),
        (["a/s.py:M", "b/s.py:M"], ["a/s.py:M", "b/s.py:M"]),
        (["best_of_n:(a/b.py:X),n=4"], ["best_of_n:(a/b.py:X),n=4"]),
    ],
)  # fmt: skip
def test_a_spec_has_a_short_name(specs: list[str], names: list[str]) -> None:
    assert labels(specs) == dict(zip(specs, names, strict=True))


def test_text_is_broken_behind_marks() -> None:
    assert broken("dfsdt:width=3,ranked=true", 15, ":,") == "dfsdt:width=3,\nranked=true"
    assert broken("toolllama_i2_cat_cot_18", 14, "_") == "toolllama_i2_\ncat_cot_18"
    assert broken("x" * 30, 14, "_").splitlines() == ["x" * 14, "x" * 14, "xx"]
    assert broken("", 14, "_") == ""
