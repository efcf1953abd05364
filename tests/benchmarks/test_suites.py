"""Suites: the names they go by, tasks files of one's own, and what is said about wrong ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.suites import (
    Suite,
    TaskRecord,
    load_suites,
    read_jsonl,
    task_to_json,
    write_jsonl,
)
from toolgrove.core import API, Task, Turn, UsageError
from toolgrove.envs.shop import shop_tasks

WEATHER = {"category_name": "W", "tool_name": "Weather", "api_name": "Now"}
RECORDING = Turn(turns=(Turn("a", "f", "{}", "one", "error", 3, (Turn(None, "f", "1"),)), Turn("")))


def saved(folder: Path, *lines: str | Mapping[str, Any], name: str = "own.jsonl") -> Path:
    path = folder / name
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    return path


def task(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "instruction": "Do it.", **fields}


def ids(text: str) -> list[list[str]]:
    return [[task.id for task in suite.tasks] for suite in load_suites(text)]


# Names


def test_a_suite_may_name_more_tasks_than_a_file_name_has_letters(tmp_path: Path) -> None:
    path = saved(tmp_path, *[task(f"task-{i:03}") for i in range(60)])
    wanted = [f"task-{i:03}" for i in range(59, -1, -1)]
    assert ids(f"jsonl:{path},ids={'+'.join(wanted)}") == [wanted]


def test_suites_are_separated_by_commas_and_keep_their_own_items(tmp_path: Path) -> None:
    path = saved(tmp_path, task("a"), task("b"))
    suites = load_suites(f"shop:n=2,seed=5, {path},shop:n=1,jsonl:{path},ids=b")
    assert [len(suite.tasks) for suite in suites] == [2, 2, 1, 1]
    assert [suite.name for suite in suites] == [
        "shop:n=2,seed=5", str(path), "shop:n=1", f"jsonl:{path},ids=b",
    ]  # fmt: skip
    assert suites[0].tasks == tuple(shop_tasks(2, seed=5))


def test_an_item_may_follow_a_suite_without_a_colon() -> None:
    assert [len(tasks) for tasks in ids("shop,n=3,seed=1,shop,n=2")] == [3, 2]


@pytest.mark.parametrize("form", ["{},ids=c+a", "{}:ids=c+a", "jsonl:{},ids=c+a"])
def test_a_tasks_file_takes_items_in_every_form(tmp_path: Path, form: str) -> None:
    path = saved(tmp_path, task("a"), task("b"), task("c"))
    assert ids(form.format(path)) == [["c", "a"]]


def test_a_file_with_a_comma_in_its_name_is_quoted(tmp_path: Path) -> None:
    path = saved(tmp_path, task("a"), name="a,b.jsonl")
    assert ids(f"jsonl:'{path}'") == [["a"]]


def test_the_shop_says_what_to_run_it_with() -> None:
    [suite] = load_suites("shop")
    assert (suite.model, suite.env, suite.judge) == ("stumble", "shop", "match")
    assert len(suite.tasks) == 20 and all(task.answer is not None for task in suite.tasks)


def test_recordings_and_answers_give_defaults(tmp_path: Path) -> None:
    turn = {"recording": {"turns": [{"api": "f"}]}}

    def defaults(*lines: dict[str, Any]) -> tuple[str, str, str]:
        [suite] = load_suites(str(saved(tmp_path, *lines)))
        return suite.model, suite.env, suite.judge

    assert defaults(task("a")) == ("", "", "answered")
    assert defaults(task("a", **turn), task("b", **turn)) == ("replay", "replay", "answered")
    assert defaults(task("a", **turn), task("b")) == ("", "", "answered")
    assert defaults(task("a", answer=0), task("b", answer="x")) == ("", "", "match")
    assert defaults(task("a", answer=0), task("b")) == ("", "", "answered")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shopp", "no suite 'shopp' (did you mean 'shop'?)"),
        ("", "no name in the spec ''"),
        ("shop,,shop", "no name in the spec ''"),
        ("shop:m=3", "suite 'shop' has no parameter 'm'"),
        ("shop:n=many", "n='many' in 'shop:n=many': expected int"),
        ("shop:n=0", "the suite 'shop:n=0' is empty"),
        ("nowhere.jsonl", "no file nowhere.jsonl"),
        ("jsonl:nowhere.jsonl,ids=1", "no file nowhere.jsonl"),
        ("toolbench:nowhere", "no file or folder nowhere"),
        ("toolbench", "'toolbench' lacks file"),
        ("toolbench:'x", "a quote or parenthesis is not closed"),
    ],
)
def test_a_wrong_suite_is_told_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_suites(text)
    assert says in str(caught.value)


# Ids


def test_ids_choose_tasks_in_their_order_and_once(tmp_path: Path) -> None:
    path = saved(tmp_path, task("a"), task("b"), task("c"))
    assert ids(f"{path},ids=c+a+c") == [["c", "a"]]
    for data in (["c", "a"], {"c": 0, "a": 1}):
        chosen = saved(tmp_path, json.dumps(data), name="ids.json")
        assert ids(f"{path},ids={chosen}") == [["c", "a"]]


def test_a_suite_that_names_an_unknown_task_says_which(tmp_path: Path) -> None:
    path = saved(tmp_path, *[task(f"t{i}") for i in range(9)])
    with pytest.raises(UsageError) as caught:
        load_suites(f"{path},ids=t1+t9+t10+t11+t12+t13+t14")
    assert f"{path} has no task t9, t10, t11, t12, t13 .. (6 of the 7 ids" in str(caught.value)
    assert "its 9 tasks begin with t0, t1, t2, t3, t4" in str(caught.value)


@pytest.mark.parametrize(("text", "says"), [("{", "Expecting"), ("7", "not iterable")])
def test_a_wrong_file_of_ids_is_named(tmp_path: Path, text: str, says: str) -> None:
    path, chosen = saved(tmp_path, task("a")), saved(tmp_path, text, name="ids.json")
    for name in (chosen, tmp_path / "none.json"):
        with pytest.raises(UsageError, match=f"cannot read task ids from {name}"):
            load_suites(f"{path},ids={name}")
    with pytest.raises(UsageError, match=says):
        load_suites(f"{path},ids={chosen}")


def test_toolbenchs_own_files_of_ids(shared: Path) -> None:
    folder = shared / "stabletoolbench/solvable_queries"
    for path in sorted((folder / "test_instruction").glob("*.json")):
        chosen = folder / "test_query_ids" / path.name
        [found] = ids(f"toolbench:{path},ids={chosen}")
        assert found == list(json.loads(chosen.read_text()))


# Tasks files


def test_every_field_of_a_task(tmp_path: Path) -> None:
    api: dict[str, Any] = {
        "name": "f", "description": "d", "parameters": {"type": "object", "properties": {}},
        "category": "c", "tool": "t", "api": "a", "read_only": False,
    }  # fmt: skip
    line = task(
        "a", apis=[api], api_list=[WEATHER], relevant=["f", "now_for_weather"], answer=[1, "x"],
        group="g", recording={"turns": [{"thought": "", "api": "f", "tokens": 3}]}, extra={"k": 1},
    )  # fmt: skip
    [found] = read_jsonl(saved(tmp_path, line))
    assert found.apis[0] == API(**api)
    assert [api.name for api in found.apis] == ["f", "now_for_weather"]
    assert (found.relevant, found.answer) == (("f", "now_for_weather"), [1, "x"])
    assert (found.group, found.extra) == ("g", {"k": 1})
    assert found.recording == Turn(turns=(Turn("", "f", tokens=3),))


def test_empty_lines_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = saved(tmp_path, task("a"), "", "  \r", json.dumps(task("b")) + "\r")
    assert [found.id for found in read_jsonl(path)] == ["a", "b"]


def test_a_number_may_be_an_id_and_line_separators_a_text(tmp_path: Path) -> None:
    path = saved(tmp_path, '{"id": 7, "instruction": "a\u2028b\x85c"}')
    [found] = read_jsonl(path)
    assert (found.id, found.instruction) == ("7", "a\u2028b\x85c")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "2 is no task: the line: Invalid JSON: EOF"),
        ('{"id": "b", "instruction": "x"', "2 is no task: the line: Invalid JSON"),
        ("7", "2 is no task: the line: Input should be an object"),
        (task("b", instruction=""), "2 is no task: instruction: String should have at least 1"),
        ({"id": "b"}, "2 is no task: instruction: Field required"),
        (task("b", answr=3), "2 is no task: answr: Extra inputs are not permitted"),
        (task("b", apis=[{"name": ""}]), "2 is no task: apis.0.name: String should have"),
        (task("b", apis=[{"name": "f"}, {"name": "f"}]), "2: two of the APIs are named 'f'"),
        (task("b", apis=[{"name": "now_for_weather"}], api_list=[WEATHER]), "2: two of the APIs"),
        (task("b", api_list=[{"api_name": "x"}]), "2 is no task: 'tool_name'"),
        (task("b", apis=[{"name": "f"}], relevant=["g"]), "2: relevant API 'g' is not among"),
        (task("b", recording={"status": "fine"}), "2 is no task: unknown status 'fine'"),
        (task("b", recording={"turns": [{"apj": "f"}]}), "recording.turns.0.apj: Extra inputs"),
        (task("a"), "2: there is a task 'a' already"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_with_what_is_wrong(
    tmp_path: Path, line: str | Mapping[str, Any], says: str
) -> None:
    path = saved(tmp_path, task("a"), line, task("c"))
    with pytest.raises(UsageError) as caught:
        read_jsonl(path)
    assert f"{path}:{says}" in str(caught.value) or says in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_text_or_no_file(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(b'{"id": "\xff"}')
    with pytest.raises(UsageError, match=r"cannot read .*own\.jsonl: 'utf-8' codec"):
        load_suites(str(path))
    with pytest.raises(UsageError, match="cannot read .*: .*Is a directory"):
        read_jsonl(tmp_path)
    with pytest.raises(UsageError, match=r"the suite '.*empty\.jsonl' is empty"):
        load_suites(str(saved(tmp_path, name="empty.jsonl")))


@pytest.mark.parametrize("answer", [0, False, "", [], {}, 0.0, None, "x", [1, None], {"a": [1]}])
def test_any_answer_survives_a_tasks_file(tmp_path: Path, answer: Any) -> None:
    own = Task("a", "Do it.", answer=answer)
    assert write_jsonl([own], tmp_path / "t.jsonl") == 1
    [again] = read_jsonl(tmp_path / "t.jsonl")
    assert again == own and type(again.answer) is type(answer)


def test_tasks_survive_a_tasks_file(tmp_path: Path) -> None:
    tasks = [*shop_tasks(3), Task("r", "Do it.", (API("f"),), ("f",), recording=RECORDING)]
    write_jsonl(tasks, tmp_path / "deep" / "t.jsonl")
    again = read_jsonl(tmp_path / "deep" / "t.jsonl")
    assert again == tasks and [t.digest for t in again] == [t.digest for t in tasks]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
STATUSES = st.sampled_from(["ok", "error", "answered", "model_error"])
TURNS = st.recursive(
    st.builds(Turn, st.none() | TEXTS, st.none() | TEXTS, TEXTS, TEXTS, STATUSES, st.integers(0)),
    lambda below: st.builds(
        lambda turn, turns: replace(turn, turns=tuple(turns)),
        st.builds(Turn, st.none() | TEXTS, st.none() | TEXTS),
        st.lists(below, max_size=3),
    ),
    max_leaves=8,
)


@given(TURNS, TEXTS.filter(bool))
def test_any_recording_survives_a_line(recording: Turn, text: str) -> None:
    own = Task(text, text, recording=recording)
    line = json.dumps(task_to_json(own), ensure_ascii=False)
    assert TaskRecord.model_validate_json(line).task() == own


# What a suite is known by


def test_the_digest_of_a_suite_is_that_of_its_tasks_in_order() -> None:
    one, two = shop_tasks(2)
    digest = Suite("a", (one, two)).digest
    assert Suite("b", (one, two), "model", "env", "judge").digest == digest
    changed = [
        (two, one), (one,), (one, two, two), (one, replace(two, id="x")),
        (one, replace(two, answer=7)), (one, replace(two, instruction="x")),
        (one, replace(two, apis=two.apis[1:])), (one, replace(two, recording=None)),
        (one, replace(two, recording=RECORDING)),
        (one, replace(two, recording=Turn(turns=RECORDING.turns[::-1]))),
        (one, replace(two, recording=Turn(turns=(RECORDING, )))),
    ]  # fmt: skip
    digests = [Suite("a", tasks).digest for tasks in changed]
    assert len({digest, *digests}) == 1 + len(changed)


def test_a_deep_recording_has_a_digest() -> None:
    deep = Turn("end")
    for _ in range(5000):
        deep = Turn("x", turns=(deep,))
    assert Suite("a", (Task("t", "x", recording=deep),)).digest
