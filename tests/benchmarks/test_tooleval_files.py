"""ToolEval's result files: the released ones made again byte for byte, torn ones refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolgrove.benchmarks.tooleval.files import (
    json_text,
    pass_rate_fields,
    pass_rate_table,
    preference_table,
    read_json,
    read_leaderboard,
    read_pass_rates,
    read_preferences,
    read_table,
)
from toolgrove.core import UsageError

COT, DFS = "virtual_chatgpt_cot", "virtual_chatgpt_dfs"


@pytest.fixture
def example(shared: Path) -> Path:
    return shared / "stabletoolbench/data_example"


def exact(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def pass_file(example: Path, model: str) -> Path:
    return example / "pass_rate_results" / model / f"G1_instruction_{model}.json"


@pytest.mark.parametrize("model", [COT, DFS])
def test_pass_rate_files_are_made_again(example: Path, model: str) -> None:
    file = pass_file(example, model)
    entries = read_json(example / "model_predictions_converted" / model / "G1_instruction.json")
    read = read_pass_rates(file)
    made = {n: pass_rate_fields(entries[n], judged.votes) for n, judged in read.items()}
    assert json_text(made) == exact(file)
    table = file.with_suffix(".csv")
    assert pass_rate_table(made, model, newline="\n").text() == exact(table)
    assert {n: j.votes for n, j in read_pass_rates(table).items()} == {
        n: j.votes for n, j in read.items()
    }


def test_recorded_votes(example: Path) -> None:
    cot, dfs = (read_pass_rates(pass_file(example, m)) for m in (COT, DFS))
    assert set(cot["588"].votes.values()) == {"Unsolved"}
    assert set(cot["608"].votes.values()) == {"Solved"}
    assert [sorted(j.votes.items()) for j in dfs.values()] == [
        [(k, "Solved") for k in range(3)]
    ] * 2


def test_preference_files_are_made_again(example: Path) -> None:
    file = example / "preference_results" / f"G1_instruction_{COT}_{DFS}.json"
    data = read_json(file)
    assert json_text(data) == exact(file)
    entries = tuple(
        read_json(example / "model_predictions_converted" / m / "G1_instruction.json")
        for m in (COT, DFS)
    )
    table = preference_table(data, COT, DFS, (entries[0], entries[1]), newline="\n")
    assert table.text() == exact(file.with_suffix(".csv"))
    models, read = read_preferences(file)
    assert models == (COT, DFS)
    assert [dict(p.wins) for p in read.values()] == [{COT: 0, DFS: 3}] * 2
    assert read_preferences(file.with_suffix(".csv"))[0] == models


def test_tables_round_trip(shared: Path) -> None:
    files = sorted((shared / "stabletoolbench").rglob("*.csv"))
    assert len(files) == 5
    for file in files:
        assert read_table(file).text() == exact(file)


def test_leaderboards(shared: Path) -> None:
    folder = shared / "stabletoolbench/toolbench/tooleval/results"
    boards = [read_leaderboard(f) for f in sorted(folder.glob("leaderboard*.csv"))]
    assert boards[0]["GPT4-DFSDT"]["WinRate"] == 70.4
    assert boards[1]["gpt-3.5-turbo_CoT"]["StdError"] == 0.0


def test_toolbench_form(tmp_path: Path) -> None:
    fields = {
        "passed": 3,
        "failed": 1,
        "query": "Où?",
        "task_solvable": "TaskStatus.Unsolvable",
        "is_solved": "AnswerStatus.Unsure",
    }
    file = tmp_path / "G1_tool_m.json"
    file.write_text(json_text({"7": fields}), "utf-8")
    [judged] = read_pass_rates(file).values()
    assert (judged.passed, judged.failed) == (3, 1)
    assert (judged.status, judged.solvable) == ("Unsure", "Unsolvable")


@pytest.mark.parametrize(
    "text", ['{"1": {', "[1]", '{"1": {"query": "q"}}', '{"1": {"query": "q", "is_solved": "Yes"}}']
)
def test_torn_and_foreign_json(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"odd\.json"):
        read_pass_rates(file)
    with pytest.raises(UsageError, match=r"odd\.json"):
        read_preferences(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "query\tquery_id\n",
        "query\tquery_id\tis_solved\nq\t1\n",
        'query\tquery_id\tis_solved\n"q',
    ],
)
def test_torn_and_foreign_tables(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"odd\.csv"):
        read_pass_rates(file)


def test_votes_of_a_table_are_never_evaluated(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("query\tquery_id\tis_solved\nq\t1\t{0: exit()}\n", "utf-8")
    with pytest.raises(UsageError, match="votes that cannot be read"):
        read_pass_rates(file)
    assert json.loads(json_text({"a": "é"})) == {"a": "é"}
