"""The scripted model: by place, by order, always the same, and from a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Completion,
    ModelError,
    Prompt,
    Request,
    Task,
    ToolCall,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import line
from toolgrove.planners import ReACT

EMPTY = Prompt([])


def ask(model: ScriptedModel, *places: str) -> list[Any]:
    """What it says at ``node#attempt``, or to a question where a topic is named."""
    requests = []
    for place in places:
        node, _, attempt = place.partition("#")
        purpose = f"ask.{node}" if not node[0].isdigit() else "propose"
        requests.append(Request(EMPTY, node=node, attempt=int(attempt or 0), purpose=purpose))
    replies = asyncio.run(model.complete(requests))
    return [str(r) if isinstance(r, ModelError) else r.content for r in replies]


def test_by_place() -> None:
    model = ScriptedModel(replies={"0#0": line("a"), "0.1#2": line("b")}, default=line("else"))
    assert ask(model, "0.1#2", "0#0", "0#0", "0#1") == ["b", "a", "a", "else"]
    assert model.requests == 4


def test_by_order_whatever_the_place() -> None:
    model = ScriptedModel(replies=[line("a"), line("b")])
    said = ask(model, "0.5#3", "0", "0.1#1")
    assert said == ["a", "b", "the script has no line for propose 0.1#1"]
    [error] = asyncio.run(model.complete([Request(EMPTY)]))
    assert isinstance(error, ModelError) and error.miss and error.kind == "script"


def test_questions_by_topic_the_last_answer_repeats() -> None:
    model = ScriptedModel(answers={"rank": [line("A"), line("B")]}, replies=[line("x")])
    assert ask(model, "rank", "rank", "rank") == ["A", "B", "B"]
    assert ask(model, "mood", "0") == ["the script has no line for ask.mood mood#0", "x"]
    assert ask(ScriptedModel(default=line("so")), "mood") == ["so"]


def test_a_line_in_short_form() -> None:
    assert line("hello") == Completion("hello")
    assert line({}) == Completion(None)
    full = {"text": "t", "calls": [["f", {"a": 1}], ["g", "{raw"]], "tokens": 7}
    assert line(full) == Completion("t", (ToolCall("f", '{"a": 1}'), ToolCall("g", "{raw")), 0, 7)


def test_from_a_file_by_place(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    script = {
        "replies": {"0#0": {"calls": [["view_cart", {}]]}},
        "default": {"calls": [["Finish", {"return_type": "give_up_and_restart"}]], "tokens": 3},
        "answers": {"rank": ["A"]},
    }
    path.write_text(json.dumps(script))
    model = make("models", f"scripted:{path}")
    result = run_sync(ReACT(), shop_tasks(1)[0], model, ShopEnv)
    assert result.end == "gave_up" and result.spent["tokens"] == 3
    assert [n.action.api for n in result.tree.walk() if n.action] == ["view_cart", "Finish"]
    assert ask(model, "rank") == ["A"]


def test_from_a_file_by_order(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('{"replies": ["a", {"text": "b"}]}')
    assert ask(ScriptedModel(path), "0", "0.1") == ["a", "b"]
    path.write_text("{}")
    assert ask(ScriptedModel(path), "0") == ["the script has no line for propose 0#0"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"replies": 5}',
        '{"replies": [5]}',
        '{"replies": [{"calls": 5}]}',
        '{"replies": [{"calls": [["only a name"]]}]}',
        '{"replies": [{"tokens": "many"}]}',
        '{"replies": [{"calls": [[5, {}]]}]}',
        '{"replies": [{"text": 5}]}',
        '{"replies": [{"tokens": -1}]}',
        '{"default": null}',
        '{"answers": ["A"]}',
    ],
)
def test_a_file_that_is_no_script(tmp_path: Path, text: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="script.json is no script: "):
        ScriptedModel(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the script .*none.json: No such file"):
        make("models", f"scripted:{tmp_path / 'none.json'}")


def test_a_script_that_ends_is_a_miss_and_not_an_answer() -> None:
    task = Task("t", "x", (API("f"),))
    result = run_sync(ReACT(), task, ScriptedModel(replies=[line("hm")]), ShopEnv)
    assert result.end == "env_miss"
    assert result.error == "ModelError: the script has no line for propose 0.0#0"
