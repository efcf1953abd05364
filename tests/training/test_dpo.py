"""Preference pairs: made at one state, and only one of the two led to an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import API, Action, Node, Step, StepInfo, Task, Tree, make
from toolgrove.training.annotated import AnnotatedRun, LeftOut, Solved
from toolgrove.training.dpo import dpo_rows, led_nowhere, said
from toolgrove.training.export import Recipe
from toolgrove.training.sft import Row, sft_rows

FUNCTIONS = make("policies", "functions")
WORDS = make("policies", "toolllama")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weak teacher that has to go back often."""
    place = tmp_path_factory.mktemp("runs") / "weak"
    suites = load_suites("hub:i1-inst")
    planners = ["dfsdt:width=3", "react@4"]
    plan = Plan(suites, planners, model="simulated:weak", env="", judge="", limit=40)
    parts = Parts.of(plan)
    directory = RunDirectory.create(place, describe(plan, parts))
    asyncio.run(Runner(plan, directory, parts=parts).run())
    directory.close()
    return place


def pairs(run: Path, policy: Any, **options: Any) -> tuple[list[tuple[Solved, Row]], AnnotatedRun]:
    read, found = AnnotatedRun(run), []
    for solved in read:
        try:
            found += [(solved, row) for row in dpo_rows(solved, policy, **options)]
        except LeftOut as reason:
            read.leave_out(str(reason))
    return found, read


def test_pairs_of_a_run(run: Path) -> None:
    found, read = pairs(run, FUNCTIONS)
    assert len(found) > 8
    for solved, row in found:
        data = row.data
        assert set(data) == {"id", "prompt", "chosen", "rejected", "tools"}
        [chosen], [rejected] = data["chosen"], data["rejected"]
        assert chosen["role"] == rejected["role"] == "assistant"
        assert chosen != rejected
        number = int(data["id"].rpartition("#")[2].partition(".")[0])
        turn = {r.data["id"]: r.data for r in sft_rows(solved, FUNCTIONS, shape="chat")}
        row_of_it = turn[f"{solved.id}#{number}"]  # what is chosen is what is learnt there
        assert data["prompt"] + data["chosen"] == row_of_it["messages"]
        node = solved.winner.path()[number]
        assert node.parent is not None
        assert any(led_nowhere(n) for n in node.parent.children if n is not node)
    assert len({row.data["id"] for _, row in found}) == len(found)
    assert read.left_out["no sibling that led nowhere"] > 0
    used = {solved.trial.key for solved, _ in found}
    assert len(used) + sum(read.left_out.values()) == read.planned
    assert {key.planner for key in used} == {"dfsdt:width=3", "react@4"}


def test_at_most_so_many_at_a_node(run: Path) -> None:
    one, _ = pairs(run, FUNCTIONS, most=1)
    two, _ = pairs(run, FUNCTIONS, most=2)
    assert {row.data["id"] for _, row in one} == {
        row.data["id"] for _, row in two if row.data["id"].endswith(".1")
    }
    assert len(two) >= len(one) > 8


def test_in_text(run: Path) -> None:
    found, _ = pairs(run, WORDS)
    for _, row in found:
        assert set(row.data) == {"id", "prompt", "chosen", "rejected"}
        assert "\nAction: " in row.data["chosen"][0]["content"]


APIS = (API("seek", "Seeks."), API("find", "Finds."))
ANSWER = '{"return_type": "give_answer", "final_answer": "7"}'


def grow(parent: Node, api: str, arguments: str = "{}", status: Any = "ok", **more: Any) -> Node:
    node = Node(f"{parent.id}.{len(parent.children)}", parent, Action(api, arguments))
    ended = status in ("answered", "gave_up")
    node.step = Step("seen", 0.0, ended, False, StepInfo(status))
    for key, value in more.items():
        setattr(node, key, value)
    parent.children.append(node)
    return node


def solved_of(roots: Sequence[Node], winner: Node) -> Solved:
    tree = Tree(list(roots), winner.id).to_json()
    key = Key("s", "t", "p", 0)
    return Solved(Trial(key, "", 0, "answered", "7", {}, tree), Task("t", "Find 7.", APIS))


def rejected(solved: Solved, most: int = 9) -> list[str]:
    return [
        row.data["rejected"][0]["tool_calls"][0]["function"]["name"]
        for row in dpo_rows(solved, FUNCTIONS, most=most)
    ]


def test_what_counts_as_led_nowhere() -> None:
    """Pruned, given up and failed branches do; open, solved, equal and chained ones do not."""
    root = Node("0")
    grow(root, "seek", '{"x": 1}', pruned=True)
    gave_up = grow(root, "seek", '{"x": 2}')
    grow(gave_up, "Finish", '{"return_type": "give_up_and_restart"}', "gave_up")
    grow(root, "made_up", "{}", "no_such_api")
    grow(root, "seek", '{"x": 3}')  # nobody looked further
    other = grow(root, "seek", '{"x": 4}')
    grow(other, "Finish", ANSWER, "answered")
    grow(root, "find", '{ "y":  1 }', pruned=True)  # the chosen call, spaced otherwise
    grow(root, "seek", '{"x": 1 }', pruned=True)  # the first one again
    broken = Node(f"0.{len(root.children)}", root)
    broken.failed, broken.pruned = "the model failed", True
    root.children.append(broken)
    best = grow(root, "find", '{"y": 1}')
    winner = grow(best, "Finish", ANSWER, "answered")
    grow(best, "seek", '{"x": 9}', "timeout", first=False)
    solved = solved_of([root], winner)
    assert rejected(solved) == ["seek", "seek", "made_up"]
    assert rejected(solved, most=1) == ["seek"]


def test_other_roots_are_siblings_of_the_first_turn() -> None:
    """Best-of-n and restarts begin anew: their first turns were made at the same state."""
    first, second = Node("0"), Node("0~1")
    grow(first, "seek", pruned=True)
    winner = grow(grow(second, "find"), "Finish", ANSWER, "answered")
    assert rejected(solved_of([first, second], winner)) == ["seek"]


def test_a_smaller_offer_has_what_both_turns_call(run: Path) -> None:
    recipe = Recipe(format="dpo", offer="1-3")
    beside, fewer = 0, 0
    for solved, _ in pairs(run, FUNCTIONS)[0]:
        whole, small = solved, recipe.narrow(solved)
        known = {api.name for api in whole.offered}
        path = {node.action.api for node in whole.winner.path() if node.action}
        fewer += len(small.offered) < len(whole.offered)
        for row in dpo_rows(small, FUNCTIONS, most=recipe.most):
            names = {tool["function"]["name"] for tool in row.data["tools"]}
            for message in (*row.data["chosen"], *row.data["rejected"]):
                for call in message.get("tool_calls", ()):
                    name = call["function"]["name"]
                    assert name in names or name not in known
                    beside += name in known and name not in path
    assert beside > 4 and fewer > 4, "rejected turns call what the path does not"


def test_the_rejected_turn_says_the_name_that_does_not_exist() -> None:
    root = Node("0")
    node = grow(root, "made_up", "{}", "no_such_api")
    assert "made_up" not in FUNCTIONS.extend(node)[0].calls[0]
    assert said(node, FUNCTIONS)[0].calls == (("made_up", "{}"),)
    assert "Action: made_up\n" in (said(node, WORDS)[0].content or "")


def test_the_ten_real_trees(shared: Path, tmp_path: Path) -> None:
    """Six answered; on their winning paths stand three siblings, one of them the same call."""
    suite = f"toolbench:{shared / 'toolbench_example/answer'}"
    planner = "dfsdt:profile=toolbench,depth_backoff=2"
    plan = Plan(load_suites(suite), [planner], model="", env="", judge="")
    parts = Parts.of(plan)
    directory = RunDirectory.create(tmp_path / "run", describe(plan, parts))
    asyncio.run(Runner(plan, directory, parts=parts).run())
    directory.close()
    found, read = pairs(tmp_path / "run", FUNCTIONS)
    ids = sorted(row.data["id"].partition("answer/G")[2][:12] for _, row in found)
    assert ids == ["1_answer/57_", "3_answer/15_"]
    assert sum(read.left_out.values()) == 8
    assert read.left_out["no sibling that led nowhere"] == 4
