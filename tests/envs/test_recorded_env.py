"""The recorded environment: calls answered from a table, in order, or missed by name."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import Action, EnvMiss, Step, Task, Turn, UsageError
from toolgrove.envs import RecordedEnv
from toolgrove.envs.recorded import Answer, call_key, read_table, table_of

RECORDING = Turn(
    turns=(
        Turn("x", "f", '{"a": 1}', "one", turns=(
            Turn(None, "f", '{"a":1.0}', "two"),
            Turn(None, "Finish", "{}", "done", "answered"),
            Turn("it broke", status="model_error"),
        )),
        Turn("y", "f", '{ "a": 1 }', "three", "error"),
        Turn(None, "g", "", "empty"),
        Turn("only a thought"),
    )
)  # fmt: skip
TASK = Task("r", "do it", recording=RECORDING)


async def started(task: Task = TASK, file: Path | None = None) -> RecordedEnv:
    env = RecordedEnv(file)
    await env.reset(task, seed=0)
    return env


def calls(*actions: Action, task: Task = TASK, file: Path | None = None) -> list[Step]:
    async def main() -> list[Step]:
        env = await started(task, file)
        return [await env.step(action) for action in actions]

    return asyncio.run(main())


def f(arguments: str = '{"a": 1}', occurrence: int = 0) -> Action:
    return Action("f", arguments, None, occurrence)


def test_several_answers_to_one_call_are_served_in_order_and_the_last_repeats() -> None:
    steps = calls(f(), f(), f(), f())
    assert [s.observation for s in steps] == ["one", "two", "three", "three"]
    assert [s.info.status for s in steps] == ["ok", "ok", "error", "error"]
    assert {s.info.provenance for s in steps} == {"recorded"}
    assert not any(s.terminated for s in steps)


def test_earlier_siblings_count_as_calls_made_before() -> None:
    assert [s.observation for s in calls(f(occurrence=1))] == ["two"]
    assert [s.observation for s in calls(f(), f(occurrence=1))] == ["one", "three"]
    assert [s.observation for s in calls(f(occurrence=9))] == ["three"]


def test_a_snapshot_remembers_how_often_each_call_was_made() -> None:
    async def main() -> list[str]:
        env = await started()
        await env.step(f())
        saved = env.snapshot()
        said = [(await env.step(f())).observation for _ in range(2)]
        for _ in range(2):
            env.restore(saved)
            said.append((await env.step(f())).observation)
        await env.reset(TASK, seed=1)
        said.append((await env.step(f())).observation)
        return said

    assert asyncio.run(main()) == ["two", "three", "two", "two", "one"]


def test_finish_failures_and_thoughts_are_no_calls() -> None:
    assert table_of(RECORDING) == {
        'f({"a": 1})': (Answer("one", "ok"), Answer("two", "ok"), Answer("three", "error")),
        "g({})": (Answer("empty", "ok"),),
    }


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}', True),
        ('{"a": 25}', '{"a": 25.0}', True),
        ('{"a": [1.0, {"b": 2.0}]}', '{"a": [1, {"b": 2}]}', True),
        ("", "{}", True),
        (" not json ", "not json", True),
        ('{"a": "\\u00fc"}', '{"a": "ü"}', True),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 25}', '{"a": 25.5}', False),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": "x "}', '{"a": "x"}', False),
    ],
)
def test_what_makes_no_difference_to_a_call(one: str, other: str, same: bool) -> None:
    assert (call_key("f", one) == call_key("f", other)) is same
    assert call_key("f", one) != call_key("g", one)


def test_arguments_nested_too_deep_are_a_call_nobody_recorded() -> None:
    for depth in (600, 900, 50_000):
        with pytest.raises(EnvMiss):
            calls(f("[" * depth + "]" * depth))


def test_a_miss_names_the_nearest_recorded_call() -> None:
    with pytest.raises(EnvMiss) as caught:
        calls(f('{"a": 2}'))
    assert str(caught.value) == (
        'no recorded call f({"a": 2}); the nearest recorded call is f({"a": 1})'
    )
    with pytest.raises(EnvMiss) as caught:
        calls(Action("zzzzzzzzzzzzzzzz", "[[[[[[[[["))
    assert str(caught.value) == "no recorded call zzzzzzzzzzzzzzzz([[[[[[[[[)"


def test_a_task_without_a_recording_is_a_miss() -> None:
    with pytest.raises(EnvMiss, match="task bare has no recording, and no file of calls was"):
        calls(task=Task("bare", "x"))


# A file of calls


def row(observation: str, arguments: str = "{}", **more: Any) -> dict[str, Any]:
    return {"function": "f", "arguments": arguments, "observation": observation, **more}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "calls.jsonl"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
    return path


def test_calls_of_a_tasks_own_query_come_first_and_the_others_after_them(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        row("other's", query_id="1"),
        row("mine", query_id="2"),
        row("nobody's"),
        row("other's only", '{"a": 1}', query_id="1"),
    )
    mine = Task("t", "x", extra={"query_id": 2})
    both = calls(f("{}"), f("{}"), f('{"a": 1}'), task=mine, file=path)
    assert [s.observation for s in both] == ["mine", "mine", "other's only"]
    theirs = calls(f("{}"), f("{}"), task=Task("1", "x"), file=path)
    assert [s.observation for s in theirs] == ["other's", "other's"]
    none = calls(f("{}"), f("{}"), f("{}"), task=Task("t", "x"), file=path)
    assert [s.observation for s in none] == ["other's", "mine", "nobody's"]


def test_codes_become_statuses(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        row("a", observation_code=12),
        row("b", observation_code=None),
        row("c", observation_code=3),
    )
    steps = calls(f("{}"), f("{}"), f("{}"), task=Task("t", "x"), file=path)
    assert [(s.info.status, s.terminated) for s in steps] == [
        ("http_error", False),
        ("ok", False),
        ("answered", True),
    ]


def test_a_line_of_a_file_is_what_ends_with_a_newline(tmp_path: Path) -> None:
    odd = "line\u2028separator, next\u0085line, \x1c and \x0b"
    path = written(tmp_path, row(odd), row("b"))
    path.write_text("\n" + path.read_text("utf-8") + "\n\n", "utf-8")
    steps = calls(f("{}"), f("{}"), task=Task("t", "x"), file=path)
    assert [s.observation for s in steps] == [odd, "b"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "5",
        '{"function": "f", "arguments": "{}"}',
        '{"function": "f", "arguments": "{}", "observation": {"a": 1}}',
        '{"function": "f", "arguments": {"a": 1}, "observation": "x"}',
        '{"function": "f", "arguments": "{}", "observation": "x", "observation_code": 99}',
        '{"function": "f", "arguments": "{}", "observation": "x", "observation_code": [1]}',
    ],
)
def test_a_line_that_is_no_call_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, row("a"))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError, match=r"calls.jsonl:2 is no recorded call: "):
        read_table(path)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read recorded calls from .*none.jsonl"):
        calls(task=Task("t", "x"), file=tmp_path / "none.jsonl")


def test_the_recorded_calls_of_the_real_traces_load(shared: Path) -> None:
    path = shared / "derived" / "recorded_calls.jsonl"
    tables = read_table(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 3235
    assert sum(map(len, tables[""].values())) == len(rows)
    assert set(tables) - {""} == {r["query_id"] for r in rows}
    first = rows[0]
    task = Task("t", "x", extra={"query_id": first["query_id"]})
    [step] = calls(Action(first["function"], first["arguments"]), task=task, file=path)
    assert step.observation == first["observation"]
