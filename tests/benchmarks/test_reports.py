"""Tables of a report: rates over what was planned, and the same in every form."""

from __future__ import annotations

import csv
import io
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from toolgrove.benchmarks.judges import Verdict
from toolgrove.benchmarks.metrics import Average, TreeMetrics
from toolgrove.benchmarks.rendering import (
    RENDERERS,
    Column,
    Rate,
    Table,
    as_csv,
    broken,
    latex,
    markdown,
    print_table,
    said,
)
from toolgrove.benchmarks.reports import ALL, OUTCOMES, Entry, PassRate, Report, read_report
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.scored import UNKNOWN, Item, ScoredRun
from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import Node, Tree, UsageError

SPENT = {"calls": 4, "tokens": 900, "steps": 3, "nodes": 5, "usd": 0.0, "seconds": 0.5}
SUITES = {"hub:i1-inst": "hub:i1-inst", "shop": "shop"}


def item(task: int, outcome: str, *, suite: str = "shop", trial: int = 0, **spent: float) -> Item:
    key = Key(suite, f"t{task}", "p", trial)
    end = "answered" if outcome in ("passed", "failed", "unjudged") else outcome
    made = None if outcome == "missing" else Trial(key, "", 0, end, None, {**SPENT, **spent}, {})
    value = None if outcome in UNKNOWN else float(outcome == "passed")
    return Item(key, "", outcome, value, made, None)


def entry(items: list[Item], name: str = "p", metrics: tuple[TreeMetrics, ...] = ()) -> Entry:
    return Entry("run", name, name, tuple(items), metrics, {"a": 3, "b": 1})


# Rates


@pytest.mark.parametrize(
    ("passed", "planned", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_one_trial_a_task_has_wilsons_interval(
    passed: int, planned: int, low: float, high: float
) -> None:
    """The examples of Newcombe 1998 (Stat. Med. 17:857), table I, method 3."""
    items = [item(i, "passed" if i < passed else "failed") for i in range(planned)]
    found = PassRate.of(items).rate
    assert found.value == passed / planned
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


def test_what_is_not_known_bounds_the_rate() -> None:
    told = ["passed", "passed", "failed", "gave_up", "limit", "unjudged", "missing", "infra",
            "env_miss", "cancelled"]  # fmt: skip
    found = PassRate.of([item(i, outcome) for i, outcome in enumerate(told)])
    assert (found.planned, found.rate.value, found.known) == (10, 0.2, 5)
    assert (found.completed, found.best) == (0.4, 0.7)
    nothing = PassRate.of([item(i, "missing") for i in range(3)])
    assert (nothing.rate.value, nothing.completed, nothing.best) == (0.0, None, 1.0)


def test_trials_of_a_task_are_no_tasks_of_their_own() -> None:
    pytest.importorskip("statsmodels")
    once = [item(i, "passed" if i % 2 else "failed") for i in range(40)]
    again = [replaced for i in once for replaced in (i, i._replace(key=i.key._replace(trial=1)))]
    one, two = PassRate.of(once), PassRate.of(again)
    assert two.planned == 80 and two.rate == one.rate  # twice the same is no more than once
    mixed = [item(i // 2, "passed" if i % 3 else "failed", trial=i % 2) for i in range(80)]
    apart = [item(i, "passed" if i % 3 else "failed") for i in range(80)]
    clustered, plain = PassRate.of(mixed).rate, PassRate.of(apart).rate
    assert clustered.value == plain.value and clustered.low < clustered.value < clustered.high


many = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(OUTCOMES), st.sampled_from(list(SUITES))),
    min_size=1,
    max_size=25,
)


def items_of(told: list[tuple[int, str, str]], *, repeated: bool) -> list[Item]:
    seen: dict[tuple[int, str], int] = {}
    found = []
    for task, outcome, suite in told:
        trial = seen[task, suite] = seen.get((task, suite), -1) + 1
        if repeated or not trial:
            found.append(item(task, outcome, suite=suite, trial=trial))
    return found


@given(many, st.data(), st.booleans())
def test_a_missing_trial_never_raises_a_rate(
    told: list[tuple[int, str, str]], data: st.DataObject, repeated: bool
) -> None:
    if repeated:
        pytest.importorskip("statsmodels")
    items = items_of(told, repeated=repeated)
    at = data.draw(st.integers(0, len(items) - 1))
    lost = [
        i._replace(outcome="missing", value=None, trial=None) if k == at else i
        for k, i in enumerate(items)
    ]
    before, after = entry(items).rates, entry(lost).rates
    for suite in before:
        assert after[suite].planned == before[suite].planned
        assert after[suite].rate.value <= before[suite].rate.value
        if not repeated:
            assert after[suite].rate.low <= before[suite].rate.low
            assert after[suite].rate.high <= before[suite].rate.high


@given(many)
def test_bounds_hold_what_they_bound(told: list[tuple[int, str, str]]) -> None:
    for rate in entry(items_of(told, repeated=False)).rates.values():
        assert 0 <= rate.rate.low <= rate.rate.value <= rate.rate.high <= 1
        assert rate.rate.value <= rate.best <= 1
        if rate.completed is not None:
            assert rate.rate.value <= rate.completed <= rate.best + 1e-12


metrics = st.builds(
    TreeMetrics,
    **{name: st.integers(0, 9) for name in ("nodes", "calls", "errors", "hallucinated", "invalid",
                                            "repeated", "repeated_tree", "max_depth")},
    **{name: st.none() | st.floats(0, 1) for name in ("recall", "precision", "path_recall",
                                                      "path_precision", "recovery", "wasted")},
    winner_depth=st.none() | st.integers(0, 9),
    branching=st.none() | st.floats(1, 5),
)  # fmt: skip


@given(many, st.lists(metrics, max_size=8), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_trials_changes_no_table(
    told: list[tuple[int, str, str]],
    measured: list[TreeMetrics],
    repeated: bool,
    rng: random.Random,
) -> None:
    if repeated:
        pytest.importorskip("statsmodels")
    items = [
        i if i.trial is None else i._replace(trial=replace(i.trial, spent={**SPENT, "seconds": s}))
        for i, s in ((i, rng.random()) for i in items_of(told, repeated=repeated))
    ]
    shuffled = entry(rng.sample(items, len(items)), "p", tuple(rng.sample(measured, len(measured))))
    straight = entry(items, "p", tuple(measured))
    made = [Report((one,), SUITES, ("truth",)).tables() for one in (straight, shuffled)]
    assert made[0] == made[1]
    assert [as_csv(table) for table in made[0]] == [as_csv(table) for table in made[1]]


def test_outcomes_add_up_to_what_was_planned() -> None:
    items = [item(i, OUTCOMES[i % len(OUTCOMES)]) for i in range(23)]
    tables = {t.name: t for t in Report((entry(items),), {"shop": "shop"}, ("match",)).tables()}
    [row] = tables["outcomes"].records()
    assert row.pop("planner") == "p" and row.pop("planned") == 23 == sum(row.values())
    assert list(row) == list(OUTCOMES)
    assert "pass_rate" not in tables  # of one suite the table of bounds says it all


def test_costs_are_means_over_what_was_run() -> None:
    items = [item(0, "passed", calls=2), item(1, "failed", calls=6), item(2, "missing")]
    assert entry(items).cost("calls") == 4.0
    assert entry([item(0, "missing")]).cost("calls") is None
    tables = {t.name: t for t in Report((entry(items),), {"shop": "shop"}, ("match",)).tables()}
    [row] = tables["cost"].records()
    assert row["run_trials"] == 2 and "usd" not in row


# What is read from disk


TRIALS = [("passed", 0), ("passed", 1), ("failed", 2)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three of four trials on a tasks file, as a run directory."""
    tasks = tmp_path / "own.jsonl"
    lines = [
        f'{{"id": "t{i}", "instruction": "do {i}", "apis": [{{"name": "a"}}], "relevant": ["a"]}}'
        for i in range(4)
    ]
    tasks.write_text("\n".join(lines))
    [suite] = load_suites(str(tasks))
    identity = {"suites": {str(tasks): {}}, "planners": ["p"], "trials": 1, "model": "m",
                "env": "e", "limit": None, "seed": 0}  # fmt: skip
    digests = {str(tasks): {task.id: task.digest for task in suite.tasks}}
    config = {"identity": identity, "judge": "match", "tasks": digests}
    directory = RunDirectory.create(tmp_path / "run", config)
    for decision, i in TRIALS:
        key = Key(str(tasks), f"t{i}", "p", 0)
        tree = Tree([Node("0")]).to_json()
        directory.add_trial(Trial(key, suite.tasks[i].digest, 0, "answered", "", SPENT, tree))
        verdict = Verdict("passed" if decision == "passed" else "failed", "")
        directory.add_verdict(key, "match", verdict)
    directory.close()
    return tmp_path / "run"


def test_a_run_is_read(run: Path) -> None:
    report = read_report([ScoredRun(run)])
    [found] = report.entries
    assert (found.run, found.planner, found.label) == ("run", "p", "p")
    assert found.rates[ALL].rate.value == 0.5 and found.outcomes["missing"] == 1
    assert len(found.metrics) == 3 and found.metrics[0].recall == 0.0
    assert report.judges == ("match",) and report.reasons == ()
    assert list(report.suites.values()) == ["own"]


def test_a_suite_that_is_gone_costs_the_metrics_that_need_it(run: Path) -> None:
    (run.parent / "own.jsonl").unlink()
    report = read_report([ScoredRun(run)])
    [found] = report.entries
    assert found.rates[ALL].rate.value == 0.5 and found.metrics[0].recall is None
    [reason] = report.reasons
    assert "own.jsonl" in reason and "no file" in reason
    assert any(reason in table.notes for table in report.tables())


def test_a_task_that_has_changed_is_another(run: Path) -> None:
    file = run.parent / "own.jsonl"
    file.write_text(file.read_text().replace("do 1", "do something else"))
    report = read_report([ScoredRun(run)])
    assert [m.recall for m in report.entries[0].metrics] == [0.0, None, 0.0]
    assert "have changed since" in report.reasons[0]


def test_two_runs_have_names_and_one_run_has_only_one(run: Path) -> None:
    other = run.parent / "deep" / "other"
    other.parent.mkdir()
    run.rename(other)
    again = run.parent / "again"
    again.mkdir()
    for file in other.iterdir():
        if file.is_file():
            (again / file.name).write_bytes(file.read_bytes())
    report = read_report([ScoredRun(other), ScoredRun(again)])
    assert [entry.label for entry in report.entries] == ["p · other", "p · again"]
    assert report.tables()[0].columns[0].key == "run"
    with pytest.raises(UsageError, match="given twice"):
        read_report([ScoredRun(other), ScoredRun(run.parent / "again" / ".." / "deep" / "other")])


def test_what_was_not_judged_says_how_it_is(run: Path) -> None:
    (run / "verdicts.jsonl").write_text("")
    with pytest.raises(UsageError, match=r"nothing in .*/run was judged yet: `toolgrove score"):
        read_report([ScoredRun(run)])
    (run / "trials.jsonl").write_text("")
    with pytest.raises(UsageError, match="no finished trial yet"):
        read_report([ScoredRun(run)])


# Forms


HOSTILE = 'a|b*c_d`<script>alert(1)</script>&$x^2$~#%{}\\"[l](http://x)\x1b[31m\n=1+1'
TABLE = Table(
    "pass_rate",
    "Rates of 100 % & more",
    (
        Column("planner", "planner"),
        Column("rate", "pass rate", "rate"),
        Column("n", "n", "count"),
        Column("recall", "recall", "share", averaged=True),
        Column("usd", "usd", "usd"),
    ),
    (
        (HOSTILE, Rate(0.5, 0.25, 0.75), 1234, Average(0.25, 3, 4), 0.01234),
        ("=HYPERLINK(1)", None, 0, Average(None, 0, 4), None),
    ),
    ("All of it_",),
)


def test_cells_for_people() -> None:
    assert said(Rate(0.5, 0.25, 0.751), "rate") == "50.0 % [25.0, 75.1]"
    assert said(Average(0.25, 3, 4), "share") == "25.0 % (3)"
    assert said(Average(0.25, 4, 4), "share") == "25.0 %"
    assert said(Average(None, 0, 4), "share") == "–" == said(None, "rate")
    assert [said(x, "number") for x in (0.5, 12.34, 1234.5)] == ["0.50", "12.3", "1,234"]


def test_markdown_holds_hostile_text_as_text() -> None:
    text = markdown(TABLE)
    lines = text.splitlines()
    assert lines[0] == "### Rates of 100 % \\& more"
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: |"
    assert len(lines) == 8 and "\x1b" not in text
    assert not re.search(r"(?<!\\)[<`*\[$]", "\n".join(lines[4:6]))
    for line in lines[2:6]:
        assert len(re.findall(r"(?<!\\)\|", line)) == len(TABLE.columns) + 1
    assert "50.0 % \\[25.0, 75.0\\]" in lines[4] and lines[-1] == "All of it\\_"


def test_latex_escapes_everything_and_closes_what_it_opens() -> None:
    text = latex(TABLE)
    assert text.count("\\begin{") == text.count("\\end{") == 2
    assert [rule in text for rule in ("\\toprule", "\\midrule", "\\bottomrule")] == [True] * 3
    assert "\\caption{Rates of 100 \\% \\& more}" in text and "\\label{tab:pass-rate}" in text
    [row] = [line for line in text.splitlines() if line.startswith("a\\textbar{}b")]
    bare = re.sub(r"\\text\w+\{\}|\\[&%$#_{}]", "", row.removesuffix(r" \\"))
    assert not set("\\$#_~^{}%<>|") & set(bare) and bare.count("&") == len(TABLE.columns) - 1
    assert "50.0 \\% [25.0, 75.0] & 1,234 & 25.0 \\% (3) & 0.0123" in row


def test_csv_is_read_back_in_full() -> None:
    lines = as_csv(TABLE).splitlines()
    assert lines[0].startswith("# pass_rate: ") and lines[-1] == "# All of it_"
    rows = list(csv.DictReader(io.StringIO("\n".join(lines[1:-1]))))
    assert list(rows[0]) == [
        "planner", "rate", "rate_low", "rate_high", "n", "recall", "recall_n", "usd",
    ]  # fmt: skip
    assert [rows[0][k] for k in ("rate", "rate_low", "n", "recall", "recall_n", "usd")] == [
        "0.5", "0.25", "1234", "0.25", "3", "0.01234",
    ]  # fmt: skip
    assert rows[1]["planner"] == "'=HYPERLINK(1)"  # no formula
    assert [rows[1][k] for k in ("rate", "recall", "recall_n", "usd")] == ["", "", "0", ""]


def test_records_are_plain_data() -> None:
    first: dict[str, Any]
    first, second = TABLE.records()
    assert first["planner"] == HOSTILE and (first["rate"], first["rate_high"]) == (0.5, 0.75)
    assert (second["rate"], second["recall"], second["recall_n"]) == (None, None, 0)


def printed(table: Table, width: int) -> str:
    file = io.StringIO()
    print_table(table, Console(file=file, width=width, highlight=False, markup=False))
    return file.getvalue()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 200])
def test_nothing_is_cut_off_in_a_terminal(width: int) -> None:
    long = [f"planner_{k}:width=3,max_steps=20,ranked=true" for k in range(3)]
    suites = {f"hub:i{k}-inst": f"hub:i{k}-inst" for k in range(6)}
    entries = tuple(
        entry([item(i, "passed", suite=suite) for suite in suites for i in range(4)], name)
        for name in long
    )
    for table in [TABLE, *Report(entries, suites, ("truth",)).tables()]:
        text = printed(table, width)
        body = text.split("\n\n", 1)[1]
        assert "…" not in text and "\x1b" not in text
        assert max(map(len, body.splitlines())) <= width
        assert re.sub(r"\s", "", "".join(said(r[-1], table.columns[-1].form) for r in table.rows))


def test_a_narrow_terminal_has_intervals_below_their_rates() -> None:
    assert "50.0 % [25.0, 75.0]" in printed(TABLE, 120)
    narrow = printed(replace(TABLE, rows=TABLE.rows[1:]), 40)
    assert "'" not in narrow and "=HYPERLINK(1)" in narrow


def test_text_is_broken_behind_marks() -> None:
    assert broken("dfsdt:width=3,ranked=true", 15) == "dfsdt:width=3,\nranked=true"
    assert broken("x" * 30, 14).splitlines() == ["x" * 14, "x" * 14, "xx"]


def test_every_form_takes_every_table() -> None:
    report = Report((entry([item(0, "passed")]), entry([item(0, "missing")], "q")), SUITES, ("j",))
    for table in report.tables():
        for render in RENDERERS.values():
            assert render(table).endswith("\n")
