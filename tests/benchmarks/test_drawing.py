"""Trees in the terminal: marks, widths, and text that would like to be more than text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from cProfile import Profile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from toolgrove.benchmarks.drawing import MARKS, draw, mark_of, plain
from toolgrove.benchmarks.toolbench import read_source
from toolgrove.core import CODES, Action, Node, Status, Step, StepInfo, Tree, make, run_sync
from toolgrove.envs import ReplayEnv, ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ReplayModel
from toolgrove.models.stumble import StumblingModel

GIVE = '{"return_type": "give_answer", "final_answer": "You paid 3."}'
NASTY = (
    "\x1b[31mred\x1b[0m\x1b]0;title\x07 \x9b2J \u202egnp\u202c \u2066x\u2069 \u200b\ufeff \ud83d"
)


def grown(parent: Node, api: str = "f", status: Status = "ok", **fields: Any) -> Node:
    """A new child of a node, with a call that ended in that way."""
    arguments, observation = fields.pop("arguments", "{}"), fields.pop("observation", "seen")
    child = Node(f"{parent.id}.{len(parent.children)}", parent, Action(api, arguments))
    ended = status in ("answered", "gave_up")
    child.step = Step(observation, 0.0, ended, False, StepInfo(status))
    for name, value in fields.items():
        setattr(child, name, value)
    parent.children.append(child)
    return child


def lines(root: Node, winner: str | None = None, *, width: int = 100) -> list[str]:
    return draw(Tree([root], winner), width=width).splitlines()


def test_a_tree_as_people_read_it() -> None:
    root = Node("0")
    first = grown(root, "look", arguments='{"x": 1}', observation="three things")
    grown(first, "Finish", "gave_up")
    second = grown(root, "take", "error", observation="no")
    grown(second, "drop", pruned=True)
    end = grown(second, "Finish", "answered", arguments=GIVE)
    assert lines(root, end.id) == [
        "● task",
        '├─○ look({"x": 1}) → three things',
        "│ └─○ Finish: gave up ↩",
        "└─● take({}) → no !",
        "  ├─○ drop({}) → seen ✂",
        "  └─● Finish: You paid 3. ✔",
        "",
        "● the path of the answer   ✔ answered   ↩ gave up   ✂ pruned   ! error",
    ]


@pytest.mark.parametrize(
    ("status", "fields", "mark"),
    [
        ("ok", {}, ""),
        ("ok", {"pruned": True}, "pruned"),
        ("answered", {}, "answered"),
        ("answered", {"pruned": True}, "answered"),
        ("gave_up", {"pruned": True}, "gave up"),
        ("no_such_api", {"pruned": True}, "no such API"),
        ("error", {"pruned": True}, "pruned"),
        ("ok", {"failed": "down"}, "model failed"),
        ("ok", {"step": None}, ""),
        ("ok", {"step": None, "pruned": True}, "pruned"),
    ],
)
def test_marks(status: Status, fields: Mapping[str, Any], mark: str) -> None:
    node = grown(Node("0"), status=status, **fields)
    assert mark_of(node) == mark and (not mark or mark in MARKS)
    end = f" {MARKS[mark]}" if mark else "seen" if node.step else "f({})"
    assert lines(node.path()[0])[1].endswith(end)


def test_every_status_has_a_mark() -> None:
    ends = {"ok": "", "answered": "answered", "gave_up": "gave up", "no_such_api": "no such API"}
    for status in CODES:
        assert mark_of(grown(Node("0"), status=status)) == ends.get(status, "error")


def test_the_legend_names_the_marks_that_are_there_and_no_other() -> None:
    root = Node("0")
    grown(root)
    assert lines(root) == ["○ task", "└─○ f({}) → seen"]
    grown(root, status="gave_up")
    assert lines(root)[-1] == "↩ gave up"
    for status in CODES:
        grown(root, status=status)
    legend = " ".join(lines(root, width=30)[len(root.children) + 2 :])
    assert {kind for kind in MARKS if kind in legend} == set(MARKS) - {"pruned", "model failed"}


def test_replies_without_a_call() -> None:
    root = Node("0")
    for thought in ("Let me think.", "", None):
        root.children.append(Node(f"0.{len(root.children)}", root))
        root.children[-1].thought = thought
    failed = grown(root, failed="the server is down", pruned=True)
    failed.action = failed.step = None
    assert lines(root)[1:5] == [
        "├─○ “Let me think.”", "├─○ (empty reply)", "├─○ (empty reply)",
        "└─○ the server is down ✗",
    ]  # fmt: skip


def test_a_call_that_is_not_back_yet_and_an_answer_that_cannot_be_read() -> None:
    root = Node("0")
    grown(root, "slow", step=None)
    grown(root, "Finish", "answered", arguments='{"return_type": "give_answer"', observation="")
    assert lines(root)[1:3] == ["├─○ slow({})", '└─○ Finish({"return_type": "give_answer") →  ✔']


def test_every_search_of_a_trial_is_drawn() -> None:
    roots = [Node("0"), Node("0~1")]
    end = grown(roots[1], "Finish", "answered", arguments=GIVE)
    drawn = draw(Tree(roots, end.id)).splitlines()
    assert drawn[:3] == ["○ task", "● task", "└─● Finish: You paid 3. ✔"]


# Widths


@pytest.mark.parametrize("width", [20, 21, 40, 80, 300])
@pytest.mark.parametrize("text", ["x" * 400, "天气" * 200, "é" * 400, "e\u0301" * 400, "🌧️x" * 99])
def test_lines_are_as_wide_as_asked_and_say_that_they_are_cut(width: int, text: str) -> None:
    root = Node("0")
    for i in range(3):
        root = grown(root, observation=text[i:]).path()[0]
        grown(root.children[-1], status="error", observation=text)
    for line in lines(root, width=width)[1:7]:
        assert cell_len(line) <= width and "…" in line and len(line) > width // 3


def test_what_fits_is_not_cut() -> None:
    for text in ("x" * 12, "天" * 6):
        root = Node("0")
        grown(root, "f", observation=text)
        [_, line] = lines(root, width=len("└─○ f({}) → ") + 12)
        assert line == f"└─○ f({{}}) → {text}"
        [_, line] = lines(root, width=len("└─○ f({}) → ") + 11)
        assert line.endswith("…") and cell_len(line) <= len("└─○ f({}) → ") + 11


def test_a_deep_tree_stays_in_the_window() -> None:
    root = node = Node("0")
    for _ in range(500):
        node = grown(node)
    drawn = lines(root, node.id, width=60)
    assert len(drawn) == 501 and all(cell_len(line) <= 60 for line in drawn)
    assert "f({}) → seen" in drawn[500]


def test_a_long_observation_costs_no_more_than_the_line_it_gets() -> None:
    root = Node("0")
    for text in ("x", "x" * 2_000_000):
        grown(root, observation=text)
    profile = Profile()
    profile.runcall(lines, root)
    looked_at = [row.callcount for row in profile.getstats() if "isprintable" in str(row.code)]
    assert 0 < sum(looked_at) < 1000


# Text that would like to be more


def test_control_characters_are_shown_and_not_obeyed() -> None:
    root = Node("0")
    grown(root, NASTY, arguments=NASTY, observation=NASTY, status="error")
    grown(root, "Finish", "answered", arguments=json.dumps({"return_type": "give_answer",
                                                           "final_answer": NASTY}))  # fmt: skip
    grown(root, failed=NASTY).step = None
    grown(root, action=None, step=None, thought=NASTY)
    drawn = draw(Tree([root]), width=1000)
    assert all(char == "\n" or char.isprintable() for char in drawn)
    assert len(drawn.splitlines()) == 5 + 2
    assert drawn.count("�[31mred�[0m�]0;title� �2J �gnp� �x�") == 6
    drawn.encode()  # no half characters


@pytest.mark.parametrize("char", ["\n", "\r", "\t", "\v", "\f", "\x85", "\u2028", "\u2029", "\xa0"])
def test_all_white_space_is_a_space(char: str) -> None:
    assert plain(f"a{char}b") == "a b"


@pytest.mark.parametrize(
    "char",
    ["\0", "\x07", "\x08", "\x1b", "\x7f", "\x9b", "\u200b", "\u200e", "\u202a", "\u202e", "\u2066",
     "\u2069", "\ufeff", "\ud800", "\udfff", "\U000e0041", "\ufff9"],
)  # fmt: skip
def test_what_a_terminal_would_act_on_is_marked(char: str) -> None:
    assert plain(f"a{char}b") == "a�b"


@given(st.text(st.characters()), st.integers(20, 120))
def test_any_text_is_one_line_of_printable_characters(text: str, width: int) -> None:
    shown = plain(text)
    assert len(shown) == len(text) and (shown.isprintable() or not shown)
    root = Node("0")
    grown(root, text, arguments=text, observation=text)
    drawn = draw(Tree([root]), width=width)
    assert len(drawn.splitlines()) == 2
    assert all(char == "\n" or char.isprintable() for char in drawn)


# Real ones


def test_a_tree_read_from_a_file_is_drawn_as_the_one_that_grew() -> None:
    for seed, task in enumerate(shop_tasks(5)):
        planner = make("planners", "dfsdt:width=3,max_steps=5")
        tree = run_sync(planner, task, StumblingModel(0.4), ShopEnv, seed=seed).tree
        again = Tree.from_json(json.loads(json.dumps(tree.to_json())))
        assert draw(again) == draw(tree) and len(draw(tree).splitlines()) > 3


def test_real_trees_are_drawn(shared: Path) -> None:
    for task in read_source(shared / "toolbench_example/answer"):
        planner = make("planners", "dfsdt:profile=toolbench")
        tree = run_sync(planner, task, ReplayModel(), ReplayEnv).tree
        drawn = draw(tree, width=90).splitlines()
        nodes = sum(1 for _ in tree.walk())
        assert drawn[nodes] == "" and all(cell_len(line) <= 90 for line in drawn)
