"""The response cache: what is a hit, what is paid, who may write, and what a kill leaves."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Completion,
    Message,
    ModelError,
    Prompt,
    Request,
    ToolCall,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import Batcher, ScriptedModel
from toolgrove.models.cache import Cached, key
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT
from toolgrove.testing import check_model

IDENTITY = {
    "provider": "openai",
    "base_url": "http://localhost/v1",
    "model": "m",
    "parameters": {"temperature": 1.0, "max_tokens": 100},
}


class Costly:
    """Says something else each time, for a cent; remembers what it was asked."""

    def __init__(self, **identity: Any) -> None:
        self.identity = {**IDENTITY, **identity}
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked += requests
        return [self.say(request) for request in requests]

    def say(self, request: Request) -> Completion | ModelError:
        return Completion(f"reply {len(self.asked)}.{request.sample}", (), 100, 10, 0.01)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "replies.sqlite"


def request(text: str = "hello", sample: int = 0, **fields: Any) -> Request:
    return Request(Prompt([Message("user", text)]), sample=sample, **fields)


def ask(model: Cached, *requests: Request) -> list[Completion | ModelError]:
    return asyncio.run(model.complete(requests))


def said(model: Cached, *requests: Request) -> list[str | None]:
    replies = ask(model, *requests)
    return [str(r) if isinstance(r, ModelError) else r.content for r in replies]


# What is a hit


def test_the_same_request_is_paid_once(file: Path) -> None:
    model = Cached(Costly(), file)
    assert not file.exists()
    assert ask(model, request()) == [Completion("reply 1.0", (), 100, 10, 0.01)]
    hit = Completion("reply 1.0", (), 100, 10, 0.0, cached=True)
    assert ask(model, request()) == [hit]
    later = Costly()
    again = Cached(later, file)
    assert ask(again, request()) == [hit] and later.asked == []
    assert (model.hits, model.made, again.hits, again.made) == (1, 1, 1, 0)
    assert again.saved == 0.01


def test_n_samples_are_n_replies(file: Path) -> None:
    samples = [request(sample=i) for i in range(4)]
    first = said(Cached(Costly(), file), *samples)
    assert first == ["reply 4.0", "reply 4.1", "reply 4.2", "reply 4.3"]
    assert said(Cached(Costly(), file), *reversed(samples)) == first[::-1]


def test_one_batch_may_hold_hits_misses_and_twins(file: Path) -> None:
    inner = Costly()
    model = Cached(inner, file)
    ask(model, request("a"))
    got = ask(model, request("b"), request("a"), request("b"), request("c"))
    assert [r.content for r in got if isinstance(r, Completion)] == [
        "reply 3.0", "reply 1.0", "reply 3.0", "reply 3.0",
    ]  # fmt: skip
    assert [r.usd for r in got if isinstance(r, Completion)] == [0.01, 0, 0, 0.01]
    assert [r.prompt.added[0].content for r in inner.asked] == ["a", "b", "c"]


def test_everything_that_decides_a_reply_is_in_the_key() -> None:
    asked = request(tools=(API("f", "d"),))
    keys = {
        key(IDENTITY, asked),
        key({**IDENTITY, "provider": "other"}, asked),
        key({**IDENTITY, "base_url": "http://localhost/v2"}, asked),
        key({**IDENTITY, "model": "n"}, asked),
        key({**IDENTITY, "parameters": {"temperature": 0.5, "max_tokens": 100}}, asked),
        key(IDENTITY, request("other", tools=asked.tools)),
        key(IDENTITY, request(tools=(API("f", "e"),))),
        key(IDENTITY, request(tools=(API("f", "d", {"type": "object", "required": []}),))),
        key(IDENTITY, request(sample=1, tools=asked.tools)),
        key(IDENTITY, request(seed=1, tools=asked.tools)),
    }
    assert len(keys) == 10
    same = request(tools=(API("f", "d", category="c", read_only=False),), node="0.1", attempt=3)
    turned = {**IDENTITY, "parameters": {"max_tokens": 100, "temperature": 1.0}}
    assert key(turned, same) == key(IDENTITY, asked)
    whole = Prompt([Message("user", "a"), Message("user", "b")])
    assert key(IDENTITY, Request(whole)) == key(
        IDENTITY, Request(Prompt([Message("user", "a")]).then([Message("user", "b")]))
    )


def test_a_key_is_what_it_was_when_files_were_written() -> None:
    content = (
        '{"base_url":"http://localhost/v1","messages":[["user","h\\u00e9",[],""]],"model":"m",'
        '"parameters":{"max_tokens":100,"temperature":1.0},"provider":"openai","sample":2,'
        '"seed":7,"tools":[],"version":1}'
    )
    assert key(IDENTITY, request("hé", 2, seed=7)) == sha256(content.encode()).digest()


def test_a_reply_comes_back_whole(file: Path) -> None:
    full = Completion(None, (ToolCall("f", '{"a": "\ud800 é"}'),), 7, 8, 0.5, "hm", -1.25)

    class Full(Costly):
        def say(self, request: Request) -> Completion:
            return full

    ask(Cached(Full(), file), request())
    [hit] = ask(Cached(Full(), file), request())
    assert hit == Completion(None, full.calls, 7, 8, 0.0, "hm", -1.25, cached=True)
    assert Completion.from_json(json.loads(json.dumps(hit.to_json()))) == hit


def test_errors_and_what_is_no_completion_are_not_kept(file: Path) -> None:
    class Odd(Costly):
        def say(self, request: Request) -> Any:
            return ModelError("down") if request.sample else Completion(5)  # type: ignore[arg-type]

    model = Cached(Odd(), file)
    for _ in range(2):
        [wrong, error] = ask(model, request(), request(sample=1))
        assert isinstance(error, ModelError) and wrong == Completion(5)  # type: ignore[arg-type]
    assert (model.hits, model.made) == (0, 4) and not file.exists()
    assert said(Cached(Costly(), file), request(sample=1)) == ["reply 1.1"]


# With planners


def test_a_second_run_is_all_hits_and_the_same(file: Path) -> None:
    trees, spent = [], []
    for i in range(2):
        model = Cached(StumblingModel(0.4), file)
        results = [run_sync(DFSDT(), task, model, ShopEnv) for task in shop_tasks(4)]
        trees.append([result.tree.shape() for result in results])
        spent.append([(r.spent["calls"], r.spent["tokens"]) for r in results])
        calls = sum(r.spent["calls"] for r in results)
        assert (model.hits, model.made) == ((calls, 0) if i else (0, calls))
    assert trees[0] == trees[1] and spent[0] == spent[1]


def test_trials_under_other_seeds_get_their_own_replies(file: Path) -> None:
    task = shop_tasks(1)[0]
    model = Cached(StumblingModel(0.4), file)
    run_sync(DFSDT(), task, model, ShopEnv, seed=0)
    made = model.made
    run_sync(DFSDT(), task, model, ShopEnv, seed=1)
    assert model.hits == 0 and model.made > made


def test_a_spec_and_what_passes_through(file: Path) -> None:
    model = make("models", f"cache:(stumble:rate=0.5),file={file}")
    assert isinstance(model, Cached) and isinstance(model.model, StumblingModel)
    assert model.identity["parameters"] == {"rate": 0.5, "notice": 0.5}
    scripted = f"cache:(scripted:{script(file)}),file={file}"
    check_model(lambda: make("models", scripted), deterministic=False)  # a hit says that it is one

    class Bounded(Costly):
        max_batch = 9

        def bound(self, request: Request) -> tuple[int, float]:
            return 5, 0.5

    cached = Cached(Bounded(), file)
    assert (cached.max_batch, cached.bound(request())) == (9, (5, 0.5))
    assert Batcher(cached).bound(request()) == (5, 0.5)
    assert not hasattr(model, "bound") and not hasattr(model, "max_batch")


def script(near: Path) -> Path:
    path = near.parent / "script.json"
    path.write_text('{"default": "so"}')
    return path


def test_what_a_guard_cuts_is_another_request(file: Path) -> None:
    trimmed = f"cache:(guarded:(stumble),context=trim,window=3000),file={file}"
    parameters = {"rate": 0.25, "notice": 0.5, "trimmed_to": 1976}
    assert make("models", trimmed).identity["parameters"] == parameters
    plain = f"cache:(guarded:(stumble),window=3000),file={file}"
    assert make("models", plain).identity["parameters"] == {"rate": 0.25, "notice": 0.5}


def test_scripts_are_told_apart(file: Path) -> None:
    for text in ("a", "b", "a"):
        assert said(Cached(ScriptedModel(default=Completion(text)), file), request()) == [text]


def test_a_model_without_an_identity_cannot_be_cached(file: Path) -> None:
    class Nameless:
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            return []

    with pytest.raises(UsageError, match="Nameless has no `identity` .*: nothing tells its"):
        Cached(Nameless(), file)
    with pytest.raises(UsageError, match="ReplayModel has no `identity`"):
        make("models", f"cache:(replay),file={file}")
    with pytest.raises(UsageError, match="lacks file"):
        make("models", "cache:(stumble)")


# Files that are not ours, and damage


@pytest.mark.parametrize(
    "content", [b"hello, this is no database at all", b"SQLite format 3\x00" + b"\x00" * 200]
)
def test_a_file_that_is_no_database_is_left_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match="replies.sqlite is no response cache, or is damaged"):
        Cached(Costly(), file)
    assert file.read_bytes() == content and list(file.parent.iterdir()) == [file]


def test_another_programs_database_is_left_as_it_is(file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    before = file.read_bytes()
    with pytest.raises(UsageError, match="is another program's database: name another file"):
        Cached(Costly(), file)
    assert file.read_bytes() == before


def test_a_file_of_another_version(file: Path) -> None:
    ask(Cached(Costly(), file), request())
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(UsageError, match="is a response cache of version 9, not 1"):
        Cached(Costly(), file)


def test_damage_inside_is_an_error_when_it_is_met(file: Path) -> None:
    model = Cached(Costly(), file)
    for i in range(50):
        ask(model, request("x" * 500, i))
    model._store.close()
    content = bytearray(file.read_bytes())
    content[4096:] = random.Random(0).randbytes(len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(UsageError, match="replies.sqlite is no response cache, or is damaged"):
        ask(Cached(Costly(), file), request("x" * 500))
    assert file.read_bytes() == content


def test_a_row_that_cannot_be_read_is_named(file: Path) -> None:
    model = Cached(Costly(), file)
    ask(model, request())
    with sqlite3.connect(file) as db:
        db.execute('UPDATE replies SET reply = \'{"content": 1, "odd": 2}\'')
    db.close()
    with pytest.raises(UsageError, match=f"the reply {key(IDENTITY, request()).hex()} cannot be"):
        ask(model, request())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder .*none for the response cache r.sqlite"):
        Cached(Costly(), tmp_path / "none" / "r.sqlite")


def test_what_was_paid_is_given_even_if_it_cannot_be_kept(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ask(Cached(Costly(), file), request("first"))
    monkeypatch.setattr("toolgrove.core.database.BUSY", 0.01)
    model = Cached(Costly(), file)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert said(model, request("first"), request("second")) == ["reply 1.0", "reply 1.0"]
    assert model.unsaved == 1 and "1 replies were not kept" in caplog.text
    holder.execute("ROLLBACK")
    holder.close()
    assert said(model, request("second")) == ["reply 2.0"] and model.unsaved == 1


# Several processes

WRITER = """
import asyncio, sys
from pathlib import Path

sys.path.insert(0, {tests!r})
from tests_cache_costly import Slow, request
from toolgrove.models.cache import Cached

async def main():
    model = Cached(Slow(sys.argv[2]), Path(sys.argv[1]))
    print("ready", flush=True)
    for i in range(int(sys.argv[3]), int(sys.argv[4])):
        [reply] = await model.complete([request(i)])
        print(i, reply.content, flush=True)
    print(model.hits, model.made, model.unsaved, flush=True)

asyncio.run(main())
"""
COSTLY = """
from toolgrove.core import Completion, Message, Prompt, Request


class Slow:
    identity = {"provider": "p", "base_url": None, "model": "m", "parameters": {}}

    def __init__(self, name):
        self.name = name

    async def complete(self, requests):
        return [Completion(f"{self.name}:{r.prompt.added[0].content}") for r in requests]


def request(i):
    return Request(Prompt([Message("user", f"question {i}")]))
"""


def writer(file: Path, name: str, start: int, end: int) -> subprocess.Popen[str]:
    here = file.parent
    (here / "tests_cache_costly.py").write_text(COSTLY)
    code = WRITER.format(tests=str(here))
    words = [sys.executable, "-c", code, str(file), name, str(start), str(end)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def rows(file: Path) -> int:
    db = sqlite3.connect(file)
    [count] = db.execute("SELECT count(*) FROM replies").fetchone()
    [sound] = db.execute("PRAGMA integrity_check").fetchone()
    db.close()
    assert sound == "ok"
    return int(count)


def test_processes_that_write_at_once_lose_nothing_and_agree(file: Path) -> None:
    writers = [writer(file, name, 0, 200) for name in "abc"]
    said = [process.communicate(timeout=120)[0].splitlines() for process in writers]
    assert [process.returncode for process in writers] == [0, 0, 0]
    assert rows(file) == 200
    replies = [lines[1:-1] for lines in said]
    assert len(replies[0]) == 200 and replies[0] == replies[1] == replies[2]
    counts = [list(map(int, lines[-1].split())) for lines in said]
    assert all(hits + made == 200 and unsaved == 0 for hits, made, unsaved in counts)


def test_a_kill_half_way_leaves_all_that_was_said(file: Path) -> None:
    victim = writer(file, "a", 0, 1_000_000)
    assert victim.stdout is not None
    told = [victim.stdout.readline() for _ in range(60)]
    victim.send_signal(signal.SIGKILL)
    rest = victim.stdout.read().splitlines()  # communicate() would leave out what is read ahead
    victim.wait(60)
    victim.stdout.close()
    told = [line for line in [*told[1:], *rest] if line.count(" ") == 2]
    heir = writer(file, "b", 0, len(told))
    lines = heir.communicate(timeout=60)[0].splitlines()
    assert heir.returncode == 0
    assert lines[-1] == f"{len(told)} 0 0"
    assert lines[1:-1] == [line.rstrip("\n") for line in told]
    assert rows(file) >= len(told) >= 59
