"""An index on disk, with vectors of a real loopback endpoint: the same answers, changes found."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("bm25s", reason="BM25 needs bm25s")
pytest.importorskip("openai", reason="embeddings need openai")

from embedding_server import EmbeddingServer

from toolgrove.core import API, UsageError
from toolgrove.models.retrieval import open_retriever, over
from toolgrove.models.retrieval.index import write_index

WORDS = ("abba", "bead", "cafe", "dad", "egg", "fad", "gaga", "hedge")
APIS = [API(f"{word}_for_tool", f"It is {word}", tool="Tool", api=word) for word in WORDS]


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


@pytest.mark.parametrize("kind", ["bm25", "dense", "hybrid", "rrf"])
def test_what_was_written_is_opened(kind: str, server: EmbeddingServer, tmp_path: Path) -> None:
    spec = {"bm25": "bm25", "dense": server.spec, "hybrid": f"hybrid:({server.spec})",
            "rrf": f"rrf:({server.spec})"}[kind]  # fmt: skip
    made = write_index(tmp_path / "index", APIS, spec)
    asked = len(server.bodies)
    opened = open_retriever(tmp_path / "index")
    assert len(server.bodies) == asked  # the vectors were kept
    for query in ("egg", "a cafe with a bead", "hedge"):
        assert opened.search(query, 3) == made.search(query, 3) == over(APIS, spec).search(query, 3)
    assert opened.search("egg", 1)[0].api == APIS[4]
    head = json.loads((tmp_path / "index" / "index.json").read_text())
    assert head["documents"] == 8 and head.get("dimensions") == (None if kind == "bm25" else 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index"]


def test_batches_and_order(server: EmbeddingServer) -> None:
    found = over(APIS, server.spec + ",batch=3").search("hedge", 8)
    assert sorted(len(body["input"]) for body in server.bodies) == [1, 2, 3, 3]
    assert found[0].api == APIS[7] and len(found) == 8


def test_inside_a_running_loop(server: EmbeddingServer) -> None:
    async def search() -> str:
        return over(APIS, server.spec).search("gaga", 1)[0].api.api

    assert asyncio.run(search()) == "gaga"


def test_what_passes_is_asked_again() -> None:
    with EmbeddingServer(lambda k: ("429", "503", "")[min(k, 2)]) as server:
        # The pauses between attempts are real: a 503 says to wait no time here.
        assert over(APIS, server.spec).search("dad", 1)[0].api == APIS[3]
        assert len(server.bodies) == 4


@pytest.mark.parametrize(
    ("fault", "says"),
    [("401", "HTTP 401: Not now"), ("few", "7 vectors for 8 texts"), ("nonsense", "no embeddings")],
)
def test_what_does_not_pass_is_said(fault: str, says: str) -> None:
    with (
        EmbeddingServer(lambda k: fault) as server,
        pytest.raises(UsageError, match=says),
    ):
        over(APIS, server.spec + ",attempts=1")


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def done(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return done


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (edit("documents.jsonl", lambda b: b.replace(b"It is egg", b"It is ham")), "documents of"),
        (edit("documents.jsonl", lambda b: b[:-30]), "documents of the index"),
        (edit("vectors.npy", lambda b: b[:-4] + b"\1\2\3\4"), "vectors of the index"),
        (edit("index.json", lambda b: b.replace(b'"letters"', b'"numbers"')), "model of"),
        (edit("index.json", lambda b: b[:40]), "cannot be read"),
        (edit("index.json", lambda b: b.replace(b'"version": 1', b'"version": 9')), "version 9"),
    ],
)
def test_a_changed_index(
    spoil: Callable[[Path], None], says: str, server: EmbeddingServer, tmp_path: Path
) -> None:
    write_index(tmp_path / "index", APIS, server.spec)
    spoil(tmp_path / "index")
    with pytest.raises(UsageError, match=says):
        open_retriever(tmp_path / "index")


def test_only_an_index_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match="is no index: name another folder"):
        write_index(tmp_path / "mine", APIS, "bm25")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
    write_index(tmp_path / "index", APIS, "bm25")
    assert len(write_index(tmp_path / "index", APIS[:3], "bm25")) == 3
    assert len(open_retriever(tmp_path / "index")) == 3
    with pytest.raises(UsageError, match="is no index: it has no index.json"):
        open_retriever(tmp_path / "mine")
