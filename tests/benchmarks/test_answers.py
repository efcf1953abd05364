"""ToolBench's answer files, written: what is in them, and that they can be read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.answers import export_answer
from toolgrove.benchmarks.toolbench import read_source
from toolgrove.core import (
    API,
    Action,
    Completion,
    ModelError,
    Planner,
    Result,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    Tree,
    make,
    run_sync,
)
from toolgrove.core.contracts import Fork
from toolgrove.envs import ReplayEnv, ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ReplayModel, ScriptedModel
from toolgrove.models.scripted import line
from toolgrove.models.stumble import StumblingModel

TASK = Task("t", "Is it raining?", (API("f", "Looks.", {"type": "object"}), API("g")))
GIVE = '{"return_type": "give_answer", "final_answer": "yes"}'
GIVE_UP = '{"return_type": "give_up_and_restart"}'
TOOLBENCH = [
    "dfsdt:profile=toolbench,width=2,max_steps=12",
    "dfsdt:profile=toolbench,width=3,max_steps=9,answers=2",
    "dfsdt:profile=toolbench,ranked=true,max_steps=9",
    "react@3:profile=toolbench,max_steps=12",
]
OTHERS = [
    "dfsdt:width=3,max_steps=5",
    "react@3:max_steps=5",
    "cot",
    "dfsdt:ranked=true,max_steps=4",
]


class Echo(ToolEnv):
    """Says what it was asked."""

    fork: Fork = "free"

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        return "", {}

    async def step(self, action: Action) -> Step:
        return Step(f"{action.api} of {action.arguments}")


def planner(spec: str) -> Planner:
    made = make("planners", spec)
    assert isinstance(made, Planner)
    return made


def scripted(spec: str, *replies: Completion | ModelError) -> Result:
    return run_sync(planner(spec), TASK, ScriptedModel(replies=replies), Echo)


def stumbled(spec: str, seed: int) -> tuple[Task, Result]:
    task = shop_tasks(1, seed=seed)[0]
    result = run_sync(planner(spec), task, StumblingModel(0.4), ShopEnv, seed=seed)
    assert result.error is None
    return task, result


def exported(result: Result, task: Task = TASK, method: str = "dfs") -> Any:
    spent = result.spent
    made = export_answer(
        result.tree, task, arguments={"k": 1}, method=method,
        calls=spent["calls"], tokens=spent["tokens"],
    )  # fmt: skip
    return json.loads(json.dumps(made))


def walk(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield root
    for child in root["children"]:
        yield from walk(child)


def texts(chain: Sequence[dict[str, Any]]) -> list[str]:
    return [node["description"] for node in chain]


def shape(tree: Tree) -> list[tuple[Any, ...]]:
    return [
        (n.id, n.action, n.thought, n.observation, n.pruned, n.visited, n.failed, n.solved)
        for n in tree.walk()
    ]


@pytest.mark.parametrize("spec", TOOLBENCH)
def test_what_is_written_can_be_read_replayed_and_written_again(spec: str, tmp_path: Path) -> None:
    method = "dfs" if spec.startswith("dfsdt") else "cot"
    for seed in range(5):
        task, result = stumbled(spec, seed)
        written = exported(result, task, method)
        path = tmp_path / f"{seed}_model_{method}.json"
        path.write_text(json.dumps(written), "utf-8")
        [again] = read_source(path)
        assert again.instruction == task.instruction
        assert [api.name for api in again.apis] == [api.name for api in task.apis]
        if "ranked" in spec:
            continue  # rankings are not in the file, so they cannot be replayed
        replayed = run_sync(planner(spec), again, ReplayModel(), ReplayEnv)
        assert replayed.error is None and replayed.end == result.end
        assert shape(replayed.tree) == shape(result.tree)
        rewritten = exported(replayed, again, method)
        assert rewritten.pop("answer_generation")["query_count"] == result.spent["calls"]
        del written["answer_generation"]
        assert rewritten == written


@pytest.mark.parametrize("spec", [*TOOLBENCH, *OTHERS])
def test_a_tree_read_from_a_run_is_written_as_the_one_that_grew(spec: str) -> None:
    for seed in range(2):
        task, result = stumbled(spec, seed)
        stored = Tree.from_json(json.loads(json.dumps(result.tree.to_json())))
        for method in ("dfs", "cot"):
            assert exported(replace(result, tree=stored), task, method) == exported(
                result, task, method
            )


@pytest.mark.parametrize("spec", [*TOOLBENCH, *OTHERS])
def test_the_counts_in_a_tree_are_right(spec: str) -> None:
    for seed in range(3):
        task, result = stumbled(spec, seed)
        tree = exported(result, task)["tree"]
        nodes = list(walk(tree["tree"]))
        assert tree["size"] == len(nodes)
        assert tree["max_length"] == 1 + max(node["depth"] for node in nodes)
        for node in nodes:
            assert node["child_count"] == len(node["children"])
            assert all(child["depth"] == node["depth"] + 1 for child in node["children"])
            assert ("io_state" in node) == (node["node_type"] == "Action Input")
        calls = [n for n in result.tree.walk() if n.action is not None]
        inputs = [n for n in nodes if n["node_type"] == "Action Input" and n["depth"]]
        assert [n["description"] for n in inputs] == [n.action.arguments for n in calls if n.action]


def test_a_turn_is_a_thought_an_action_and_its_input() -> None:
    result = scripted(
        TOOLBENCH[0], line({"text": "I look.", "calls": [["f", {"x": 1}]]}), line("Hm."),
        line({"calls": [["Finish", GIVE]]}),
    )  # fmt: skip
    written = exported(result)
    nodes = list(walk(written["tree"]["tree"]))
    assert [(n["node_type"], n["description"]) for n in nodes] == [
        ("Action Input", ""), ("Thought", "I look."), ("Action", "f"),
        ("Action Input", '{"x": 1}'), ("Thought", "Hm."), ("Action", "Finish"),
        ("Action Input", GIVE),
    ]  # fmt: skip
    assert [n.get("observation_code") for n in nodes] == [None, None, None, 0, None, None, 3]
    assert nodes[3]["observation"] == 'f of {"x": 1}'
    assert [n["expand_num"] for n in nodes] == [0, 0, 0, 1, 2, 0, 3]
    assert [n["finished"] for n in nodes] == [True] * 7
    [compared] = written["compare_candidates"]
    assert texts(compared) == texts(nodes[1:]) and "children" not in compared[0]


def test_an_answer_is_told_as_toolbench_tells_it() -> None:
    result = scripted(
        TOOLBENCH[0], line({"calls": [["f", {}]]}), line({"calls": [["Finish", GIVE]]})
    )
    written = exported(result)
    made = written["answer_generation"]
    assert (written["win"], made["valid_data"], made["finish_type"]) == (True, True, "give_answer")
    assert (made["final_answer"], made["query"]) == (GIVE, "Is it raining?")
    assert (made["query_count"], made["total_tokens"]) == (2, 0)
    assert [f["name"] for f in made["function"]] == ["f", "g", "Finish"]
    assert written["forward_args"] == {"k": 1}


def test_giving_up_is_told_as_toolbench_tells_it() -> None:
    gave_up = line({"calls": [["Finish", GIVE_UP]]})
    written = exported(scripted(f"{TOOLBENCH[0]},max_calls=2", gave_up, line("unused")))
    made = written["answer_generation"]
    assert (written["win"], made["valid_data"], made["finish_type"]) == (False, True, "give_up")
    assert made["final_answer"] == GIVE_UP and written["compare_candidates"] == []


def test_a_search_without_an_end_has_no_data() -> None:
    made = exported(scripted("dfsdt:max_steps=1,width=1", line("Hm.")))["answer_generation"]
    assert (made["valid_data"], made["final_answer"], made["train_messages"]) == (False, "", [])


def test_an_empty_reply_leaves_no_node() -> None:
    result = scripted("react:max_steps=2", Completion(), line({"calls": [["Finish", GIVE]]}))
    written = exported(result)
    assert texts(list(walk(written["tree"]["tree"]))) == ["", "Finish", GIVE] and written["win"]


def test_a_failed_request_is_a_thought_of_its_own() -> None:
    written = exported(scripted(TOOLBENCH[0], ModelError("overloaded"), ModelError("again")))
    _, *nodes = walk(written["tree"]["tree"])
    assert [(n["node_type"], n["description"]) for n in nodes] == [
        ("Thought", "overloaded"), ("Thought", "again"),
    ]  # fmt: skip
    assert all(n["pruned"] and n["observation_code"] == -1 for n in nodes)


def test_chains_are_tries_and_a_try_says_whether_one_before_it_won() -> None:
    replies = [line({"calls": [["Finish", text]]}) for text in (GIVE_UP, GIVE, GIVE)]
    written = exported(scripted("react@3:answers=2", *replies), method="cot")
    assert [texts(t["chain"]) for t in written["trys"]] == [
        ["Finish", GIVE_UP], ["Finish", GIVE], ["Finish", GIVE],
    ]  # fmt: skip
    assert [t["win"] for t in written["trys"]] == [False, False, True]
    assert (written["win"], written["try_count"], "tree" in written) == (True, 3, False)
    assert not any(node["finished"] for t in written["trys"] for node in t["chain"])


def test_one_sample_a_turn_of_the_way_to_the_answer() -> None:
    calls = [["f", {}], ["g", {"x": 1}], ["Finish", GIVE_UP], ["g", {"x": 2}], ["Finish", GIVE]]
    replies = [line({"text": f"T{i}", "calls": [c]}) for i, c in enumerate(calls)]
    result = scripted("dfsdt:width=2", *replies)
    samples = exported(result)["answer_generation"]["train_messages"]
    assert result.node is not None and len(samples) == result.node.depth
    assert [s[-1]["function_call"]["name"] for s in samples][-1] == "Finish"
    assert [len(s) for s in samples] == sorted(len(s) for s in samples)
    hinted = [[m["content"] for m in s if m.get("valid") is False] for s in samples]
    assert [len(hints) for hints in hinted] == [0, 1, 0] and "previous" in hinted[1][0]
    assert all(s[0]["role"] == "system" and s[1]["content"].endswith("\n") for s in samples)
    assert [m["role"] for m in samples[-1]][2:4] == ["assistant", "function"]


@pytest.mark.parametrize("own", ["42", 42, ["x"], {"text": "x"}, None])
def test_what_a_task_of_ones_own_calls_an_answer_is_not_taken_for_toolbenchs(own: Any) -> None:
    result = scripted("react", line({"calls": [["Finish", GIVE]]}))
    task = replace(TASK, extra={"answer": own})
    assert exported(result, task) == exported(result, TASK)


def test_parallel_calls_are_nodes_one_below_another() -> None:
    both = Completion("Both.", (ToolCall("f", "{}"), ToolCall("g", "{}")))
    result = scripted("react", both, line({"calls": [["Finish", GIVE]]}))
    written = exported(result)
    assert texts(list(walk(written["tree"]["tree"])))[1:] == [
        "Both.", "f", "{}", "g", "{}", "Finish", GIVE,
    ]  # fmt: skip
    samples = written["answer_generation"]["train_messages"]
    assert len(samples) == 2 and len(samples[1]) > len(samples[0]) + 2


def test_any_text_can_be_written() -> None:
    hostile = "\ud83d\0\x1b[31m\u202e</script>\u2028"
    call: ToolCall = ToolCall(hostile, hostile)
    result = scripted("react", Completion(hostile, (call,)), line({"calls": [["Finish", GIVE]]}))
    nodes = list(walk(exported(result)["tree"]["tree"]))
    assert texts(nodes)[1:4] == [hostile] * 3
