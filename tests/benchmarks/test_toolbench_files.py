"""ToolBench's files, read: what is odd in the real ones, and what is said about wrong ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.suites import read_jsonl, write_jsonl
from toolgrove.benchmarks.toolbench import parse_query, read_source
from toolgrove.core import CODES, Task, Turn, UsageError
from toolgrove.envs.toolbench import LONGEST_NAME, function_name

WEATHER = {"category_name": "W", "tool_name": "Weather", "api_name": "Now"}


def saved(folder: Path, data: Any, name: str = "G1_tool.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return path


def query(**fields: Any) -> dict[str, Any]:
    return {"query": "Is it raining?", "query_id": 7, "api_list": [WEATHER], **fields}


def node(kind: str, text: str, *children: dict[str, Any], **fields: Any) -> dict[str, Any]:
    below = {"depth": 1, "expand_num": 0, "children": list(children)}
    return {"node_type": kind, "description": text, **below, **fields}


def call(api: str, arguments: str, *children: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return node("Action", api, node("Action Input", arguments, *children, **fields))


def answer(tree: dict[str, Any] | None = None, *chains: list[dict[str, Any]]) -> dict[str, Any]:
    generation: dict[str, Any] = {"query": "Is it raining?", "query_count": 3, "function": []}
    out = {"win": False, "forward_args": {}, "answer_generation": generation}
    if tree is not None:
        return {**out, "tree": {"tree": {**tree, "depth": 0}}}
    return {**out, "trys": [{"chain": chain, "win": False} for chain in chains]}


def turns(task: Task) -> Iterator[Turn]:
    stack = [] if task.recording is None else list(task.recording.turns)
    while stack:
        turn = stack.pop()
        yield turn
        stack.extend(turn.turns)


def query_files(shared: Path) -> list[Path]:
    return [
        *sorted((shared / "stabletoolbench/solvable_queries/test_instruction").glob("*.json")),
        *sorted((shared / "toolbench_test/test_instruction").glob("*.json")),
        *sorted((shared / "tooldec_traces/query").glob("*.json")),
        *sorted((shared / "toolbench_example/instruction").glob("*.json")),
    ]


def answer_sources(shared: Path) -> list[Path]:
    return [
        shared / "toolbench_example/answer",
        *sorted((shared / "tooldec_traces/output").iterdir()),
        shared / "stabletoolbench/data_example/answer",
        *sorted((shared / "toolbench_example/history_b2384c2/data/toolllama").rglob("82217*.json")),
    ]


# Query files


def test_a_query_becomes_a_task(tmp_path: Path) -> None:
    entry = query(**{"relevant APIs": [["Weather", "Now"]]})
    [task] = read_source(saved(tmp_path, [entry]))
    assert (task.id, task.instruction, task.group) == ("7", "Is it raining?", "G1_tool")
    assert [api.name for api in task.apis] == list(task.relevant) == ["now_for_weather"]
    assert task.extra == {"query_id": 7, "source": "G1_tool.json"}
    assert task.recording is None and task.answer is None


def test_a_query_that_is_a_list_is_one_text(tmp_path: Path) -> None:
    [task] = read_source(saved(tmp_path, [query(query=["Is it raining?", "Where?"])]))
    assert task.instruction == "Is it raining? Where?"
    made = answer(node("Action Input", ""))
    made["answer_generation"]["query"] = ["Is it", "raining?"]
    [task] = read_source(saved(tmp_path, made))
    assert task.instruction == "Is it raining?"


def test_an_open_domain_query_offers_nothing(tmp_path: Path) -> None:
    [task] = read_source(saved(tmp_path, [{"query": "Is it raining?"}]))
    assert (task.id, task.apis, task.relevant) == ("0", (), ())


@pytest.mark.parametrize("response", [{"a": 1}, None, '{"a": 1}', "no JSON at all"])
def test_the_shape_of_a_template_response_changes_nothing(response: Any) -> None:
    doc = {**WEATHER, "template_response": response}
    assert parse_query(query(api_list=[doc]), Path("x"), 0) == parse_query(query(), Path("x"), 0)


def test_two_functions_of_one_name_are_both_offered_and_both_can_be_relevant() -> None:
    long = "a tool whose name is so long that it leaves no room for that of an API"
    docs = [{**WEATHER, "tool_name": long, "api_name": f"{i}th"} for i in range(3)]
    relevant = [[long, "2th"], [long, "0th"], [long, "2th"]]
    task = parse_query(query(api_list=docs, **{"relevant APIs": relevant}), Path("x"), 0)
    names = [api.name for api in task.apis]
    assert len(set(names)) == 3 and all(len(name) <= LONGEST_NAME for name in names)
    assert task.relevant == (names[2], names[0])


def test_an_api_that_is_offered_twice_is_relevant_under_its_first_name() -> None:
    entry = query(api_list=[WEATHER, WEATHER], **{"relevant APIs": [["Weather", "Now"]]})
    task = parse_query(entry, Path("x"), 0)
    assert [api.name for api in task.apis] == ["now_for_weather", "now_for_weather_2"]
    assert task.relevant == ("now_for_weather",)


def test_ids_that_repeat_are_told_apart(tmp_path: Path) -> None:
    tasks = read_source(saved(tmp_path, [query(), query(query_id=8), query(), query()]))
    assert [task.id for task in tasks] == ["7", "8", "7#2", "7#3"]
    assert [task.extra["query_id"] for task in tasks] == [7, 8, 7, 7]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    saved(tmp_path, [query(query_id=2)], "b.json")
    saved(tmp_path, [query(query_id=1)], "a/z.json")
    saved(tmp_path, "not for us", "a/README.md")
    assert [task.id for task in read_source(tmp_path)] == ["1", "2"]


def test_a_byte_order_mark_is_not_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    path.write_text(json.dumps([query()]), "utf-8-sig")
    assert read_source(path)[0].id == "7"
    write_jsonl(read_source(path), tmp_path / "q.jsonl")
    (tmp_path / "q.jsonl").write_text((tmp_path / "q.jsonl").read_text(), "utf-8-sig")
    assert read_jsonl(tmp_path / "q.jsonl")[0].id == "7"


# Answer files


def test_thoughts_and_calls_of_one_reply_are_one_turn(tmp_path: Path) -> None:
    end = call("Finish", "{}", observation="done", observation_code=3)
    tree = node("Action Input", "", node("Thought", "I look.", call("f", "{}", end)))
    [task] = read_source(saved(tmp_path, answer(tree), "a/7_ChatGPT_DFS.json"))
    finish = Turn(None, "Finish", "{}", "done", "answered")
    assert task.recording == Turn(turns=(Turn("I look.", "f", "{}", "", turns=(finish,)),))
    assert (task.id, task.group, task.extra["query_id"]) == ("7_ChatGPT_DFS", "a", "7")
    assert task.extra["answer"]["method"] == "ChatGPT_DFS"


def test_a_thought_with_a_number_of_its_own_is_a_turn_of_its_own(tmp_path: Path) -> None:
    tree = node("Action Input", "", node("Thought", "Hm.", call("f", "{}"), expand_num=1))
    [task] = read_source(saved(tmp_path, answer(tree)))
    assert task.recording == Turn(turns=(Turn("Hm.", turns=(Turn(None, "f", "{}"),)),))


def test_the_branches_of_a_tree_keep_their_order(tmp_path: Path) -> None:
    tree = node("Action Input", "", call("a", "1", call("b", "2"), call("c", "3")), call("d", "4"))
    [task] = read_source(saved(tmp_path, answer(tree)))
    below = (Turn(None, "b", "2"), Turn(None, "c", "3"))
    expected = (Turn(None, "a", "1", turns=below), Turn(None, "d", "4"))
    assert task.recording == Turn(turns=expected)


def test_a_failed_request_is_recorded_as_one(tmp_path: Path) -> None:
    tree = node("Action Input", "", node("Thought", "overloaded", observation_code=-1))
    [task] = read_source(saved(tmp_path, answer(tree)))
    assert task.recording == Turn(turns=(Turn("overloaded", status="model_error"),))
    chain = [node("Thought", "overloaded", observation_code=-1), node("Thought", "Hm.")]
    [task] = read_source(saved(tmp_path, answer(None, chain)))
    [failed] = task.recording.turns if task.recording else ()
    assert (failed.status, failed.turns) == ("model_error", (Turn("Hm."),))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, ["a f", "b g"]), (2, ["a f", "b g"]), (3, ["a -", "- f", "b g"]),
     (4, ["a -", "- f", "b -", "- g"])],
)  # fmt: skip
def test_the_number_of_calls_says_how_many_thoughts_of_a_chain_stood_alone(
    tmp_path: Path, count: int, expected: list[str]
) -> None:
    chain = []
    for thought, api in (("a", "f"), ("b", "g")):
        chain += [node("Thought", thought), node("Action", api), node("Action Input", "{}")]
    made = answer(None, chain)
    made["answer_generation"]["query_count"] = count
    [task] = read_source(saved(tmp_path, made))
    found, turn = [], task.recording
    while turn is not None and turn.turns:
        turn = turn.turns[0]
        found.append(f"{turn.thought or '-'} {turn.api or '-'}")
    assert found == expected


def test_cut_and_empty_function_names_are_kept_as_they_were_written(tmp_path: Path) -> None:
    tree = node("Action Input", "", call("", "{}", call("_youtube_videos", "{}")))
    [task] = read_source(saved(tmp_path, answer(tree)))
    assert [turn.api for turn in turns(task)] == ["", "_youtube_videos"]
    write_jsonl([task], tmp_path / "t.jsonl")
    assert read_jsonl(tmp_path / "t.jsonl") == [task]


def test_a_function_recorded_twice_is_offered_once_and_exported_twice(tmp_path: Path) -> None:
    made = answer(node("Action Input", ""))
    functions = [{"name": n, "description": d} for n, d in (("f", "1"), ("g", "2"), ("f", "3"))]
    made["answer_generation"]["function"] = [*functions, {"name": "Finish"}]
    [task] = read_source(saved(tmp_path, made))
    assert {api.name: api.description for api in task.apis} == {"f": "1", "g": "2"}
    assert task.extra["answer"]["function"] == made["answer_generation"]["function"]


def test_half_a_character_at_the_end_of_a_cut_observation_survives(tmp_path: Path) -> None:
    """It has no place in UTF-8, so a tasks file has a question mark for it."""
    tree = node("Action Input", "", call("f", "{}", observation="\ud83d"))
    [task] = read_source(saved(tmp_path, answer(tree)))
    assert [turn.observation for turn in turns(task)] == ["\ud83d"]
    write_jsonl([task], tmp_path / "t.jsonl")
    [again] = read_jsonl(tmp_path / "t.jsonl")
    assert [turn.observation for turn in turns(again)] == ["?"]


# Wrong files


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "torn or not JSON: Expecting value"),
        ('[{"query": "x"', "torn or not JSON: Expecting ',' delimiter: line 1 column 15"),
        ("[" * 100_000, "torn or not JSON: maximum recursion depth"),
        ("7", "neither a ToolBench query file"),
        ('{"588": 0}', "neither a ToolBench query file"),
        ('{"answer_generation": 5}', "neither a ToolBench query file"),
        ("[]", "holds no tasks"),
        ("[7]", "query 0 is no ToolBench query: it has no 'query'"),
        ('[{"query": "x"}, {"id": 1}]', "query 1 is no ToolBench query: it has no 'query'"),
        ('[{"query": ""}]', "or an empty one"),
        ('[{"query": []}]', "or an empty one"),
        ('[{"query": "x", "api_list": {"a": 1}}]', "malformed API list: TypeError"),
        ('[{"query": "x", "api_list": [{}]}]', "malformed API list: KeyError('tool_name')"),
        ('[{"query": "x", "relevant APIs": [["a"]]}]', "malformed API list: ValueError"),
        ('[{"query": "x", "relevant APIs": [[["a"], 1]]}]', "malformed API list: TypeError"),
    ],
)
def test_a_wrong_query_file_is_named_with_what_is_wrong(
    tmp_path: Path, text: str, says: str
) -> None:
    path = saved(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_source(path)
    assert str(path) in str(caught.value) and says in str(caught.value)


def wrong_answers() -> Iterator[tuple[Any, str]]:
    good = answer(node("Action Input", ""))
    for key in ("win", "forward_args", "tree"):
        yield {k: v for k, v in good.items() if k != key}, key.replace("tree", "trys")
    generation = {k: v for k, v in good["answer_generation"].items() if k != "query"}
    yield {**good, "answer_generation": generation}, "query"
    yield answer(node("Action Input", "", node("Idea", "x"))), "unknown node type 'Idea'"
    yield answer(None, [node("Idea", "x")]), "unknown node type 'Idea'"
    yield answer(node("Action Input", "", call("f", "{}", observation_code=99))), "99"
    yield answer(node("Action Input", "", call("f", "{}", observation=["x"]))), "list where text"
    yield answer(None, [node("Action Input", "{}", observation={"x": 1})]), "dict where text"
    yield answer(node("Action Input", "", {"node_type": "Thought"})), "children"
    yield answer(node("Action Input", "", 7)), "int"  # type: ignore[arg-type]
    yield {**good, "tree": {"tree": []}}, "list"
    yield {**good, "tree": 7}, "int"


@pytest.mark.parametrize(("data", "says"), [*wrong_answers()])
def test_a_wrong_answer_file_is_named_with_what_is_wrong(
    tmp_path: Path, data: Any, says: str
) -> None:
    path = saved(tmp_path, data)
    with pytest.raises(UsageError, match="is no ToolBench answer that can be read") as caught:
        read_source(path)
    assert str(path) in str(caught.value) and says in str(caught.value)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes('["é"]'.encode("latin-1"))
    with pytest.raises(UsageError, match=r"x\.json is torn or not JSON: 'utf-8' codec"):
        read_source(path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file or folder .*/nowhere$"):
        read_source(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no JSON files"):
        read_source(tmp_path)
    saved(tmp_path, "{", "a/good.json")
    with pytest.raises(UsageError, match=r"a/good\.json is torn"):
        read_source(tmp_path)


def test_one_wrong_file_in_a_folder_is_named(tmp_path: Path) -> None:
    saved(tmp_path, [query()], "a.json")
    saved(tmp_path, {"588": 0}, "ids.json")
    with pytest.raises(UsageError, match=r"ids\.json is neither"):
        read_source(tmp_path)


# The real ones


def test_every_query_at_hand(shared: Path) -> None:
    seen: Counter[str] = Counter()
    for path in query_files(shared):
        entries = json.loads(path.read_text("utf-8"))
        for entry, task in zip(entries, read_source(path), strict=True):
            docs = entry.get("api_list", [])
            wanted = [function_name(doc["api_name"], doc["tool_name"]) for doc in docs]
            names = [api.name for api in task.apis]
            assert len(set(names)) == len(names) == len(docs), (path, task.id)
            assert set(task.relevant) <= set(names) or not names
            seen["queries"] += 1
            seen["full names"] += sum(len(name) == LONGEST_NAME for name in names)
            seen["renamed"] += sum(a != b for a, b in zip(names, wanted, strict=True))
            seen["of one name"] += len(set(wanted)) < len(wanted)
            for doc in docs:
                seen[type(doc.get("template_response")).__name__] += 1
    assert seen.pop("full names") > 180
    assert seen == {
        "queries": 882, "of one name": 6, "renamed": 14,
        "dict": 3034, "NoneType": 1622, "str": 260,
    }  # fmt: skip


@pytest.mark.parametrize(("query_id", "group"), [("27847", "G1_instruction"), ("9039", "G1_tool")])
def test_real_relevant_apis_of_one_name_are_told_apart(
    shared: Path, query_id: str, group: str
) -> None:
    folder = shared / "stabletoolbench/solvable_queries/test_instruction"
    entries = {str(e["query_id"]): e for e in json.loads((folder / f"{group}.json").read_text())}
    [task] = [task for task in read_source(folder / f"{group}.json") if task.id == query_id]
    meant = {api.name: [api.tool, api.api] for api in task.apis}
    assert [meant[name] for name in task.relevant] == entries[query_id]["relevant APIs"]
    assert any(name.endswith("_2") for name in task.relevant)


def test_real_tasks_survive_a_tasks_file(shared: Path, tmp_path: Path) -> None:
    for source in (*query_files(shared)[::3], *answer_sources(shared)[:2]):
        tasks = read_source(source)
        write_jsonl(tasks, tmp_path / "t.jsonl")
        assert read_jsonl(tmp_path / "t.jsonl") == tasks


def test_every_recorded_call_at_hand_is_imported(shared: Path) -> None:
    """Checked against a table of the same calls that was made by other means."""
    folders = {
        "toolbench_example/dfsdt": "toolbench_example/answer",
        "tooldec": "tooldec_traces/output",
        "stabletoolbench": "stabletoolbench/data_example/answer",
        "toolbench_history": "toolbench_example/history_b2384c2/data/toolllama",
    }
    table: dict[str, Counter[tuple[str, ...]]] = {}
    for line in (shared / "derived/recorded_calls.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        code = str(row["observation_code"])
        query_id = row["query_id"].rpartition("/")[2]
        call = (query_id, row["function"], row["arguments"], row["observation"], code)
        table.setdefault(row["source"].partition(" (")[0], Counter())[call] += 1
    seen = Counter[str]()
    for source, calls in table.items():
        head, _, rest = source.partition("/")
        folder = shared / (folders.get(source) or f"{folders[head]}/{rest}")
        if not folder.exists():
            continue  # the table also has runs of which the files are not here
        found: Counter[tuple[str, ...]] = Counter()
        for task in read_source(folder):
            for turn in turns(task):
                if turn.api is not None:
                    code = str(CODES[turn.status])
                    number = str(task.extra["query_id"])
                    found[number, turn.api, turn.arguments, turn.observation, code] += 1
                    seen["no name"] += turn.api == ""
                    seen["cut name"] += turn.api.startswith("_")
                    seen["cut"] += turn.observation.endswith("...")
        assert found == calls, source
        seen["sources"] += 1
    assert seen["sources"] == 15 and min(seen.values()) > 10


def test_a_function_that_a_real_trace_has_twice_is_offered_once(shared: Path) -> None:
    for folder in sorted((shared / "tooldec_traces/output").glob("*_i3_*")):
        [task] = read_source(folder / "6911_CoT@1.json")
        names = [api.name for api in task.apis]
        functions = [f["name"] for f in task.extra["answer"]["function"] if f["name"] != "Finish"]
        assert set(names) == set(functions) and len(names) == len(functions) - 2


def test_a_real_file_torn_anywhere_is_named(shared: Path, tmp_path: Path) -> None:
    [path] = (shared / "toolbench_example/answer/G1_answer").glob("59_*.json")
    text = path.read_text("utf-8")
    for part in range(1, 8):
        torn = saved(tmp_path, text[: len(text) * part // 8], "torn.json")
        with pytest.raises(UsageError, match=r"torn\.json is torn or not JSON"):
            read_source(torn)


def test_the_parts_of_a_task_are_values(shared: Path) -> None:
    first, again = (read_source(shared / "toolbench_example/answer") for _ in range(2))
    assert first == again and [t.digest for t in first] == [t.digest for t in again]
    assert replace(first[0], recording=None) != first[0]
