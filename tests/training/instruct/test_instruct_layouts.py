"""ToolBench's layout against its own files, and the hub's own tasks as a source."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.toolbench import read_source
from toolgrove.core import Task
from toolgrove.training.collect import collect
from toolgrove.training.documents import Document
from toolgrove.training.instruct.held import Held, tool_of
from toolgrove.training.instruct.output import FORMATS, write_folder
from toolgrove.training.instruct.toolbench import write_queries


def same(one: Task, other: Task) -> None:
    """All that a query file says of a task."""
    for field in ("id", "instruction", "relevant", "answer"):
        assert getattr(one, field) == getattr(other, field)
    assert [replace(api, read_only=True) for api in one.apis] == list(other.apis)


def undescribed(task: Task) -> Task:
    return replace(task, apis=tuple(replace(api, description="") for api in task.apis))


@pytest.mark.parametrize("with_table", [True, False])
def test_toolbenchs_queries_are_written_as_they_were(
    shared: Path, tmp_path: Path, with_table: bool
) -> None:
    golden = shared / "toolbench_example/history_b2384c2/data/query/queryG1_demo.json"
    tasks, out = read_source(golden), tmp_path / "queryG1_demo.json"
    documents = collect([f"toolbench:{golden}"]).documents if with_table else ()
    assert write_queries(tasks, out, documents) == len(tasks) == 3
    again = read_source(out)
    assert again == tasks
    if with_table:
        theirs, ours = json.loads(golden.read_text()), json.loads(out.read_text())
        for one, other in zip(theirs, ours, strict=True):
            assert (one["query"], one["query_id"]) == (other["query"], other["query_id"])
            for api, mine in zip(one["api_list"], other["api_list"], strict=True):
                for key in ("category_name", "tool_name", "api_name", "method"):
                    assert api[key] == mine[key]
                assert api["api_description"].strip() == mine["api_description"]
                assert api["template_response"] == mine["template_response"]
                for group in ("required_parameters", "optional_parameters"):
                    assert [p["type"] for p in api[group]] == [p["type"] for p in mine[group]]


@pytest.mark.parametrize("with_table", [True, False])
def test_all_of_toolbenchs_test_queries_survive(
    shared: Path, tmp_path: Path, with_table: bool
) -> None:
    count = 0
    for golden in sorted((shared / "toolbench_test" / "test_instruction").glob("*.json")):
        tasks, out = read_source(golden), tmp_path / golden.name
        documents = collect([f"toolbench:{golden}"]).documents if with_table else ()
        write_queries(tasks, out, documents)
        for one, other in zip(tasks, read_source(out), strict=True):
            if not with_table:  # descriptions were cut at 256 characters, some after a space
                one, other = undescribed(one), undescribed(other)
            same(one, other)
            count += 1
    assert count == 217


def test_a_folder_has_both_layouts_and_no_stale_suite(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="needs toolgrove[hub]")
    from toolgrove.training.instruct.hub import hub_held, hub_sets

    sets = hub_sets(["I1", "I3"], 20, 5)
    held = hub_held()
    apis = {api.name: api for tasks in sets.values() for task in tasks for api in task.apis}
    documents = [Document(api, source="hub") for api in apis.values()]
    counts = write_folder(tmp_path, sets, held, 5, {}, documents, ("toolgrove", "toolbench"))
    assert counts == {
        "train-i1": 14, "train-i3": 18, "i1-inst": 2, "i1-tool": 2, "i1-cat": 2, "i3-inst": 2,
    }  # fmt: skip
    for name, tasks in sets.items():
        [suite] = load_suites(str(tmp_path / f"{name}.jsonl"))
        assert list(suite.tasks) == tasks
        theirs = read_source(tmp_path / "toolbench" / f"{name}.json")
        assert [t.instruction for t in theirs] == [t.instruction for t in tasks]
        for one, other in zip(tasks, theirs, strict=True):
            named = {api.name: (api.tool, api.api) for api in one.apis}
            read = {api.name: (api.tool, api.api) for api in other.apis}
            assert [named[n] for n in one.relevant] == [read[n] for n in other.relevant]
        if name.startswith("train"):
            assert {held.side(tool_of(api)) for t in tasks for api in t.apis} == {"train"}
    assert Held.read(tmp_path / "splits.json") == held
    write_folder(tmp_path, {"i1-cat": sets["i1-cat"]}, held, 5, {})
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["i1-cat.jsonl"]
    assert not (tmp_path / "toolbench").exists(), "query files of other tasks would be stale"
    both = FORMATS
    write_folder(tmp_path, {"i1-cat": sets["i1-cat"]}, held, 5, {}, documents, both)
    (tmp_path / "toolbench" / "mine.json").write_text("[]")
    write_folder(tmp_path, {"i1-tool": sets["i1-tool"]}, held, 5, {}, documents, both)
    left = sorted(path.name for path in (tmp_path / "toolbench").iterdir())
    assert left == ["i1-tool.json", "mine.json"]
    assert hub_sets(["I1"], 20, 5)["train-i1"] == sets["train-i1"]


def test_the_hub_as_a_source_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("fastapi", reason="needs toolgrove[hub]")
    import sys

    import toolgrove.cli.app
    import toolgrove.cli.data_instruct  # noqa: F401
    from toolgrove.cli import main

    def run(*words: object) -> Any:
        monkeypatch.setattr(sys, "argv", ["toolgrove", "data", "instruct", *map(str, words)])
        try:
            main()
        except SystemExit as left:
            return left.code or 0
        return 0

    words = ("--source", "hub", "--level", "I2", "--tasks", 30, "--out", tmp_path, "--json")
    assert run(*words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sets"] == {"train-i2": 24, "i2-inst": 3, "i2-cat": 3}
    assert run(*words) == 0
    assert run("--source", "hub", "--model", "x", "--out", tmp_path) == 2
    assert run("--source", "hub", "--tasks", 9999, "--out", tmp_path / "b") == 2
    assert "which has" in capsys.readouterr().err
