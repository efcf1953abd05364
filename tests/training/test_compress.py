"""Compression: teachers of all kinds, kills, the keep-file in its world, and facts kept."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.hub.expressions import execute
from toolgrove.core import API, Completion, Model, ModelError, Request, UsageError, world
from toolgrove.core.lines import read_lines
from toolgrove.core.solution import Solution
from toolgrove.envs.hub.registry import by_function, endpoints
from toolgrove.envs.observations import compress, counter
from toolgrove.envs.trimmed import TrimmedWorld
from toolgrove.models.scripted import ScriptedModel
from toolgrove.training.collect import collect
from toolgrove.training.compress import Compressor, claim
from toolgrove.training.compress_facts import facts_kept, solved_tasks
from toolgrove.training.compress_keys import Shape, keep_entry, read_reply, unwrapped, written
from toolgrove.training.compress_prompt import Prompts, subjects
from toolgrove.training.compress_report import Nowhere, checked, examples_of, saved
from toolgrove.training.compress_rules import Takers, rules
from toolgrove.training.documents import Document, write_documents

RUN = (
    "import toolgrove.cli.app, toolgrove.cli.data_compress; from toolgrove.cli import main; main()"
)
_, COUNT = counter("estimate")
FILMS = {
    "page": 1,
    "films": [
        {
            "id": 7 + i,
            "title": f"Film {i}",
            "year": 1990 + i,
            "poster": f"https://img.example.com/{i}.jpg",
            "etag": "9e107d9d372bb6826bd81d3542a419d6",
            "budget": None,
        }
        for i in range(30)
    ],
    "links": {"self": "https://api.example.com/films?page=1"},
}


def document(name: str, response: Any, required: Sequence[str] = (), about: str = "") -> Document:
    schema = {"type": "object", "properties": {}, "required": list(required)}
    api = API(name, about or f"About {name}.", schema, "Movies", "Box", name)
    text = json.dumps({"error": "", "response": response})
    return Document(api, () if response is None else (text,), source="test")


@pytest.fixture
def table() -> list[Document]:
    return [
        document("films", FILMS, about="Films of a year."),
        document("roles", [{"film": "A" * 40, "hash": "ab" * 20, "who": "B" * 40}] * 9),
        document("film", {"title": "Film 1"}, ["film_id"]),
        document("nothing", None),
    ]


def shape(*values: Any) -> Shape:
    made = Shape()
    for value in values:
        made.add(value)
    return made


def compressor(
    table: list[Document], out: Path, model: Model | None = None, **more: Any
) -> Compressor:
    found, _ = subjects(table, 64, COUNT)
    return Compressor(found, Takers(table), out, model, COUNT, **more)


def said(keep: Sequence[str]) -> str:
    return json.dumps({"keep": list(keep)})


class Teacher:
    """A model that knows what to say of each API, by a word of the prompt's last message."""

    def __init__(self, replies: dict[str, list[Any]]) -> None:
        self.replies, self.asked = replies, list[str]()

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        return [await self._one(request) for request in requests]

    async def _one(self, request: Request) -> Completion | ModelError:
        name = json.loads((request.messages[-1].content or "").split("\n")[1])["name"]
        self.asked.append(name)
        reply = self.replies[name][request.sample]
        if reply is None:
            await asyncio.sleep(3600)
        return reply if isinstance(reply, ModelError) else Completion(reply, (), 10, 5, 0.01)


# What a reply names


@pytest.mark.parametrize(
    "text",
    [
        '{"keep": ["films[].title", "page"]}',
        '["films.title", "page"]',
        'Sure!\n```json\n{"keep": ["$.films[*].title", "page"]}\n```\nThese matter.',
        '<think>keep ["films[].poster"]?</think>{"keys": ["films[0].title", "response.page"]}',
        '{"films": [{"title": "str"}], "page": "int"}',
        '{"films": [{"title": true, "poster": false}], "page": 1, "links": null}',
        "{'keep': ['films[].title', 'page',]",
        '{"keep": [{"path": "films[].title", "why": "asked for"}, {"path": "page"}]}',
        "- `films[].title`\n- `page`: which page",
        "1. films.0.title\n2. page",
        "title, page",
    ],
)
def test_a_reply_is_read_in_many_forms(text: str) -> None:
    got = read_reply(text, shape(FILMS))
    assert {written(path) for path in got.paths} == {"films[].title", "page"}
    assert got.sound and got.invented == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I am an assistant and I cannot say.",
        "{}",
        "[]",
        '{"keep": []}',
        '{"keep": [1, null, {"a": []}]}',
        '{"keep": ["director", "cast"]}',
        '{"keep": ["title", "director", "cast"]}',  # more is invented than there
        "[" * 5000,
        '{"a":' * 5000,
        "\ud800 \x00",
    ],
)
def test_nonsense_is_no_reply(text: str) -> None:
    assert not read_reply(text, shape(FILMS)).sound


@given(st.text(max_size=300))
def test_no_text_breaks_reading(text: str) -> None:
    known = shape(FILMS).known()
    got = read_reply(text, shape(FILMS))
    assert all(path in {p for paths in known.values() for p in paths} for path in got.paths)


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("abcde"), values, min_size=1, max_size=5), st.data())
def test_a_keep_entry_keeps_what_was_chosen_and_nothing_beside(
    value: dict[str, Any], data: st.DataObject
) -> None:
    made = shape(value)
    paths = data.draw(st.lists(st.sampled_from(made.keys), min_size=1, unique=True))
    left = shape(compress(value, keep_entry(paths, made)))
    for path in paths:
        assert left.leaves[path] == made.leaves[path]
    tops = {path[0] for path in paths}
    assert {path[0] for path in left.keys} == tops


def test_keys_that_are_data_are_kept_as_a_whole() -> None:
    rates = {"base": "EUR", "rates": {"USD": 1.1, "NOK": 11.5, "ISK": 149.0}}
    assert [written(path) for path in shape(rates).keys] == ["base", "rates"]
    days = {"2024-01-01": {"t": 1}, "2024-01-02": {"t": 2}, "2024-01-03": {"t": 3}}
    assert shape(days).keys == []


# Rules


def test_rules_keep_what_says_something(table: list[Document]) -> None:
    kept = [written(path) for path in rules(shape(FILMS), table[0], Takers(table))]
    assert kept == ["page", "films[].id", "films[].title", "films[].year"]


def test_rules_keep_an_address_that_the_document_promises(table: list[Document]) -> None:
    asked = document("films", FILMS, about="Films and their poster.")
    kept = [written(path) for path in rules(shape(FILMS), asked, Takers([]))]
    assert "films[].poster" in kept and "films[].id" not in kept


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("cover", "partly cloudy", True),
        ("cover", "covers/12.jpg", False),
        ("site", "https://a.example/b", False),
        ("serial", "4f2a9c1e77b05d3a9f00", False),
        ("word", "deadbeefdeadbeef" * 2, True),
        ("body", "<p>Hello</p>", False),
        ("empty", None, False),
        ("none", [], False),
        ("count", 0, True),
        ("open", False, True),
    ],
)
def test_what_the_rules_leave_out(key: str, value: Any, kept: bool) -> None:
    response = {"said": "Hello.", key: value}
    found = rules(shape(response), document("a", response), Takers([]))
    assert ((key,) in found) is kept


def test_a_deep_repeat_goes() -> None:
    text = "The quick brown fox jumps."
    response = {"title": text, "meta": {"title": text, "lang": "en"}}
    found = rules(shape(response), document("a", response), Takers([]))
    assert found == [("title",), ("meta", "lang")]


def test_rules_never_leave_nothing() -> None:
    junk = {"id": "x", "url": "https://a.example", "none": None}
    made = shape(junk)
    assert rules(made, document("junk", junk), Takers([])) == made.keys


# Asking


def test_a_teacher_s_keys_reach_the_model_through_trimmed(
    table: list[Document], tmp_path: Path
) -> None:
    out = tmp_path / "keep.json"
    teacher = Teacher({"films": [said(["films[].title"])], "roles": [said(["[].who"])]})
    work = compressor(table, out, teacher)
    asyncio.run(work.run())
    out.write_text(json.dumps(work.keep()))
    assert work.report()["by"] == {"teacher": 2} and work.report()["usd"] == 0.02

    shown = TrimmedWorld(Nowhere(), tokens=100_000, keep=str(out))
    films, roles = table[0], table[1]
    short, _ = shown.trim(films.examples[0], "films", films.api)
    assert unwrapped(short) == {"films": [{"title": f"Film {i}"} for i in range(30)]}
    short, _ = shown.trim(roles.examples[0], "roles", roles.api)
    assert unwrapped(short) == [{"who": "B" * 40}] * 9
    error = '{"error":"","response":{"message":"no such year"}}'
    assert shown.trim(error, "films", films.api) == (error, None)


def test_what_a_teacher_is_asked(table: list[Document], tmp_path: Path) -> None:
    found, left = subjects(table, 64, COUNT)
    assert [s.document.api.name for s in found] == ["films", "roles"]
    assert left == {"within the limit": 1, "no example": 1}
    messages = list(Prompts().ask(found[0], Takers(table), COUNT))
    assert [m.role for m in messages] == ["system", *["user", "assistant"] * 3, "user"]
    for user, reply in zip(messages[1:7:2], messages[2:7:2], strict=True):
        listed = (user.content or "").partition("All keys:\n")[2].split("\n")
        example = shape(dict.fromkeys(listed, 1))
        names = json.loads(reply.content or "")["keep"]
        assert names and all(any(key.startswith(n) for key in listed) for n in names), example
    last = messages[-1].content or ""
    assert "About" not in last and "Films of a year." in last and "film_id" in last
    assert "films[].title" in last and "elements left out" in last


def test_nonsense_is_asked_again_and_then_the_rules_choose(
    table: list[Document], tmp_path: Path
) -> None:
    teacher = Teacher(
        {"films": ["what?", said(["page"])], "roles": ["no", "", said(["actor", "director"])]}
    )
    work = compressor(table, tmp_path / "keep.json", teacher)
    asyncio.run(work.run())
    told = work.report()
    assert told["by"] == {"teacher": 1, "fallback": 1} and told["fallbacks"] == ["roles"]
    assert (told["replies"], told["nonsense"], told["invented"], told["owed"]) == (5, 4, 3, 0)
    assert work.keep()["roles"] == ["film", "who"]
    assert set(work.keep()["films"]) == {"page", "error", "errors", "message", "detail"}


def test_the_same_command_asks_only_what_is_owed(table: list[Document], tmp_path: Path) -> None:
    out = tmp_path / "keep.json"
    lost = ModelError("the endpoint is gone", kind="server")
    first = Teacher({"films": ["what?", said(["page"])], "roles": ["no", lost]})
    work = compressor(table, out, first)
    asyncio.run(work.run())
    assert work.report()["owed"] == 1 and work.failed == {"roles": "the endpoint is gone"}
    assert set(work.keep()) == {"films", "roles"}  # rules stand in

    work.replies.write_bytes(work.replies.read_bytes() + b'{"crc":"00')
    second = Teacher({"roles": ["", said(["who"])]})
    again = compressor(table, out, second)
    asyncio.run(again.run())
    assert second.asked == ["roles"]
    told = again.report()
    assert (told["replies"], told["asked_now"], told["torn"], told["tokens"]) == (4, 1, 1, 60)
    assert again.keep()["roles"] == ["who"]
    assert len(read_lines(work.replies)[0]) == 4

    third = compressor(table, out, Teacher({}))
    assert third.owed == [] and third.keep() == again.keep()
    changed = [document("films", {**FILMS, "more": "x" * 300}), *table[1:]]
    assert [s.document.api.name for s in compressor(changed, out, Teacher({})).owed] == ["films"]
    assert len(compressor(table, out, ScriptedModel()).owed) == 2  # another teacher


def test_a_teacher_that_hangs_is_given_up_and_owed(tmp_path: Path) -> None:
    many = [document(f"films{i}", FILMS) for i in range(40)]
    teacher = Teacher({d.api.name: [None] for d in many})
    work = compressor(many, tmp_path / "keep.json", teacher, timeout=0.05, concurrency=2)
    asyncio.run(work.run())
    assert len(work.owed) == 40 and len(teacher.asked) <= 7
    assert set(work.failed.values()) == {"no reply within 0.05 s"}
    assert len(work.keep()) == 40


def test_pausing_keeps_what_is_in_flight(tmp_path: Path) -> None:
    many = [document(f"films{i}", FILMS) for i in range(9)]

    def stop() -> None:
        work.paused = True

    teacher = Teacher({d.api.name: [said(["page"])] for d in many})
    work = compressor(many, tmp_path / "k.json", teacher, concurrency=1, told=stop)
    asyncio.run(work.run())
    assert work.asked == 1 and len(work.owed) == 8 and len(read_lines(work.replies)[0]) == 1


# Refusals


def test_a_table_without_examples_is_refused() -> None:
    with pytest.raises(UsageError, match="an example response: `toolgrove data probe`"):
        subjects([document("a", None)], 64, COUNT)
    bare = Document(API("a"), returns={"a": "str", "b": ["int"]})
    [found], _ = subjects([bare], 64, COUNT, every=True)
    assert [written(path) for path in found.shape.keys] == ["a", "b"]


def test_a_keep_file_of_another_table_is_not_overwritten(
    table: list[Document], tmp_path: Path
) -> None:
    out = tmp_path / "keep.json"
    out.write_text('{"other": ["a"]}')
    with pytest.raises(UsageError, match="of another table: it has 1 functions"):
        claim(out, table)
    out.write_text("[")
    with pytest.raises(UsageError, match="no keep-file"):
        claim(out, table)
    out.write_text('{"films": ["a"]}')
    with claim(out, table), pytest.raises(UsageError, match="written by another process"):
        claim(out, table)


def test_prompts_that_lack_a_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('system = "x"\n')
    with pytest.raises(UsageError, match="KeyError"):
        Prompts(file)


# Facts and tokens


def test_tokens_saved_are_those_of_trimmed(table: list[Document], tmp_path: Path) -> None:
    out = tmp_path / "keep.json"
    out.write_text(json.dumps(compressor(table, out).keep()))
    told = saved(examples_of(table), out, 200, "estimate")
    assert (told["examples"], told["over"], told["still_cut"]) == (3, 2, 2)
    assert told["before"] > 2 * told["keys"] > 2 * told["after"] > 0
    assert 0 <= told["before"] - sum(COUNT(text) for _, text in examples_of(table)) <= 3  # pieces


@pytest.fixture(scope="module")
def hub() -> list[Document]:
    if not endpoints():
        pytest.skip("the hub's libraries are not installed")
    return list(collect(["hub"]).documents)


def test_a_lost_fact_breaks_its_task(hub: list[Document], tmp_path: Path) -> None:
    from toolgrove.benchmarks.suites import load_suites

    tasks = solved_tasks(load_suites("hub:i1-inst")[0].tasks)[:40]
    where, out = world("hub"), tmp_path / "keep.json"
    found, _ = subjects(hub, 64, COUNT, every=True)
    work = Compressor(found, Takers(hub), out, None, COUNT)
    out.write_text(json.dumps(work.keep()))
    told = asyncio.run(checked(tasks, where, 100_000, out, work.by_rules()))
    assert told["whole"]["kept"] == told["whole"]["tasks"] == 40
    assert told["cut"]["kept"] == 40 and told["rules"] == told["keep"]

    called = {step[0] for task in tasks for step in task.extra["solution"]["steps"]}
    out.write_text(json.dumps({name: {"no_such_key": {}} for name in called}))
    facts = asyncio.run(facts_kept(tasks, where, 100_000, out))
    assert (facts.tasks, facts.kept) == (40, 40), "a response is never emptied"

    keep, broken = {}, []  # all keys of a response but the one that the answer is read from
    for task in tasks:
        solution = Solution.from_json(task.extra["solution"])
        if len(solution.steps) == 1 and solution.operator == "value":
            done = execute(solution, by_function())
            assert done is not None
            response = json.loads(done[0][0])["response"]
            others = sorted(set(response) - {solution.of[0].split(".")[1]})
            if others and solution.steps[0][0] not in keep:
                keep[solution.steps[0][0]] = dict.fromkeys(others, "")
                broken.append(task)
    out.write_text(json.dumps(keep))
    facts = asyncio.run(facts_kept(broken, where, 100_000, out))
    assert len(broken) > 3 and (facts.tasks, facts.kept) == (len(broken), 0)
    assert sum(facts.lost.values()) == len(broken)
    out.write_text(json.dumps({"another": ["a"]}))
    with pytest.raises(UsageError, match="about none of the"):
        asyncio.run(checked(tasks, where, 64, out, {}))


def test_a_suite_without_solutions_is_refused() -> None:
    from toolgrove.benchmarks.suites import load_suites

    with pytest.raises(UsageError, match="no task of the suite has a known solution"):
        solved_tasks(load_suites("shop")[0].tasks)


# The command


def toolgrove(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, "data", "compress", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_with_rules(table: list[Document], tmp_path: Path) -> None:
    file, out = tmp_path / "apis.jsonl", tmp_path / "keep.json"
    write_documents(table, file)
    done = toolgrove(file, "--out", out, "--limit", 64, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["by"] == {"rules": 2} and told == json.loads(
        (tmp_path / "keep.json.report.json").read_text()
    )
    assert set(json.loads(out.read_text())) == {"films", "roles"}
    refused = toolgrove(file, "--out", tmp_path / "keep.txt")
    assert refused.returncode == 2 and "ends in .json" in refused.stderr


def test_the_command_goes_on_where_its_teacher_failed(
    table: list[Document], tmp_path: Path
) -> None:
    file, out = tmp_path / "apis.jsonl", tmp_path / "keep.json"
    write_documents(table, file)
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"answers": {"compress": ["hm", "hm", said(["who", "title"])]}}))
    options = ("--out", out, "--limit", 64, "--concurrency", 1, "--model", f"scripted:{script}")
    done = toolgrove(file, *options)
    assert done.returncode == 0, done.stderr
    assert "4 replies, 4 of them now" in done.stdout
    done = toolgrove(file, *options)
    assert "4 replies, 0 of them now" in done.stdout
    script.write_text("{}")
    done = toolgrove(file, *options)
    assert done.returncode == 3 and "2 APIs are owed" in done.stdout
    assert "failed: films: the script has no line" in done.stdout


def test_a_kill_loses_nothing_that_was_paid(tmp_path: Path) -> None:
    many = [document(f"films{i}", FILMS) for i in range(12)]
    file, out = tmp_path / "apis.jsonl", tmp_path / "keep.json"
    write_documents(many, file)
    enough = threading.Event()

    def brain(body: dict[str, Any]) -> dict[str, Any]:
        if len(server.bodies) >= 6:
            enough.set()
        return {"content": said(["films[].title"])}

    with ChatServer(brain) as server:
        options = [file, "--out", out, "--limit", 64, "--concurrency", 2]
        options += ["--model", f"openai:m,base_url={server.url}"]
        command = [sys.executable, "-c", RUN, "data", "compress", *map(str, options)]
        environment = {**os.environ, "OPENAI_API_KEY": "sk-test"}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            assert enough.wait(60)
            process.kill()
        there = len(read_lines(tmp_path / "keep.json.replies.jsonl")[0])
        asked = len(server.bodies)
        assert asked - there <= 2  # in flight
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert len(server.bodies) - asked == 12 - there
    assert set(json.loads(out.read_text())) == {d.api.name for d in many}
