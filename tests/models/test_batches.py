"""Searches through a batch API: a file out, a file in."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from chat_server import Brain, calling, completion, shopkeeper

from toolgrove.core import (
    API,
    AskTell,
    Budget,
    CallWorld,
    Result,
    Step,
    Task,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs.shop import ShopEnv, shop_tasks
from toolgrove.models.batches import Batch, Told, custom_id, tell_batch_lines, to_batch_lines
from toolgrove.models.prices import find
from toolgrove.models.stumble import StumblingModel

TASKS = shop_tasks(3, seed=3)
SPECS = ("dfsdt", "react@3", "mcts:wave=4,width=2")
EXPIRED = {"code": "batch_expired", "message": "This request could not be executed in time."}


def provider(brain: Brain, source: Path, target: Path, order: random.Random | None = None) -> None:
    """A batch API: checks each request as OpenAI does, and answers in any order."""
    rows, seen = [], set()
    for line in source.read_text("utf-8").splitlines():
        asked = json.loads(line)
        assert set(asked) == {"custom_id", "method", "url", "body"}
        assert (asked["method"], asked["url"]) == ("POST", "/v1/chat/completions")
        assert re.fullmatch("[A-Za-z0-9_-]{1,64}", asked["custom_id"])
        assert asked["custom_id"] not in seen
        seen.add(asked["custom_id"])
        response = {"status_code": 200, "request_id": "r", "body": brain(asked["body"])}
        rows.append({"id": "b", "custom_id": asked["custom_id"], "response": response,
                     "error": None})  # fmt: skip
    if order is not None:
        order.shuffle(rows)
    target.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def plain(spec: str, task: Task) -> Result:
    return run_sync(
        make("planners", spec), task, StumblingModel(0.35), ShopEnv,
        evaluator=make("evaluators", "truth"), budget=Budget(calls=12),
    )  # fmt: skip


def add_all(batch: Batch) -> dict[str, tuple[str, Task]]:
    there = {f"{spec} {task.id}": (spec, task) for spec in SPECS for task in TASKS}
    for name, (spec, task) in there.items():
        batch.add(
            name, make("planners", spec), task, ShopEnv,
            evaluator=make("evaluators", "truth"), budget=Budget(calls=12),
        )  # fmt: skip
    return there


def test_a_benchmark_by_a_wave_a_day(tmp_path: Path) -> None:
    """Each day: a process that reads what came, and writes what is to be asked next."""
    brain, order = shopkeeper(TASKS, 0.35), random.Random(4)
    source, target, journal = (tmp_path / name for name in ("in.jsonl", "out.jsonl", "j.jsonl"))
    asked = days = waiting = 0
    while True:
        with Batch("gpt-4o-mini", journal) as batch:
            there = add_all(batch)
            if days:
                report = batch.read(target)
                assert (report.told, report.open) == (waiting, 0) and not report.failed
                assert batch.read(target).unknown and batch.read(target).told == 0
            waiting = batch.write(source)
            if not waiting:
                results = {name: search.result for name, search in batch.searches.items()}
                assert batch.done
                break
        provider(brain, source, target, order)
        asked, days = asked + waiting, days + 1
    wholes = {name: plain(spec, task) for name, (spec, task) in there.items()}
    for name, whole in wholes.items():
        result = results[name]
        assert result.tree.shape() == whole.tree.shape()
        assert (result.end, result.answer) == (whole.end, whole.answer)
        assert (result.spent["calls"], result.spent["tokens"]) == (
            whole.spent["calls"], whole.spent["tokens"],
        )  # fmt: skip
    assert asked == sum(whole.spent["calls"] for whole in wholes.values())
    assert 1 < days < asked / len(wholes) * 3
    price = find("gpt-4o-mini")
    assert price is not None
    spent = sum(result.spent["usd"] for result in results.values())
    most = price.cost(0, int(sum(result.spent["tokens"] for result in results.values())))
    assert 0 < spent < most * 0.5


# ---------------------------------------------------------------------- lines


@pytest.fixture
def search() -> Any:
    planner = make("planners", "beam:beam=2,width=3,diverse=false")
    evaluator = make("evaluators", "self_consistency")
    with AskTell(planner, TASKS[0], ShopEnv, evaluator=evaluator) as made:
        yield made


def row(id: str, body: Mapping[str, Any] | None = None, status: int = 200, **more: Any) -> str:
    response = None if body is None else {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"id": "b", "custom_id": id, "response": response, "error": None, **more})


def test_what_a_line_asks(search: AskTell) -> None:
    body = {"temperature": 0.7, "seed": None}
    lines = list(to_batch_lines(search.ask(), "gpt-4o", name="a task/1", body=body))
    first, second, _ = map(json.loads, lines)
    assert first["custom_id"].startswith("a-task-1-0-propose-0-")
    assert first["body"]["model"] == "gpt-4o" and first["body"]["temperature"] == 0.7
    assert first["body"]["messages"][0]["role"] == "system" and "seed" not in first["body"]
    assert {tool["function"]["name"] for tool in first["body"]["tools"]} >= {"Finish"}
    assert first["body"] == second["body"] and first["custom_id"] != second["custom_id"]
    [one, *_] = to_batch_lines(search.ask(), "gpt-4o")
    assert json.loads(one)["body"]["seed"] == search.ask()[0].seed


def test_ids_are_short_and_of_one_request(search: AskTell) -> None:
    first, second, _ = search.ask()
    names = ("", "x", "x" * 100, "x" * 99 + "y", "näme/\ud800", "../../etc")
    made = {custom_id(pending, name) for pending in (first, second) for name in names}
    assert len(made) == 2 * len(names)
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", id) for id in made)
    with AskTell(search.planner, TASKS[1], ShopEnv, evaluator=make("evaluators", "vote")) as other:
        assert custom_id(other.ask()[0]) != custom_id(first)  # another prompt


def test_answers_in_any_shape(search: AskTell) -> None:
    ids = [custom_id(pending) for pending in search.ask()]
    said = json.dumps({"thought": "hm", "call": {"name": "view_cart", "arguments": {}}})
    lines = [
        row(ids[2], completion({"content": said})),
        "",
        row(ids[0], completion(calling(("view_cart", "{}")))),
        row(ids[1], completion({"content": "Let me think.", "reasoning_content": "deep"})),
    ]
    report = tell_batch_lines(search, lines, price=lambda prompt, reply, cached: prompt / 8)
    assert report == Told(told=3)
    nodes = [node for node in search.tree.walk() if node.parent is search.tree.root]
    assert [node.action and node.action.api for node in nodes] == ["view_cart", None, "view_cart"]
    assert nodes[1].reply is not None and nodes[1].reply.thinking == "deep"
    assert search.budget.spent["usd"] > 0


FAILURES: dict[str, tuple[Callable[[str], str], str]] = {
    "refused": (
        lambda id: row(
            id, {"error": {"message": "No such model.", "code": "model_not_found"}}, 404
        ),
        "HTTP 404: No such model.",
    ),
    "context": (
        lambda id: row(id, {"error": {"code": "context_length_exceeded", "message": "Long."}}, 400),
        "HTTP 400: Long.",
    ),
    "contract": (lambda id: row(id, {"choices": []}), "no choice"),
    "filter": (
        lambda id: row(id, completion({"content": None}, finish_reason="content_filter")),
        "withheld by a filter",
    ),
    "odd": (lambda id: row(id, error={"code": 5, "message": ["x"]}), "no reason given"),
    "none": (lambda id: json.dumps({"custom_id": id, "response": "x"}), "no reason given"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_line_is_a_failure(search: AskTell, name: str) -> None:
    made, says = FAILURES[name]
    ids = [custom_id(pending) for pending in search.ask()]
    fine = completion({"content": "fine"})
    lines = [made(ids[1]), *(row(id, fine) for id in (ids[0], ids[2]))]
    report = tell_batch_lines(search, lines)
    assert report.told == 3 and set(report.failed) == {ids[1]} and says in report.failed[ids[1]]
    error = search.result.exception
    assert search.result.end == "infra" and says in str(error)
    kinds = {"filter": "refused", "odd": "refused", "none": "refused"}
    assert getattr(error, "kind", None) == kinds.get(name, name)


PASSING = {
    "expired": lambda id: row(id, error=EXPIRED),
    "throttled": lambda id: row(id, {"error": {"message": "Slow down."}}, 429),
    "server": lambda id: row(id, {"error": {"message": "Our fault."}}, 500),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_stays_open(search: AskTell, name: str) -> None:
    pending = search.ask()
    ids = [custom_id(each) for each in pending]
    lines = [PASSING[name](ids[0]), row(ids[2], completion({"content": "fine"}))]
    report = tell_batch_lines(search, lines)
    assert (report.told, report.open, list(report.again)) == (1, 2, [ids[0]])
    assert search.ask() == pending[:2]  # one line was missing
    report = tell_batch_lines(search, [*lines, row(ids[0], completion({"content": "late"}))])
    assert (report.told, report.open, report.again) == (1, 1, {})
    report = tell_batch_lines(search, [PASSING[name](ids[1])], retry=False)
    assert report.told == 1 and search.result.end == "infra"


def test_lines_that_nobody_waits_for_change_nothing(search: AskTell) -> None:
    before = search.ask()
    lines = ["{", "[]", '{"custom_id": 5}', row("strange", completion({"content": "x"})), "\x00"]
    report = tell_batch_lines(search, lines)
    assert (report.told, report.unknown, report.unreadable) == (0, ["strange"], 4)
    assert search.ask() == before


# ---------------------------------------------------------------------- files


def test_a_file_holds_so_many_lines_and_bytes(tmp_path: Path) -> None:
    brain, path, out = shopkeeper(TASKS, 0.35), tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    with Batch("m") as batch:
        add_all(batch)
        open_now = sum(len(search.ask()) for search in batch.searches.values())
        assert batch.write(path, lines=4) == 4 == len(path.read_text().splitlines())
        provider(brain, path, out)
        assert batch.read(out).open == open_now - 4
        size = path.stat().st_size
        assert 0 < batch.write(path, size=size) < open_now and path.stat().st_size <= size
        before = path.read_bytes()
        with pytest.raises(UsageError, match="does not fit into 100"):
            batch.write(path, size=100)
        assert path.read_bytes() == before


def test_many_searches_need_few_files(tmp_path: Path) -> None:
    files = Path("/proc/self/fd")
    if not files.is_dir():
        pytest.skip("needs /proc")
    with Batch("m", tmp_path / "j.jsonl") as batch:
        before = len(list(files.iterdir()))
        for i in range(100):
            batch.add(str(i), make("planners", "react"), TASKS[0], ShopEnv)
        assert batch.write(tmp_path / "in.jsonl") == 100
        assert len(list(files.iterdir())) <= before + 2


def test_names_and_journals_are_checked(tmp_path: Path) -> None:
    react, path = make("planners", "react"), tmp_path / "j.jsonl"
    with Batch("m", path) as batch:
        batch.add("a", react, TASKS[0], ShopEnv)
        with pytest.raises(UsageError, match="a search 'a' already"):
            batch.add("a", react, TASKS[0], ShopEnv)
    with Batch("m", path) as batch:
        with pytest.raises(UsageError, match="of another search"):
            batch.add("a", react, TASKS[1], ShopEnv)
        batch.add("a", react, TASKS[0], ShopEnv)
    with AskTell(react, TASKS[0], ShopEnv, journal=tmp_path / "one.jsonl"):
        pass
    with pytest.raises(UsageError, match="no journal of a batch"):
        Batch("m", tmp_path / "one.jsonl")


class Counter(CallWorld):
    apis = (API("tool"),)
    closed = 0

    async def call(self, api: API, arguments: Any) -> Step:
        return Step("done")

    async def close(self) -> None:
        self.closed += 1


def test_a_world_is_closed_once_with_the_batch() -> None:
    world, task = Counter(), Task("t", "Do it.", Counter.apis)
    with Batch("m") as batch:
        for name in "ab":
            batch.add(name, make("planners", "react"), task, world)
        assert world.closed == 0
    assert [world.closed] == [1]
