"""Converted predictions: upstream's own files made again, and other people's answers as trials."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from toolgrove.benchmarks.judges.voting import path_of
from toolgrove.benchmarks.toolbench import parse_answer
from toolgrove.benchmarks.tooleval.converted import (
    CUT,
    as_trial,
    convert,
    converted_of,
    parse_converted,
    read_converted,
)
from toolgrove.core import UsageError

METHODS = {"cot": "CoT@1", "dfs": "DFS_woFilter_w2"}


def raw(shared: Path, kind: str, number: str) -> dict[str, Any]:
    folder = shared / f"stabletoolbench/data_example/answer/virtual_chatgpt_{kind}"
    file = folder / "G1_instruction" / f"{number}_{METHODS[kind]}.json"
    data: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return data


def released(shared: Path, kind: str) -> Path:
    folder = shared / "stabletoolbench/data_example/model_predictions_converted"
    return folder / f"virtual_chatgpt_{kind}" / "G1_instruction.json"


@pytest.mark.parametrize("kind", METHODS)
def test_answers_convert_to_the_released_file(shared: Path, kind: str) -> None:
    wanted = json.loads(released(shared, kind).read_text("utf-8"))
    rng = Random(42)
    made = {n: convert(raw(shared, kind, n), METHODS[kind], rng=rng) for n in ("588", "608")}
    assert made == wanted


def test_toolbench_cuts_messages(shared: Path) -> None:
    entry = convert(raw(shared, "cot", "608"), "CoT@1", style="toolbench")
    node = entry["answer"]["answer_details"][0]
    texts = []
    while node["next"]:
        node = node["next"][0]
        texts.append(node["message"])
    assert all(isinstance(t, str) and len(t) <= CUT for t in texts)
    read = parse_converted("608", entry)
    assert [turn.name for turn in read.steps][-1] == "Finish"
    assert not read.steps[0].whole


def test_tries_are_drawn_by_seed() -> None:
    def a_try(text: str) -> dict[str, Any]:
        return {"chain": [{"node_type": "Thought", "description": text}]}

    generation = {"valid_data": False, "function": [], "query": "q", "final_answer": ""}
    answer = {"trys": [a_try("a"), a_try("b"), a_try("c")], "answer_generation": generation}
    drawn = convert(answer, "CoT@3")["answer"]["answer_details"][0]["next"][0]["next"][0]
    assert drawn["message"] == Random(42).choice("abc")
    with pytest.raises(UsageError, match="CoT or DFS"):
        convert(answer, "react")
    with pytest.raises(UsageError, match="not a ToolBench answer"):
        convert({}, "CoT@1")


def test_a_walk_takes_an_action_with_its_input() -> None:
    leaf = {"node_type": "Thought", "description": "end", "children": []}
    given = {"node_type": "Action Input", "description": "{}", "observation": "o"}
    action = {"node_type": "Action", "description": "f", "children": [given | {"children": [leaf]}]}
    generation = {"valid_data": False, "function": [], "query": "q", "final_answer": ""}
    entry = convert(
        {"tree": {"tree": {"children": [action]}}, "answer_generation": generation}, "DFS"
    )
    assert entry["answer"]["total_steps"] == 4
    call = entry["answer"]["answer_details"][0]["next"][0]["next"][0]
    assert call["message"] == {"name": "f", "arguments": "{}", "response": "o"}
    assert call["next"][0]["message"] == "end"


def test_default_evalset(shared: Path) -> None:
    folder = shared / "stabletoolbench/toolbench/tooleval/results/default_evalset"
    entries = [e for f in sorted(folder.rglob("*.json")) for e in read_converted(f).values()]
    kinds = Counter(entry.finish for entry in entries)
    assert len(entries) == 392
    assert kinds == {"give_answer": 191, "give_up_and_restart": 49, "none": 152}
    assert all(len(e.turns) + 2 == e.total_steps for e in entries)
    trials = [as_trial(entry)[1] for entry in entries]
    # 9 of the 152 are broken JSON that ToolBench reads leniently as an answer; 143 are empty.
    assert Counter(trial.end for trial in trials) == {"answered": 200, "gave_up": 49, "limit": 143}
    assert all((trial.answer is not None) == (trial.end == "answered") for trial in trials)
    assert all(trial.tree.winner for trial in trials if trial.end == "answered")


def test_other_peoples_answers_are_trials(shared: Path) -> None:
    entry = read_converted(released(shared, "dfs"))["588"]
    task, trial = as_trial(entry, "G1_instruction")
    assert (trial.end, trial.key.task, trial.key.planner) == ("answered", "588", METHODS["dfs"])
    assert trial.answer is not None and trial.answer.startswith("Lionel Messi has had")
    assert len(task.apis) == len(entry.tools) - 1
    assert "transfermarkt_search_for_theclique" in path_of(trial)
    none = as_trial(read_converted(released(shared, "cot"))["588"])[1]
    assert (none.end, none.answer) == ("limit", None)
    assert type(none).from_json(none.to_json()).tree.shape() == none.tree.shape()


def test_trials_are_written(shared: Path) -> None:
    entries = read_converted(released(shared, "dfs"))
    written = converted_of([as_trial(e) for e in entries.values()], method="DFS")
    for number, entry in entries.items():
        again = parse_converted(number, written[number])
        assert again.final_answer == entry.final_answer
        assert [t.name for t in again.steps] == [t.name for t in entry.steps]
        assert [t.response for t in again.steps[:-1]] == [t.response for t in entry.steps[:-1]]
    one = as_trial(entries["588"])
    with pytest.raises(UsageError, match="several trials"):
        converted_of([one, one], method="DFS")


def test_a_message_is_never_evaluated(tmp_path: Path) -> None:
    bad = f"__import__('pathlib').Path({str(tmp_path / 'x')!r}).write_text('')"
    details = [{"role": "tool", "message": bad, "next": []}]
    answer = {"final_answer": "", "total_steps": 1, "answer_details": details}
    read = parse_converted("1", {"query": "q", "available_tools": [], "answer": answer})
    assert not read.turns[0].whole
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("text", ['{"1": ', "[]", '{"1": {"query": "q"}}', '{"1": 3}'])
def test_foreign_files(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"a\.json"):
        read_converted(file)


def test_an_answer_file_reads_as_a_task_too(shared: Path) -> None:
    """The raw files are those that the rest of the package reads."""
    task = parse_answer(raw(shared, "cot", "588"), Path("588_CoT@1.json"), "588_CoT@1")
    assert task.instruction == read_converted(released(shared, "cot"))["588"].query
