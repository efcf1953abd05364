"""An index on disk: a folder with documents, their vectors, and what they were made with.

``documents.jsonl`` has one API and its text a line, ``vectors.npy`` a row for each (of dense
retrievers), ``index.json`` the spec, the model's identity and hashes. The folder appears whole or
not at all. Search is exact; the vectors are mapped into memory.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core import API, UsageError
from . import Pool, about
from .dense import Dense
from .hybrid import Hybrid, ReciprocalRanks
from .ranking import Ranker, Vectors
from .specs import ranker

VERSION: Final = 1
NAME: Final = "index.json"


def write_index(
    folder: Path, apis: Sequence[API], retriever: str, texts: Sequence[str] | None = None
) -> Pool:
    """Make an index; the retriever over it.

    Args:
        folder: made anew; it takes the place of an index that is there, and of nothing else.
        apis: what is searched.
        retriever: its spec.
        texts: one an API, in place of :func:`.about`.

    Raises:
        UsageError: the folder holds something else, cannot be written, or the spec is wrong.
    """
    if folder.exists() and not (folder / NAME).is_file() and (
        not folder.is_dir() or any(folder.iterdir())
    ):  # fmt: skip
        raise UsageError(f"{folder} is there and is no index: name another folder")
    if not apis:
        raise UsageError("there are no APIs to make an index of")
    told = list(texts) if texts is not None else [about(api) for api in apis]
    made = ranker(retriever, told)
    vectors = _vectors(made)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        lines = [
            json.dumps({"api": api.to_json(), "text": text}, ensure_ascii=True) + "\n"
            for api, text in zip(apis, told, strict=True)
        ]
        (draft / "documents.jsonl").write_text("".join(lines), "utf-8")
        head: dict[str, Any] = {
            "version": VERSION,
            "retriever": retriever,
            "identity": _plain(made.identity),
            "documents": len(lines),
            "documents_hash": _hash(line.encode() for line in lines),
        }
        if vectors is not None:
            np.save(draft / "vectors.npy", vectors)
            head["dimensions"] = int(vectors.shape[1])
            head["vectors_hash"] = _hash([(draft / "vectors.npy").read_bytes()])
        (draft / NAME).write_text(json.dumps(head, indent=1) + "\n", "utf-8")
        before = draft.with_name(draft.name + ".before")
        if folder.exists():
            os.replace(folder, before)  # its vectors may have been paid for: it goes last
        os.replace(draft, folder)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Pool(tuple(apis), made)


def open_index(folder: Path) -> Pool:
    """The retriever of an index.

    Raises:
        UsageError: there is none, or its documents, its vectors or its model changed since.
    """
    again = "; make it anew with `toolgrove retrieve --index CATALOGUE --save FOLDER`"
    if not (folder / NAME).is_file():
        raise UsageError(f"{folder} is no index: it has no {NAME}{again}")
    try:
        head = json.loads((folder / NAME).read_text("utf-8"))
        if head["version"] != VERSION:
            raise UsageError(f"the index {folder} is of version {head['version']}{again}")
        spec, identity = str(head["retriever"]), head["identity"]
        lines = (folder / "documents.jsonl").read_bytes().splitlines(keepends=True)
        if len(lines) != head["documents"] or _hash(lines) != head["documents_hash"]:
            raise UsageError(
                f"the documents of the index {folder} changed since it was made{again}"
            )
        rows = [json.loads(line) for line in lines]
        apis = tuple([API.from_json(row["api"]) for row in rows])
        texts = [str(row["text"]) for row in rows]
        vectors: Vectors | None = None
        if "vectors_hash" in head:
            path = folder / "vectors.npy"
            if _hash([path.read_bytes()]) != head["vectors_hash"]:
                raise UsageError(f"the vectors of the index {folder} changed{again}")
            vectors = np.load(path, mmap_mode="r")
            if vectors.shape != (len(rows), head["dimensions"]):
                raise UsageError(f"the index {folder} has not a vector for each document{again}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"the index {folder} cannot be read ({type(error).__name__}: {error}){again}"
        ) from error
    made = ranker(spec, texts, vectors)
    if _plain(made.identity) != identity:
        raise UsageError(
            f"the model of {spec!r} is not the one of the index {folder}, or it was made before "
            f"toolgrove scored by sentences{again}"
        )
    return Pool(apis, made)


def _vectors(made: Ranker) -> Vectors | None:
    if isinstance(made, Hybrid | ReciprocalRanks):
        return next((v for part in made.rankers if (v := _vectors(part)) is not None), None)
    return made.vectors if isinstance(made, Dense) else None


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _hash(pieces: Iterable[bytes]) -> str:
    state = blake2b(digest_size=16)
    for piece in pieces:
        state.update(piece)
    return state.hexdigest()
