"""Damaged stores: what is saved was there and verifies."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolgrove.core import API, UsageError
from toolgrove.envs.store.file import Response, Store
from toolgrove.envs.store.keys import Call
from toolgrove.envs.store.salvage import salvage
from toolgrove.envs.store.verify import verify


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "s.db"
    store, draw = Store(path), random.Random(1)
    with store.batch():
        for k in range(120):
            body = "".join(draw.choices("abc é", k=draw.choice([10, 300, 9000])))
            store.put(Call("t", "a", f'{{"k":{k}}}'), [Response(body), Response(f"{k}")])
    store.put_apis([API("a", tool="t", api="a")])
    store.close()
    return path


def contents(path: Path) -> set[tuple[str, str]]:
    store = Store(path, readonly=True)
    found = {(e.call.arguments, r.observation) for e in store.everything() for r in e.current}
    store.close()
    return found


def saved_of(path: Path, whole: Path) -> int:
    """How many answers were saved; each must have been there."""
    before, new = path.read_bytes(), path.with_name("new.db")
    try:
        said = salvage(path, new)
    except UsageError as error:
        assert "nothing of" in str(error) and not new.exists()
        return 0
    assert path.read_bytes() == before
    assert contents(new) <= contents(whole)
    assert verify(new).sound and said.calls > 0
    return len(contents(new))


def test_a_sound_store_is_saved_whole(whole: Path, tmp_path: Path) -> None:
    assert verify(whole).sound
    salvage(whole, tmp_path / "new.db")
    assert contents(tmp_path / "new.db") == contents(whole)
    with pytest.raises(UsageError, match="is there already"):
        salvage(whole, tmp_path / "new.db")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_pages_overwritten(
    tmp_path_factory: pytest.TempPathFactory, whole: Path, draw: random.Random, count: int
) -> None:
    data = bytearray(whole.read_bytes())
    for _ in range(count):
        at = draw.randrange(0, len(data))
        data[at : at + 500] = draw.randbytes(len(data[at : at + 500]))
    path = tmp_path_factory.mktemp("d") / "s.db"
    path.write_bytes(data)
    saved_of(path, whole)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated(whole: Path, tmp_path: Path, part: float) -> None:
    data = whole.read_bytes()
    (tmp_path / "s.db").write_bytes(data[: int(len(data) * part)])
    count = saved_of(tmp_path / "s.db", whole)
    assert not verify(tmp_path / "s.db").sound
    assert part < 0.9 or count > 100


def test_without_schema_and_indexes(whole: Path, tmp_path: Path) -> None:
    data = bytearray(whole.read_bytes())
    data[:4096] = bytes(4096)
    for at in range(4096, len(data), 4096):
        if data[at] in (0x02, 0x0A, 0x05):  # index pages, and the inner pages of tables
            data[at : at + 4096] = bytes(4096)
    (tmp_path / "s.db").write_bytes(data)
    assert saved_of(tmp_path / "s.db", whole) == len(contents(whole))


def test_a_torn_log(whole: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "w.db")
    for k in range(30):
        store.put(Call("t", "a", f'{{"k":{k}}}'), [Response(f"{k}")])
    log = (tmp_path / "w.db-wal").read_bytes()
    (tmp_path / "s.db").write_bytes((tmp_path / "w.db").read_bytes())
    (tmp_path / "s.db-wal").write_bytes(log[: len(log) * 2 // 3])
    store.close()
    salvage(tmp_path / "s.db", tmp_path / "new.db")
    saved = contents(tmp_path / "new.db")
    assert saved < contents(tmp_path / "w.db") and len(saved) > 10


def test_verify_names_what_is_wrong(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(whole.read_bytes())
    db = sqlite3.connect(path)
    db.execute("UPDATE bodies SET body = x'00' WHERE id = 1")
    db.execute("UPDATE calls SET tool = 'u' WHERE arguments = '{\"k\":3}'")
    db.execute("UPDATE responses SET provenance = 'wild' WHERE id = 9")
    db.execute("DELETE FROM bodies WHERE id = 4")
    db.commit()
    db.close()
    said = "\n".join(verify(path).findings)
    for text in ("body 1: its hash", "its key is not", "'wild' is no prov", "its body is not"):
        assert text in said
