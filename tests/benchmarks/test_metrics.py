"""Metrics of a tree: by hand, on trees of any form, and on ToolBench's own trees."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.metrics import METRICS, TreeMetrics, average, canonical, measure
from toolgrove.benchmarks.toolbench import read_source
from toolgrove.core import API, Action, Node, Step, StepInfo, Task, Tree, run
from toolgrove.core.status import CODES, Status
from toolgrove.envs import ReplayEnv
from toolgrove.models import ReplayModel
from toolgrove.planners import DFSDT

TASK = Task("t", "do it", tuple(map(API, "abcd")), relevant=("a", "b"))


def child(
    parent: Node, api: str | None, status: Status | None = "ok", arguments: str = "{}"
) -> Node:
    action = None if api is None else Action(api, arguments)
    node = Node(f"{parent.id}.{len(parent.children)}", parent, action)
    if status is not None:
        ended = status in ("answered", "gave_up")
        node.step = Step("", terminated=ended, info=StepInfo(status))
    parent.children.append(node)
    return node


def by_hand() -> Tree:
    """A search that went wrong first, and answered on its second branch."""
    root = Node("0")
    first = child(root, "a", "timeout")
    child(child(first, "x", "no_such_api"), "Finish", "gave_up")
    second = child(root, "a")
    wrong = child(second, "c", "bad_arguments", '{"k": 1, "l": 2}')
    again = child(wrong, "c", "ok", '{"l": 2, "k": 1}')
    same = child(again, "c", "ok", '{"l":2,"k":1}')
    answer = child(child(same, None, None), "Finish", "answered", '{"final_answer": "1"}')
    return Tree([root], answer.id)


def test_a_tree_measured_by_hand() -> None:
    assert measure(by_hand(), TASK) == TreeMetrics(
        nodes=9,
        calls=6,
        errors=3,  # the timeout, x, and c without good arguments
        recall=0.5,  # a, and not b
        precision=0.5,  # of a and c
        path_recall=0.5,
        path_precision=0.5,
        hallucinated=1,
        invalid=1,
        repeated=2,  # c twice again on its path; a's repetition is on another
        repeated_tree=3,
        recovery=1 / 3,
        wasted=2 / 6,
        winner_depth=6,
        max_depth=6,
        branching=9 / 8,  # the root has two children, seven others have one
    )


def test_without_the_task_its_metrics_are_left_out() -> None:
    with_task, without = measure(by_hand(), TASK), measure(by_hand(), None)
    assert without.recall is without.precision is None
    assert without.path_recall is without.path_precision is None
    assert without.hallucinated == 1
    rest = set(METRICS) - {"recall", "precision", "path_recall", "path_precision"}
    assert all(getattr(without, name) == getattr(with_task, name) for name in rest)


def test_a_task_that_names_no_relevant_api_has_no_recall() -> None:
    found = measure(by_hand(), Task("t", "do it", TASK.apis))
    assert found.recall is found.precision is found.path_recall is None


def test_what_was_not_done_is_not_measured() -> None:
    found = measure(Tree([Node("0")]), TASK)
    assert (found.nodes, found.calls, found.errors, found.max_depth) == (0, 0, 0, 0)
    assert found.recall == 0.0 and found.precision is None
    assert found.path_recall is found.recovery is found.wasted is None
    assert found.winner_depth is found.branching is None


def test_giving_up_wastes_every_call() -> None:
    root = Node("0")
    end = child(child(root, "a"), "Finish", "gave_up")
    found = measure(Tree([root], end.id), TASK)
    assert found.wasted == 1.0 and found.winner_depth is None and found.path_recall is None
    assert found.recall == 0.5 and found.precision == 1.0


@pytest.mark.parametrize(
    ("api", "status", "hallucinated"),
    [
        ("x", "no_such_api", 1),
        ("a", "no_such_api", 1),  # the environment does not have what was offered
        ("x", "error", 1),
        ("x", "ok", 0),  # the environment knows it, or it was offered on the way
        ("a", "error", 0),
        ("Finish", "bad_finish", 0),
    ],
)
def test_what_a_hallucinated_call_is(api: str, status: Status, hallucinated: int) -> None:
    root = Node("0")
    child(root, api, status)
    assert measure(Tree([root]), TASK).hallucinated == hallucinated


@pytest.mark.parametrize("arguments", ["[1]", "{", "null", "x", '{"a": }'])
def test_arguments_that_are_no_object_are_invalid_however_the_call_ended(arguments: str) -> None:
    root = Node("0")
    child(root, "a", "ok", arguments)
    assert measure(Tree([root]), TASK).invalid == 1


def test_an_error_is_recovered_from_below_it_only() -> None:
    root = Node("0")
    child(root, "a", "timeout")
    child(root, "a", "ok")
    assert measure(Tree([root]), TASK).recovery == 0.0
    child(root.children[0], "Finish", "answered")
    assert measure(Tree([root]), TASK).recovery == 1.0


def test_equal_arguments_are_equal_in_any_order_and_spacing() -> None:
    assert canonical('{"a": 1, "b": [2]}') == canonical('{ "b":[2],"a":1 }')
    assert canonical("") == canonical("{}") != canonical('{"a": 1}')
    assert canonical("{not json") == canonical("  {not   json ")


def test_a_mean_says_over_how_many() -> None:
    without = measure(Tree([Node("0")]), TASK)
    found = average([measure(by_hand(), TASK), without, without])
    assert (found["calls"].value, found["calls"].n, found["calls"].of) == (2.0, 3, 3)
    assert (found["wasted"].value, found["wasted"].n, found["wasted"].of) == (2 / 6, 1, 3)
    assert found["recall"].value == 0.5 / 3
    assert average([])["calls"].value is None and average([])["calls"].of == 0


# Trees of any form


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    statuses: list[Status] = [s for s in CODES if s not in ("answered", "gave_up")]
    roots = [Node("0"), Node("0~1")][: draw(st.integers(1, 2))]
    nodes = list(roots)
    answers = []
    for _ in range(draw(st.integers(0, 30))):
        parent = draw(st.sampled_from([n for n in nodes if not n.done]))
        if draw(st.integers(0, 5)) == 0:
            ends: Status = draw(st.sampled_from(["answered", "gave_up", "bad_finish"]))
            node = child(parent, "Finish", ends)
            answers += [node] if node.solved else []
        else:
            api = draw(st.sampled_from([None, *"abcdxy"]))
            status = draw(st.sampled_from([None, *statuses])) if api is not None else None
            arguments = draw(st.sampled_from(["{}", '{"k": 1}', '{"k":1}', "[]", "{"]))
            node = child(parent, api, status, arguments)
        nodes.append(node)
    return Tree(roots, draw(st.sampled_from(answers)).id if answers else None)


@given(trees())
def test_figures_keep_to_their_bounds(tree: Tree) -> None:
    found = measure(tree, TASK)
    for name in ("recall", "precision", "path_recall", "path_precision", "recovery", "wasted"):
        value = getattr(found, name)
        assert value is None or 0 <= value <= 1
    for name in ("hallucinated", "invalid", "repeated", "repeated_tree"):
        assert 0 <= getattr(found, name) <= found.calls
    assert found.repeated <= found.repeated_tree
    assert found.calls <= found.nodes == sum(1 for _ in tree.walk()) - len(tree.roots)
    assert (found.winner_depth is None) == (tree.winner is None)
    assert found.winner_depth is None or found.winner_depth <= found.max_depth
    if found.path_recall is not None and found.recall is not None:
        assert found.path_recall <= found.recall
    assert found.branching is None or found.branching >= 1
    assert (found.recovery is None) == (found.errors == 0)


@given(trees())
def test_a_tree_read_from_its_file_measures_the_same(tree: Tree) -> None:
    again = Tree.from_json(json.loads(json.dumps(tree.to_json())))
    assert measure(again, TASK) == measure(tree, TASK)


@given(st.lists(trees(), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_trials_is_nothing(grown: list[Tree], rng: random.Random) -> None:
    measured = [measure(tree, TASK) for tree in grown]
    shuffled = rng.sample(measured, len(measured))
    assert average(measured) == average(shuffled)


def test_a_chain_of_ten_thousand_calls_is_measured() -> None:
    root = node = Node("0")
    for i in range(10_000):
        node = child(node, "a", "ok", f'{{"i": {i % 5000}}}')
    found = measure(Tree([root]), TASK)
    assert (found.calls, found.repeated, found.max_depth) == (10_000, 5_000, 10_000)


# ToolBench's own trees, counted in its files by other code


def turns(node: dict[str, Any], api: str = "") -> Iterator[tuple[str, int, bool]]:
    """API, code and whether something good is below, of each Action Input of a released tree."""
    for below in node["children"]:
        name = below["description"] if below["node_type"] == "Action" else api
        if below["node_type"] == "Action Input":
            codes = [code for _, code, _ in turns(below)]
            yield name, below["observation_code"], any(code in (0, 3) for code in codes)
        yield from turns(below, name)


def test_released_trees_are_counted_as_their_files_say(shared: Path) -> None:
    folder = shared / "toolbench_example/answer"
    seen = 0
    for task in read_source(folder):
        written = json.loads((folder / f"{task.id}.json").read_text("utf-8"))
        asked = written["forward_args"]
        planner = DFSDT(
            profile="toolbench",
            max_steps=asked["single_chain_max_step"],
            width=asked["tree_beam_size"],
            answers=asked["answer"],
            max_calls=asked["max_query_count"],
        )
        result = asyncio.run(run(planner, task, ReplayModel(), ReplayEnv))
        found = measure(result.tree, task)
        in_file = list(turns(written["tree"]["tree"]))
        calls = [(api, code) for api, code, _ in in_file if api != "Finish"]
        errors = [good for _, code, good in in_file if code not in (0, 3, 4)]
        if len(in_file) != found.calls + sum(
            n.action is not None and n.action.api == "Finish" for n in result.tree.walk()
        ):
            continue  # two files were made by an older rule and replay to another tree
        seen += 1
        assert found.calls == len(calls)
        assert found.errors == len(errors)
        assert found.recovery == (sum(errors) / len(errors) if errors else None)
        assert found.hallucinated >= sum(code == 1 for _, code in calls)
        used = {api for api, code in calls if code == 0}
        if task.relevant:
            assert found.recall == len(used & set(task.relevant)) / len(task.relevant)
    assert seen >= 8
