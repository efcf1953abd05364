"""A world in fewer words: only the text changes, and what was cut is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Action,
    CallWorld,
    Step,
    StepInfo,
    Task,
    ToolError,
    UsageError,
    World,
    world,
)
from toolgrove.core.contracts import Fork
from toolgrove.envs.recorded import RecordedEnv
from toolgrove.envs.shop import APIS
from toolgrove.envs.trimmed import TrimmedWorld, read_examples
from toolgrove.testing import check_env

ROWS = [{"id": i, "name": f"row {i}", "text": "lorem ipsum " * 20} for i in range(500)]
LIST = API("list_for_shelf", category="Commerce", tool="Shelf", api="List")
TASK = Task("t", "look", (LIST,))
SHOP = Task("s", "buy", APIS)


class Shelf(CallWorld):
    """Answers each call with the same long list."""

    apis = (LIST,)

    def __init__(self, response: Any = None, raw: str | None = None) -> None:
        self.text = raw or json.dumps({"error": "", "response": response or {"rows": ROWS}})

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        return Step(self.text, info=StepInfo("ok", "live", 0.5, {"http": 200}))

    def fingerprints(self) -> Mapping[str, str]:
        return {"shelf": "1"}


def take(made: World, action: Action | None = None, task: Task = TASK) -> Step:
    async def main() -> Step:
        env = made.env()
        await env.reset(task, seed=0)
        step = await env.step(action or Action(LIST.name))
        await env.close()
        return step

    return asyncio.run(main())


def response(step: Step) -> Any:
    return json.loads(step.observation)["response"]


def test_a_long_observation_is_cut_and_the_step_says_so() -> None:
    shelf = Shelf()
    step = take(TrimmedWorld(shelf, tokens=200, counter="estimate"))
    assert step.info[:3] == ("ok", "live", 0.5)
    assert step.info.detail is not None
    about = step.info.detail["trimmed"]
    assert step.info.detail["http"] == 200
    assert about["kept"] <= 200 < about["tokens"]
    assert about["tokens"] == pytest.approx(len(shelf.text) / 3, rel=0.1)
    assert about["lost"] == len(shelf.text) - len(step.observation)
    assert response(step)["rows"][-1].endswith("of 500 elements left out")


def test_a_short_observation_is_as_it_was() -> None:
    plain = Shelf({"rows": []})
    assert take(TrimmedWorld(plain)) == take(plain)


def test_toolbenchs_way() -> None:
    step = take(TrimmedWorld(Shelf(), mode="toolbench"))
    assert step.observation == '{"error": "", "response": "' + str({"rows": ROWS})[:997] + "..."
    assert len(step.observation) == 1_027
    few = take(TrimmedWorld(Shelf(), characters=50))
    assert few.observation == Shelf().text[:50] + "..."


@pytest.mark.parametrize("keep", ["id+absent", "list.json", "each.json", "schema.json"])
def test_only_some_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_text('["id"]')
    Path("each.json").write_text(json.dumps({LIST.name: ["id"], "other": ["name"]}))
    Path("schema.json").write_text(json.dumps({LIST.name: {"rows": [{"id": "int"}]}}))
    step = take(TrimmedWorld(Shelf(), tokens=10_000, keep=keep))
    assert response(step) == {"rows": [{"id": i} for i in range(500)]}


def test_response_examples_by_standardised_names(tmp_path: Path) -> None:
    content = {"api_list": [{"name": "List", "schema": {"rows": [{"name": "str"}]}}]}
    row = {"path": "Commerce/shelf.json", "content": content}
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps(row) + "\n")
    (tmp_path / "folder" / "Commerce").mkdir(parents=True)
    (tmp_path / "folder" / "Commerce" / "shelf.json").write_text(json.dumps(content))
    for path in (file, tmp_path / "folder"):
        step = take(TrimmedWorld(Shelf(), tokens=10_000, examples=path))
        assert response(step) == {"rows": [{"name": f"row {i}"} for i in range(500)]}
    other = replace(LIST, category="Elsewhere", api="list")
    shelf = Shelf()
    shelf.apis = (other,)
    assert response(take(TrimmedWorld(shelf, tokens=10_000, examples=file)))["rows"][0] == {
        "name": "row 0"
    }


def test_toolbenchs_response_examples(shared: Path) -> None:
    found = read_examples(shared / "toolenv" / "response_examples.jsonl")
    assert len({key for key in found if key[0]}) == EXAMPLES
    assert found["advertising", "autosub", "brotli"] == {"messages": "str"}
    assert found["", "autosub", "brotli"] == {"messages": "str"}
    folder = read_examples(shared / "toolbench_example" / "toolenv" / "response_examples")
    there = [key for key in folder if key in found]
    assert len(there) > 10 and all(folder[key] == found[key] for key in there)


EXAMPLES = 8_107


def test_what_is_no_json_passes_the_keys_and_is_cut() -> None:
    page = "<html>" + "words and words " * 1_000
    step = take(TrimmedWorld(Shelf(raw=page), tokens=100, keep="id", counter="estimate"))
    kept, _, mark = step.observation.partition("…")
    assert page.startswith(kept) and len(kept) > 100 and mark.endswith("more characters]")


@pytest.mark.parametrize("fork", ["snapshot", "replay", "never"])
def test_state_passes_through(fork: Fork) -> None:
    made = world(f"trimmed:(shop:fork={fork}),tokens=40,counter=estimate")
    assert made.fork == fork and made.env().fork == fork
    actions = [
        Action("list_shelf", '{"shelf": "fruit"}'),
        Action("add_to_cart", '{"item": "pear", "quantity": 2}'),
        Action("draw_coupon"),
        Action("view_cart"),
    ]
    check_env(made.env, SHOP, actions=actions)
    shown = take(made, actions[0], SHOP)
    assert shown.info.detail is not None and "trimmed" in shown.info.detail


def test_it_keeps_the_contract_over_calls() -> None:
    made = TrimmedWorld(Shelf(), tokens=64)
    assert made.fork == "free" and made.apis == (LIST,)
    check_env(made.env, TASK)


def test_a_long_refusal_is_cut_and_a_short_one_is_raised() -> None:
    class Refusing(Shelf):
        async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
            raise ToolError(arguments["why"], "http_error")

    made = TrimmedWorld(Refusing(), tokens=64, counter="estimate")
    with pytest.raises(ToolError, match="^no$"):
        take(made, Action(LIST.name, '{"why": "no"}'))
    step = take(made, Action(LIST.name, json.dumps({"why": "no " * 1_000})))
    error = json.loads(step.observation)["error"]
    assert step.info.status == "http_error" and error.startswith("no no no no")
    assert error.endswith("more characters]") and len(step.observation) < 64 * 3


def test_names_and_fingerprints_pass_through() -> None:
    plain = TrimmedWorld(Shelf(), counter="estimate")
    assert not plain.env().resolves_names
    assert plain.fingerprints() == {"shelf": "1", "observations": "estimate"}
    recorded = world("trimmed:(recorded)")
    assert recorded.env().resolves_names is RecordedEnv.resolves_names is True


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("tokens=3", "needs 32 or more"),
        ("characters=0", "needs 1 or more"),
        ("keep=absent.json", "cannot read the keys to keep from absent.json"),
        ("keep=bad.json", "write a list of keys"),
        ("examples=absent", "cannot read response examples from absent"),
        ("examples=bad.json", "write path and content"),
        ("mode=xml", "expected 'json' or 'toolbench'"),
    ],
)
def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("[1]")
    with pytest.raises(UsageError, match=says):
        world(f"trimmed:(shop),{spec}")
