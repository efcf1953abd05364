"""``toolgrove import`` and ``toolgrove export``: real trees in, out, and equal again."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolgrove.benchmarks.suites import read_jsonl
from toolgrove.benchmarks.trial import Trial

Run = Callable[..., Any]
NOW, OLDER = "dfsdt:profile=toolbench", "dfsdt:profile=toolbench,depth_backoff=2"
# Two released trees were made by an older rule: the depth limit also backed off two levels.
BY_OLDER = {"G1_answer/57_ChatGPT_DFS_woFilter_w2", "G3_answer/8_ChatGPT_DFS_woFilter_w2"}
# Two of the ten have one number.
SHARED = {"G1_answer/10_ChatGPT_DFS_woFilter_w2", "G2_answer/10_ChatGPT_DFS_woFilter_w2"}


def plain(name: str) -> str:
    return name.replace("/", "_").replace(":", "_").replace(",", "_")


def exported(folder: Path, suite: str, task: str) -> Any:
    """The answer that stands for the original of that name."""
    planner = plain(OLDER if task in BY_OLDER else NOW)
    number = plain(task) if task in SHARED else task.split("/")[1].split("_")[0]
    return json.loads((folder / suite / planner / f"{number}_{planner}.json").read_text())


def test_ten_real_trees_go_in_and_come_out_equal(toolgrove: Run, shared: Path) -> None:
    source = shared / "toolbench_example/answer"
    done = toolgrove("import", "toolbench", source, "--out", "in/ten.jsonl")
    assert done.out.splitlines() == [
        "10 tasks, 10 with a trace: in/ten.jsonl",
        f"next: toolgrove bench --suite in/ten.jsonl --planner {NOW}",
    ]
    words = ("bench", "--suite", "in/ten.jsonl", "--planner", NOW, "--planner", OLDER)
    assert toolgrove(*words, "--out", "run").code == 0
    done = toolgrove("export", "run", "--format", "toolbench", "--out", "out")
    assert (done.code, done.out) == (0, "20 answers: out\n")
    ids = [task.id for task in read_jsonl(Path("in/ten.jsonl"))]
    assert len(ids) == len(list(Path("out/ten", plain(NOW)).iterdir())) == 10
    for task in ids:
        original = json.loads((source / f"{task}.json").read_text())
        answer = exported(Path("out"), "ten", task)
        assert answer["tree"] == original["tree"], task
        assert answer["win"] == original["win"]
        assert answer["compare_candidates"] == original["compare_candidates"]
        made, was = answer["answer_generation"], original["answer_generation"]
        assert made["query_count"] == was["query_count"] and made["function"] == was["function"]
        if original["win"]:
            assert made["final_answer"] == was["final_answer"]


def test_what_was_exported_is_imported_again(toolgrove: Run, shared: Path) -> None:
    suite = f"toolbench:{shared}/toolbench_example/answer"
    assert toolgrove("bench", "--suite", suite, "--planner", NOW, "--out", "run").code == 0
    toolgrove("export", "run", "--format", "toolbench", "--out", "out")
    done = toolgrove("import", "toolbench", "out", "--out", "again.jsonl")
    assert done.code == 0 and done.out.startswith("10 tasks, 10 with a trace")
    assert done.out.endswith(f" --planner {NOW}\n")
    toolgrove("bench", "--suite", "again.jsonl", "--planner", NOW, "--out", "run2")
    toolgrove("export", "run2", "--format", "toolbench", "--out", "out2")
    first, second = (
        sorted(json.dumps(json.loads(p.read_text())["tree"]) for p in Path(name).rglob("*.json"))
        for name in ("out", "out2")
    )
    assert len(first) == 10 and first == second


def test_chains_go_in_and_come_out_equal(toolgrove: Run, shared: Path) -> None:
    source = shared / "tooldec_traces/output/chatgpt_i2_cat_cot_18"
    done = toolgrove("import", "toolbench", source, "--out", "cot.jsonl")
    next_ = done.out.splitlines()[1].removeprefix("next: ")
    _, *words = shlex.split(next_)
    assert words[-1] == "react:profile=toolbench,max_steps=18"
    assert toolgrove(*words, "--out", "run", "--limit", 20).code == 0
    toolgrove("export", "run", "--format", "toolbench", "--out", "out")
    files = sorted(Path("out").rglob("*.json"))
    assert len(files) == 20
    originals = {p.name.split("_")[0]: json.loads(p.read_text()) for p in source.glob("*.json")}
    for path in files:
        answer, original = json.loads(path.read_text()), originals[path.name.split("_")[0]]
        assert answer["win"] == original["win"]
        assert [t["chain"] for t in answer["trys"]] == [t["chain"] for t in original["trys"]]


def test_queries_are_told_what_they_still_need(toolgrove: Run, shared: Path) -> None:
    source = shared / "stabletoolbench/solvable_queries/test_instruction"
    done = toolgrove("import", "toolbench", source, "--out", "queries.jsonl")
    assert done.out.splitlines() == [
        "519 tasks, 0 with a trace: queries.jsonl",
        "next: toolgrove bench --suite queries.jsonl --planner dfsdt --model M --env E",
    ]
    assert len(read_jsonl(Path("queries.jsonl"))) == 519


def test_import_tells_what_it_cannot_read(toolgrove: Run, shared: Path) -> None:
    whole = shared / "toolbench_example/answer/G1_answer/57_ChatGPT_DFS_woFilter_w2.json"
    Path("torn.json").write_text(whole.read_text()[:5000])
    Path("foreign.json").write_text('{"a": 1}')
    Path("bytes.json").write_bytes(b"\xff\xfe\x00")
    Path("list.json").write_text("[1, 2]")
    Path("nothing").mkdir()
    Path("mixed").mkdir()
    shutil.copy(whole, "mixed/good.json")
    shutil.copy("torn.json", "mixed/torn.json")
    answer = json.loads(whole.read_text())
    answer["tree"]["tree"]["children"][0]["node_type"] = "Dream"
    Path("strange.json").write_text(json.dumps(answer))
    for name, says in {
        "nope": "no file or folder nope",
        "nothing": "nothing holds no JSON files",
        "torn.json": "torn.json is torn or not JSON",
        "bytes.json": "bytes.json is torn or not JSON",
        "mixed": "mixed/torn.json is torn or not JSON",
        "foreign.json": "foreign.json is neither a ToolBench query file",
        "list.json": "list.json, query 0 is no ToolBench query",
        "strange.json": "strange.json is no ToolBench answer that can be read",
    }.items():
        done = toolgrove("import", "toolbench", name, "--out", "out.jsonl")
        assert done.code == 2 and done.out == "" and says in done.err
        assert len(done.err.splitlines()) == 1 and not Path("out.jsonl").exists()


def test_formats_and_targets_that_there_are_not(toolgrove: Run) -> None:
    for words, says in {
        ("import", "toolbnch", "x", "--out", "a.jsonl"): "no import format 'toolbnch'; there are:",
        ("import", "toolbench", "x", "--out", "a.json"): "--out a.json: a tasks file ends in .jso",
        ("export", "x", "--format", "csv", "--out", "a"): "no export format 'csv'; there are:",
        ("export", "x", "--format", "jsonl", "--out", "a"): "no run directory x",
        ("export", ".", "--format", "jsonl", "--out", "a"): ". is no run directory",
    }.items():
        done = toolgrove(*words)
        assert done.code == 2 and says in done.err and len(done.err.splitlines()) == 1


def test_export_as_lines_is_every_trial_whole(toolgrove: Run) -> None:
    words = ("bench", "--suite", "shop:n=3", "--planner", "dfsdt", "--trials", 2, "--out", "run")
    assert toolgrove(*words).code == 0
    done = toolgrove("export", "run", "--format", "jsonl", "--out", "deep/down/trials.jsonl")
    assert done.out == "6 trials: deep/down/trials.jsonl\n"
    lines = Path("deep/down/trials.jsonl").read_text().splitlines()
    trials = [Trial.from_json(json.loads(line)) for line in lines]
    assert len({trial.key for trial in trials}) == 6
    assert all(len(list(trial.tree.walk())) > 1 for trial in trials)


def test_export_twice_writes_the_same_files(toolgrove: Run) -> None:
    words = ("--planner", "dfsdt", "--planner", "react", "--trials", 2, "--out", "run")
    assert toolgrove("bench", "--suite", "shop:n=3", *words).code == 0
    listed = []
    for _ in range(2):
        done = toolgrove("export", "run", "--format", "toolbench", "--out", "out")
        assert done.out == "12 answers: out\n"
        listed.append(sorted(str(path) for path in Path("out").rglob("*.json")))
    assert listed[0] == listed[1] and len(listed[0]) == 12
    assert "out/shop_n=3/dfsdt/shop-001_dfsdt_1.json" in listed[0]


def test_a_planner_that_branches_is_exported_as_a_tree(toolgrove: Run) -> None:
    Path("wide.py").write_text(
        "from dataclasses import dataclass\n"
        "from toolgrove.planners import DFSDT\n\n\n"
        "@dataclass(frozen=True)\nclass Wide(DFSDT):\n    width: int = 3\n"
    )
    words = ("--planner", "wide.py:Wide", "--planner", "react", "--out", "run")
    assert toolgrove("bench", "--suite", "shop:n=6", *words).code == 0
    toolgrove("export", "run", "--format", "toolbench", "--out", "out")
    wide = [json.loads(p.read_text()) for p in Path("out").rglob("*wide*.json")]
    react = [json.loads(p.read_text()) for p in Path("out").rglob("*react.json")]
    assert any("tree" in answer for answer in wide) and not any("tree" in a for a in react)


def test_a_suite_that_lost_a_task_is_told(toolgrove: Run) -> None:
    tasks = [f'{{"id": {i}, "instruction": "Go."}}\n' for i in range(2)]
    Path("own.jsonl").write_text("".join(tasks))
    words = ("--planner", "react", "--model", "scripted", "--env", "shop", "--out", "run")
    assert toolgrove("bench", "--suite", "own.jsonl", *words).code == 0
    Path("own.jsonl").write_text(tasks[0])
    done = toolgrove("export", "run", "--format", "toolbench", "--out", "out")
    assert done.code == 2 and "suite own.jsonl no longer has the task 1" in done.err
