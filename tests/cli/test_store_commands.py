"""``toolgrove store``, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from toolgrove.cli.app import app
from toolgrove.core import UsageError
from toolgrove.envs.store.file import Response, Store
from toolgrove.envs.store.keys import Call


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["store", *map(str, arguments)])
    if isinstance(done.exception, UsageError):  # main() makes a line and exit code 2 of it
        return 2, str(done.exception)
    return done.exit_code, done.output


@pytest.fixture
def store(tmp_path: Path) -> Path:
    made = Store(tmp_path / "s.db")
    made.put(Call("t", "a", '{"x":1}'), [Response("one", made="2026-01-01T00:00:00Z")])
    made.close()
    return tmp_path / "s.db"


def test_out_and_in_again(store: Path, tmp_path: Path) -> None:
    assert run("export", store, "--out", tmp_path / "e.jsonl.gz")[0] == 0
    code, said = run("import", tmp_path / "e.jsonl.gz", "--out", tmp_path / "n.db", "--json")
    assert (code, json.loads(said)["new"]) == (0, 1)
    assert (
        "0 new calls, 0 changed, 1 as they were"
        in run("import", store, "--out", tmp_path / "n.db")[1]
    )
    assert run("verify", tmp_path / "n.db") == (0, "1 calls; answers: 1 live\n")


def test_a_damaged_store_is_saved(store: Path, tmp_path: Path) -> None:
    data = store.read_bytes()
    store.write_bytes(bytes(100) + data[100:])
    code, said = run("verify", store, "--salvage", tmp_path / "new.db")
    assert code == 1 and "saved to" in said and "1 calls, 1 answers" in said
    store.write_bytes(bytes(len(data)))
    code, said = run("verify", store, "--salvage", tmp_path / "none.db")
    assert code == 2 and "nothing of" in said and not (tmp_path / "none.db").exists()


def test_misses_are_listed_recorded_and_forgotten(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"function": "nosuch", "arguments": {}}\n')
    code, said = run("record", tmp_path / "s.db", "--env", "hub", "--calls", tmp_path / "c.jsonl")
    assert code == 3 and "nosuch" in said
    made = Store(tmp_path / "s.db")
    from toolgrove.envs.hub.registry import endpoints

    endpoint = next(iter(endpoints().values()))
    from toolgrove.envs.store.keys import call_of

    made.missed(call_of(endpoint.api, endpoint.example))
    made.missed(Call("t", "unknown", "{}"))
    made.close()
    assert run("misses", tmp_path / "s.db")[1].count("1x ") == 2
    code, said = run("record", tmp_path / "s.db", "--env", "hub", "--misses")
    assert code == 3 and "1 calls made, 1 kept, 1 not recorded" in said
    assert run("misses", tmp_path / "s.db", "--clear")[1].count("1x ") == 1
    assert run("misses", tmp_path / "s.db") == (0, "")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("export", "none.db", "--out", "e.jsonl"), "no store of calls none.db"),
        (("import", "none.jsonl", "--out", "s.db"), "cannot read none.jsonl"),
        (("verify", "none.db"), "no store of calls none.db"),
        (("misses", "none.db"), "no store of calls none.db"),
        (("record", "s.db", "--env", "hub"), "say which calls to record"),
    ],
)
def test_bad_inputs(
    arguments: tuple[str, ...], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run(*arguments)
    assert code == 2 and text in said
