"""Probing: a real server that answers, hangs, fails and refuses; kills; the filter; the hub."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_server import Answer, Asked, Web, reply, web

from toolgrove.core import API, UsageError
from toolgrove.core.lines import read_lines
from toolgrove.training.collect import collect, write
from toolgrove.training.documents import Document, read_documents, write_documents
from toolgrove.training.probe_arguments import trials
from toolgrove.training.probe_config import read_config
from toolgrove.training.probe_quality import kind_of
from toolgrove.training.probe_subjects import Subject, host_of
from toolgrove.training.probe_turns import Turns

RUN = "import toolgrove.cli.app, toolgrove.cli.data_probe; from toolgrove.cli import main; main()"
QUALITY = read_config().quality
BOILERPLATE = {"text": "Welcome to our marketplace, where every road leads to the same place."}


def api(name: str, method: str = "GET", required: Any = (), optional: Any = ()) -> dict[str, Any]:
    return {
        "name": name,
        "url": f"https://box.example.com/{name}",
        "description": f"About {name}.",
        "method": method,
        "required_parameters": list(required),
        "optional_parameters": list(optional),
    }


CITY = {"name": "city", "type": "STRING", "description": "", "default": "Oslo"}
DAYS = {"name": "days", "type": "NUMBER", "description": "", "default": "3"}
NAMES = ("fine", "hang", "html", "broken", "complaint", "nothing", "denied", "busy", "page", "long")


class Place:
    """A folder of tools, their table, and a server that answers them."""

    def __init__(self, folder: Path, apis: list[dict[str, Any]]) -> None:
        self.folder, self.tools, self.table = folder, folder / "tools", folder / "apis.jsonl"
        file = self.tools / "Weather" / "box.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"tool_name": "Box", "api_list": apis}))
        write(collect([f"toolbench:{self.tools}"]), self.table)

    def env(self, server: Web) -> str:
        return f"http:{self.tools},base={server.url},attempts=1"

    def words(self, server: Web, out: str = "out", *more: object) -> list[str]:
        words = ["data", "probe", self.table, "--env", self.env(server), "--out"]
        return [*map(str, words), str(self.folder / out), *map(str, more)]

    def rows(self, out: str = "out") -> dict[str, Any]:
        lines = (self.folder / out / "report.jsonl").read_text().splitlines()
        return {row["api"].removesuffix("_for_box"): row for row in map(json.loads, lines)}


@pytest.fixture
def toolgrove(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command line in this process; gives its exit code, output and errors."""
    import toolgrove.cli.app
    import toolgrove.cli.data_probe  # noqa: F401
    from toolgrove.cli import main

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["toolgrove", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def over() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def answers(over: threading.Event) -> Any:
    def hang(_: socket.socket) -> None:
        over.wait(30)

    def answer(asked: Asked) -> Answer:
        name, query = asked.path.strip("/"), dict(asked.query)
        fixed: dict[str, Answer] = {
            "hang": hang,
            "html": reply(b"<!DOCTYPE html><html><body>Sign in</body></html>", media="text/html"),
            "page": reply(b"<html><head><title>x</title></head></html>"),
            "broken": reply(b'{"message": "boom"}', 500),
            "complaint": reply(b'{"message": "You have exceeded the quota of your plan"}'),
            "nothing": reply(b""),
            "denied": reply(b'{"message": "who are you"}', 401),
            "busy": reply(b"{}", 429, retry_after="0"),
            "long": reply(json.dumps(["x" * 100] * 60).encode()),
        }
        return fixed.get(name, reply(json.dumps({"at": name, **query}).encode()))

    return answer


def test_each_kind_of_api_falls_at_its_stage(
    tmp_path: Path, toolgrove: Any, over: threading.Event
) -> None:
    writing = api("write", "POST", [CITY])
    place = Place(tmp_path, [*(api(n, "GET", [CITY], [DAYS]) for n in NAMES), writing])
    config = tmp_path / "probe.toml"
    config.write_text("[quality]\nlongest = 4000\n[calls]\nattempts = 2\nrate = 0\n")
    with web(answers(over)) as server:
        more = ("--config", config, "--timeout", 0.5, "--json")
        code, out, err = toolgrove(*place.words(server, "out", *more))
        asked = Counter(a.path.strip("/") for a in server.asked)
    assert code == 0, err
    stages = {name: (row["dropped"], row["why"]) for name, row in place.rows().items()}
    assert stages == {
        "fine": ("", ""),
        "hang": ("works", "timeout"),
        "html": ("good", "html"),
        "page": ("good", "html"),
        "broken": ("works", "unavailable"),
        "complaint": ("good", "error_body"),
        "nothing": ("good", "empty"),
        "denied": ("works", "unauthorised"),
        "busy": ("works", "rate_limited"),
        "long": ("good", "too_long"),
        "write": ("called", "writes"),
    }
    # A refused or silent API is asked no more; "too many requests" is asked again, and no more.
    assert asked == Counter(
        fine=3, hang=2, html=3, page=3, broken=3, complaint=3, nothing=3, denied=1, busy=6, long=3
    )
    summary = json.loads(out)
    left = {row["stage"]: row["apis"] for row in summary["stages"]}
    assert left == {
        "collected": 11, "called": 10, "asked": 10, "works": 6, "fast": 6, "good": 1, "unlike": 1,
        "tools": 1,
    }  # fmt: skip
    assert summary["calls"] == summary["made"] == 27 and summary["complete"]
    [passed] = read_documents(tmp_path / "out" / "apis.jsonl")
    assert passed.api.api == "fine"
    bodies = [json.loads(example)["response"] for example in passed.examples]
    assert bodies[0] == {"at": "fine", "city": "Oslo", "days": "3"}
    assert {"at": "fine", "city": "Oslo"} in bodies  # one call goes without optional arguments

    with web(answers(over)) as server:  # an unsafe probe asks them all
        server_words = place.words(server, "unsafe", *more, "--unsafe", "--calls", 1)
        assert toolgrove(*server_words)[0] == 0
        assert Counter(a.method for a in server.asked)["POST"] == 1


def test_answers_that_many_apis_share_are_dropped(tmp_path: Path, toolgrove: Any) -> None:
    place = Place(tmp_path, [api(f"same{i}") for i in range(4)] + [api("own")])

    def answer(asked: Asked) -> Answer:
        own = asked.path == "/own"
        return reply(json.dumps({"own": "x" * 100} if own else BOILERPLATE).encode())

    config = tmp_path / "probe.toml"
    config.write_text("[filter]\nshared = 3\n[calls]\nrate = 0\n")
    with web(answer) as server:
        assert toolgrove(*place.words(server, "out", "--config", config))[0] == 0
    dropped = {name: row["dropped"] for name, row in place.rows().items()}
    assert dropped == {**{f"same{i}": "unlike" for i in range(4)}, "own": ""}
    assert place.rows()["same0"]["shared"] == 4


def test_a_host_is_asked_by_few_at_once_and_not_too_often(tmp_path: Path, toolgrove: Any) -> None:
    place = Place(tmp_path, [api(f"a{i}") for i in range(8)])

    def answer(asked: Asked) -> Answer:
        time.sleep(0.02)
        return reply(json.dumps({"at": asked.path}).encode())

    with web(answer) as server:
        words = place.words(server, "out", "--rate", 40, "--calls", 2, "--concurrency", 8)
        assert toolgrove(*words)[0] == 0
        times = sorted(a.at for a in server.asked)
        assert len(times) == 16 and server.most <= 2
        # Sixteen calls at 40 a second are fifteen pauses of 25 ms: never less on any machine.
        assert times[-1] - times[0] >= 0.9 * 15 / 40


def test_a_slow_host_holds_up_nobody_else(tmp_path: Path) -> None:
    slow, quick = "a" * 30, "bcde" * 3
    documents = [
        Document(API(f"{host}{i}", api=str(i)), extra={"host": f"{host}.example.com"})
        for i, host in enumerate(slow + quick)
    ]
    found = [Subject(d, d.api, host_of(d)) for d in documents]
    assert {subject.host for subject in found} == {f"{h}.example.com" for h in "abcde"}

    async def work() -> list[str]:
        turns, order, never = Turns(found, 2), list[str](), asyncio.Event()

        async def worker() -> None:
            while (subject := await turns.take()) is not None:
                order.append(subject.host[0])
                if subject.host[0] == "a":
                    await never.wait()
                turns.done(subject)

        workers = [asyncio.ensure_future(worker()) for _ in range(4)]
        while len(order) < 2 + len(quick):
            await asyncio.sleep(0)
        assert Counter(order) == {"a": 2, **Counter(quick)}
        never.set()
        await asyncio.gather(*workers)
        return order

    order = asyncio.run(work())
    assert order[:5] == list("abcde") and Counter(order) == Counter(slow + quick)


def test_killed_at_any_point_it_makes_the_calls_still_owed(tmp_path: Path, toolgrove: Any) -> None:
    count, per_api, at_once = 14, 3, 4
    place = Place(tmp_path, [api(f"a{i}", "GET", [CITY], [DAYS]) for i in range(count)])

    def answer(asked: Asked) -> Answer:
        time.sleep(0.03)
        return reply(json.dumps({"at": asked.path, **dict(asked.query)}).encode())

    total, kills = count * per_api, 0
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    config = tmp_path / "probe.toml"
    config.write_text(f"[calls]\nper_host = {at_once}\nrate = 0\n")
    with web(answer) as server:
        more = ("--config", config, "--concurrency", at_once, "--json")
        command = [sys.executable, "-c", RUN, *place.words(server, "out", *more)]
        for goal in (1, 9, 10, 27):
            process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL)  # fmt: skip
            deadline = time.monotonic() + 60
            while len(server.asked) < goal and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        asked = Counter(a.path for a in server.asked)
        _, again, _ = toolgrove(*command[3:])
        assert len(server.asked) == asked.total(), "the same command again asks nothing"
    assert kills >= 3
    records, torn = read_lines(tmp_path / "out" / "calls.jsonl")
    kept = [(r["api"], r["n"]) for r in records]
    assert len(kept) == len(set(kept)) == total and torn <= kills
    assert total <= asked.total() <= total + kills * at_once, "only calls in flight are made twice"
    assert all(per_api <= n <= per_api + kills for n in asked.values())
    summary = json.loads(done.stdout)
    assert summary["complete"] and summary["made"] < total
    assert json.loads(again)["made"] == 0
    assert len(read_documents(tmp_path / "out" / "apis.jsonl")) == count


def test_a_torn_line_is_owed_again(tmp_path: Path, toolgrove: Any) -> None:
    place = Place(tmp_path, [api("one", "GET", [CITY]), api("two")])
    with web(answers(threading.Event())) as server:
        assert toolgrove(*place.words(server))[0] == 0
        calls = tmp_path / "out" / "calls.jsonl"
        calls.write_bytes(calls.read_bytes()[:-20])
        before = len(server.asked)
        code, out, _ = toolgrove(*place.words(server, "out", "--json"))
        assert (code, len(server.asked)) == (0, before + 1)
    assert json.loads(out)["torn_lines"] == 1 and len(read_lines(calls)[0]) == 6


def test_more_calls_or_apis_add_to_what_is_there(tmp_path: Path, toolgrove: Any) -> None:
    place = Place(tmp_path, [api("one", "GET", [CITY]), api("two"), api("three")])
    with web(answers(threading.Event())) as server:
        assert toolgrove(*place.words(server, "out", "--limit", 1, "--calls", 1))[0] == 0
        assert toolgrove(*place.words(server, "out", "--limit", 2, "--calls", 2))[0] == 0
        assert Counter(a.path for a in server.asked) == {"/one": 2, "/two": 2}


def test_thresholds_that_change_ask_nothing_again(tmp_path: Path, toolgrove: Any) -> None:
    place, config = Place(tmp_path, [api("one", "GET", [CITY]), api("two")]), tmp_path / "x.toml"
    with web(answers(threading.Event())) as server:
        words = place.words(server, "out", "--config", config, "--json")
        seen = []
        for text in ("", "[quality]\nlongest = 50\n", "[filter]\np50 = 1e-9\n", ""):
            config.write_text(text)
            code, out, _ = toolgrove(*words)
            stages = {row["stage"]: row["apis"] for row in json.loads(out)["stages"]}
            seen.append((code, stages["fast"], stages["good"], len(server.asked)))
    assert seen == [(0, 2, 2, 6), (0, 2, 1, 6), (0, 0, 0, 6), (0, 2, 2, 6)]


def test_a_host_that_asks_to_wait_for_long_is_left_for_later(
    tmp_path: Path, toolgrove: Any
) -> None:
    place, open_now = Place(tmp_path, [api(f"a{i}") for i in range(3)]), threading.Event()

    def answer(asked: Asked) -> Answer:
        if open_now.is_set() or asked.path == "/a0":
            return reply(json.dumps({"at": asked.path}).encode())
        return reply(b"{}", 429, retry_after="90000")

    config = tmp_path / "probe.toml"
    config.write_text("[calls]\nper_host = 1\nrate = 0\n")
    with web(answer) as server:
        words = place.words(server, "out", "--config", config, "--json")
        code, out, _ = toolgrove(*words)
        first = json.loads(out)
        assert code == 3 and not first["complete"] and first["owed"] == 9 - first["calls"] > 5
        assert {"a1_for_box", "a2_for_box"} <= set(first["delayed"])
        assert sum(a.path != "/a0" for a in server.asked) == 1, "after a refusal nobody is asked"
        assert not (tmp_path / "out" / "apis.jsonl").exists()
        open_now.set()
        code, out, _ = toolgrove(*words)
        assert code == 0 and json.loads(out)["made"] == first["owed"]
        assert json.loads(out)["statuses"] == {"ok": 9}


def test_statuses_can_be_asked_again(tmp_path: Path, toolgrove: Any) -> None:
    place, well = Place(tmp_path, [api("ill"), api("good")]), threading.Event()

    def answer(asked: Asked) -> Answer:
        ill = asked.path == "/ill" and not well.is_set()
        return reply(b"", 503) if ill else reply(json.dumps({"at": asked.path}).encode())

    config = tmp_path / "probe.toml"
    config.write_text("[calls]\nrate = 0\nagain = ['unavailable']\n")
    with web(answer) as server:
        words = place.words(server, "out", "--config", config, "--json")
        assert json.loads(toolgrove(*words)[1])["statuses"] == {"ok": 3, "unavailable": 3}
        well.set()
        done = json.loads(toolgrove(*words)[1])
        assert done["made"] == 3 and done["statuses"] == {"ok": 6}
        assert json.loads(toolgrove(*words)[1])["made"] == 0
        assert len(server.asked) == 9


def test_an_interrupt_finishes_the_calls_in_flight(tmp_path: Path) -> None:
    place = Place(tmp_path, [api(f"a{i}") for i in range(20)])

    def answer(asked: Asked) -> Answer:
        time.sleep(0.05)
        return reply(json.dumps({"at": asked.path}).encode())

    with web(answer) as server:
        command = [sys.executable, "-c", RUN, *place.words(server, "out", "--json")]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while len(server.asked) < 5:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        asked = len(server.asked)
    assert process.returncode == 3, err
    summary = json.loads(out)
    assert summary["calls"] == asked < 60 and summary["owed"] == 60 - asked
    assert len(read_lines(tmp_path / "out" / "calls.jsonl")[0]) == asked


def test_a_key_that_is_not_set_is_asked_for(
    tmp_path: Path, toolgrove: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOX_TOKEN", raising=False)
    place = Place(tmp_path, [api("one"), api("two")])
    with web(answers(threading.Event())) as server:
        words = place.words(server)
        words[words.index("--env") + 1] += ",token=BOX_TOKEN"
        code, _, err = toolgrove(*words)
        assert code == 2 and "export BOX_TOKEN=" in err and not server.asked
        monkeypatch.setenv("BOX_TOKEN", "sesame")
        assert toolgrove(*words)[0] == 0
        assert {a.headers["authorization"] for a in server.asked} == {"Bearer sesame"}


def test_what_is_wrong_is_said(tmp_path: Path, toolgrove: Any) -> None:
    place = Place(tmp_path, [api("one")])
    with web(answers(threading.Event())) as server:
        assert toolgrove(*place.words(server))[0] == 0
        other = ["data", "probe", place.table, "--env", "shop", "--out", tmp_path / "out"]
        code, _, err = toolgrove(*other)
        assert code == 2 and "is a probe of http:" in err
        place.table.write_text(place.table.read_text().replace("About one", "About ONE"))
        code, _, err = toolgrove(*place.words(server))
        assert code == 2 and "is not what it was" in err
        for text, said in (
            ("[calls]\nper_apy = 3\n", "calls.per_apy"),
            ("[filter]\nworks = 2.0\n", "filter.works"),
            ("[stop]\nstatuses = ['unautorised']\n", "no status 'unautorised'"),
            ("calls = 3\n", "'calls' stands outside"),
            ("[calls\n", "is no TOML"),
        ):
            (tmp_path / "bad.toml").write_text(text)
            words = place.words(server, "new", "--config", tmp_path / "bad.toml")
            code, _, err = toolgrove(*words)
            assert code == 2 and said in err, err
        code, _, err = toolgrove(*place.words(server, "new", "--timeout", "0"))
        assert code == 2 and "the command line: calls.timeout" in err


WORLD = """
from toolgrove.core import API, CallWorld, EnvironmentFailed, Step

class All(CallWorld):
    apis = tuple(API(f"a{i}", tool="T", api=f"a{i}") for i in range(15))
    breaking = [api.name for api in apis]
    async def call(self, api, arguments):
        if api.name in self.breaking:
            raise EnvironmentFailed("the server fell over") if api.name == "a1" else KeyError("x")
        return Step('{"a": "' + api.name + '"}')

class Some(All):
    breaking = ["a1", "a7"]

class Most(All):
    breaking = [f"a{i}" for i in range(2, 15)]
"""


def test_an_environment_that_breaks(tmp_path: Path, toolgrove: Any) -> None:
    file, table = tmp_path / "world.py", tmp_path / "apis.jsonl"
    file.write_text(WORLD)
    write_documents([Document(API(f"a{i}", tool="T", api=f"a{i}")) for i in range(15)], table)
    words = ["data", "probe", table, "--rate", "0", "--json", "--env"]
    # Some APIs that break it are to blame themselves; the others go on.
    code, out, err = toolgrove(*words, f"{file}:Some", "--out", tmp_path / "some")
    assert code == 0, err
    summary = json.loads(out)
    assert summary["statuses"] == {"ok": 39, "unavailable": 6}
    assert summary["stages"][-1]["apis"] == 13
    # Killed before they were kept, they are all that is owed: asked again, kept, and never again.
    place = tmp_path / "some" / "calls.jsonl"
    lines = place.read_text().splitlines(keepends=True)
    place.write_text("".join(line for line in lines if '"unavailable"' not in line))
    again = toolgrove(*words, f"{file}:Some", "--out", tmp_path / "some")
    assert again[0] == 0, again[2]
    assert json.loads(again[1])["statuses"] == summary["statuses"]
    assert len(read_lines(place)[0]) == 45
    assert toolgrove(*words, f"{file}:Some", "--out", tmp_path / "some")[0] == 0
    assert len(read_lines(place)[0]) == 45
    # So are many of them in a row, where others are answered still.
    code, out, err = toolgrove(*words, f"{file}:Most", "--out", tmp_path / "most")
    assert code == 0, err
    assert json.loads(out)["statuses"] == {"ok": 6, "unavailable": 39}
    # Where all of them break it, none is: the probe stops, and owes all its calls.
    code, _, err = toolgrove(*words, f"{file}:All", "--out", tmp_path / "all")
    assert code == 2 and "times in a row" in err and "goes on once it is mended" in err
    assert read_lines(tmp_path / "all" / "calls.jsonl") == ([], 0)


def test_the_hub_passes(tmp_path: Path, toolgrove: Any) -> None:
    table = tmp_path / "hub.jsonl"
    write(collect(["hub:clean"]), table)
    words = ["data", "probe", table, "--env", "hub", "--out", tmp_path / "out", "--limit", 40]
    code, out, err = toolgrove(*words, "--rate", 0, "--json")
    assert code == 0, err
    summary = json.loads(out)
    assert summary["statuses"] == {"ok": 120} and summary["stages"][-1]["apis"] == 40
    assert all(document.examples for document in read_documents(tmp_path / "out" / "apis.jsonl"))


# ------------------------------------------------------------------ arguments

PLAIN = st.sampled_from(
    [
        {"type": "string"}, {"type": "string", "minLength": 9}, {"type": "string", "maxLength": 2},
        {"type": "string", "enum": ["a", "b"]}, {"type": "integer", "minimum": 7},
        {"type": "integer", "minimum": -9, "maximum": -2}, {"type": "number", "maximum": 0.5},
        {"type": "boolean"}, {"const": 4}, {"type": ["string", "null"]}, {"$ref": "#/$defs/D"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"type": "object", "properties": {"k": {"type": "integer"}}, "required": ["k"]},
        {"type": "integer", "example_value": "3"}, {"type": "string", "default": 3},
    ]
)  # fmt: skip


@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=3), PLAIN, max_size=6),
    st.integers(1, 6),
    st.data(),
)
def test_arguments_fit_their_schema(
    properties: dict[str, Any], count: int, data: st.DataObject
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    required = data.draw(st.lists(st.sampled_from(sorted(properties) or ["z"]), unique=True))
    required = [name for name in required if name in properties]
    schema = {
        "type": "object", "properties": properties, "required": required,
        "$defs": {"D": {"type": "integer", "minimum": 5}},
    }  # fmt: skip
    made = trials(schema, count)
    assert len(made) == count and made == trials(schema, count)
    for trial in made:
        jsonschema.Draft202012Validator(schema).validate(trial.arguments)
    if count > 1 and len({json.dumps(t.arguments, sort_keys=True) for t in made}) > 1:
        assert any(set(trial.arguments) == set(required) for trial in made[:2])


def test_arguments_that_are_made_up_are_told() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "day": {"type": "string", "format": "date"},
                       "lang": {"type": "string", "enum": ["en", "fr", "de"]},
                       "size": {"type": "integer", "default": "10"}},
        "required": ["id", "lang"],
    }  # fmt: skip
    made = trials(schema, 4)
    assert [dict(trial.arguments) for trial in made] == [
        {"id": "test", "lang": "en", "size": 10},
        {"id": "test", "lang": "en"},
        {"id": "test", "lang": "fr"},
        {"id": "test", "lang": "de"},
    ]
    assert {trial.guessed for trial in made} == {("id",)}


def test_a_description_may_give_an_example() -> None:
    zone = {"type": "string", "description": "IANA name (e.g., 'Europe/Oslo', 'Asia/Tokyo')."}
    plain = {"type": "string", "description": "An example is not given."}
    schema = {"properties": {"zone": zone, "x": plain}, "required": ["zone", "x"]}
    [trial] = trials(schema, 1)
    assert trial == ({"zone": "Europe/Oslo", "x": "test"}, ("zone", "x"))


def test_failures_of_made_up_arguments_are_told_apart(tmp_path: Path, toolgrove: Any) -> None:
    unknown = {"name": "key", "type": "STRING", "description": ""}
    place = Place(tmp_path, [api("picky", "GET", [unknown]), api("poor")])
    with web(lambda _: reply(b'{"message": "no such key"}', 404)) as server:
        assert toolgrove(*place.words(server))[0] == 0
    why = {name: (row["dropped"], row["why"]) for name, row in place.rows().items()}
    assert why == {"picky": ("works", "guessed"), "poor": ("works", "http_error")}


# ------------------------------------------------------------------ answers


def test_real_answers_are_told_apart(shared: Path) -> None:
    """ToolBench's own observation codes, of real RapidAPI calls: what it found to be errors is."""
    kinds: dict[int, Counter[str]] = {0: Counter(), 11: Counter(), 12: Counter()}
    seen: set[tuple[str, str]] = set()
    lines = (shared / "derived/recorded_calls.jsonl").read_text("utf-8").split("\n")
    for row in map(json.loads, filter(None, lines)):
        if row["function"] != "Finish" and row["observation_code"] in kinds:
            text = row["observation"]
            if (row["function"], text) not in seen:
                seen.add((row["function"], text))
                kinds[row["observation_code"]][kind_of(text, QUALITY)] += 1
    assert set(kinds[12]) == {"error_body"}
    assert kinds[11]["good"] == 8  # cut at 1,024 characters: ToolBench saw "Message" there
    # Of those that it took for answers, a quarter are HTML, empty, or say that they failed.
    assert kinds[0] == Counter(good=376, error_body=109, empty=29, html=10)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("good", {"temperature": 3}),
        ("good", {"error": None, "data": [1]}),
        ("good", {"errors": [], "data": [1]}),
        ("good", {"status": 200, "message": "3 results"}),
        ("good", {"code": 404, "name": "Not Found"}),
        ("good", {"success": True}),
        ("good", [0, False]),
        ("good", {"valid": False}),
        ("good", 0),
        ("good", "3.5 miles"),
        ("good", {"text": "A quota is a share. " * 40, "title": "Quota"}),
        ("error_body", {"error": "no such city"}),
        ("error_body", {"success": False, "data": None, "why": "x"}),
        ("error_body", {"status": "error", "data": {"a": 1}}),
        ("error_body", {"status": 503, "message": "come back"}),
        ("error_body", {"message": "Endpoint '/x' does not exist"}),
        ("error_body", {"title": "Bad Request", "status": 400, "traceId": "x"}),
        ("error_body", {"code": 400, "message": "x"}),
        ("error_body", "{'success': False, 'data': 'none'}"),  # as ToolBench's server writes it
        ("error_body", "Invalid 'configuration' parameter"),
        ("good", {"title": "Forbidden Planet", "year": 1956}),
        ("good", "{'year': 1956}"),
        ("empty", "None"),
        ("empty", "{'results': []}"),
        ("error_body", "You are not subscribed to this API."),
        ("empty", None),
        ("empty", " "),
        ("empty", []),
        ("empty", {}),
        ("empty", {"data": [], "next": None}),
        ("html", "<!-- x --><html lang='en'><p>hi</p></html>"),
        ("html", "\n<!DOCTYPE HTML PUBLIC><html></html>"),
        ("binary", {"media": "image/png", "bytes": 3, "sha256": "00"}),
    ],
)
def test_the_kind_of_an_answer(kind: str, body: Any) -> None:
    assert kind_of(json.dumps({"error": "", "response": body}), QUALITY) == kind
    if not isinstance(body, str):
        assert kind_of(json.dumps(body), QUALITY) == kind
        inside = json.dumps({"error": "", "response": json.dumps(body)})
        assert kind_of(inside, QUALITY) == kind


def test_an_envelope_with_an_error_is_one() -> None:
    assert kind_of('{"error": "HTTP 200?", "response": {"a": 1}}', QUALITY) == "error_body"
    assert kind_of('{"error": "cut after 9 bytes", "response": "x"}', QUALITY) == "too_long"
    assert kind_of("x" * (QUALITY.longest + 1), QUALITY) == "too_long"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=30),
                    lambda inner: st.lists(inner, max_size=4)
                    | st.dictionaries(st.text(max_size=8), inner, max_size=4)))  # fmt: skip
def test_every_answer_has_a_kind(body: Any) -> None:
    kinds = {"good", "error_body", "html", "empty", "too_long", "binary"}
    assert {kind_of(json.dumps(body), QUALITY), kind_of(str(body), QUALITY)} <= kinds


def test_a_config_says_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "probe.toml"
    file.write_text("[filter]\nworks = 0.9\n")
    config = read_config(file, timeout=3.0, rate=None)
    assert (config.filter.works, config.calls.timeout, config.calls.rate) == (0.9, 3.0, 5.0)
    with pytest.raises(UsageError, match="cannot read"):
        read_config(tmp_path / "none.toml")
