"""Retrievers: the APIs that fit an instruction, out of many.

``over`` makes one from APIs and a spec, ``open_retriever`` one from an index on disk. A ranker
(:mod:`.ranking`) works on texts: :mod:`.bm25` by words, :mod:`.dense` by vectors, :mod:`.hybrid`
by both; :mod:`.index` keeps texts and vectors in a folder. Libraries are imported where they are
used: this page needs none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...core import API, UsageError

if TYPE_CHECKING:
    from .ranking import Ranker

_WRAPPED = re.compile(
    r'This is the subfunction for tool ".*?", you can use this tool\.'
    r'(?:The description of this function is: "(.*)")?',
    re.S,
)


class Hit(NamedTuple):
    """An API that was found, and how well it fits: more is better, by the retriever's own scale."""

    api: API
    score: float


class Retriever(Protocol):
    """Finds APIs; the same query always finds the same ones, in the same order."""

    def search(self, query: str, k: int = 5) -> list[Hit]:
        """The k APIs that fit best, best first; fewer where fewer fit at all."""


class Pool:
    """APIs and a ranker over their texts.

    Args:
        apis: what is searched; equal scores go by their order.
        ranker: over one text an API, in the same order.
    """

    def __init__(self, apis: Sequence[API], ranker: Ranker) -> None:
        self.apis, self.ranker = apis, ranker

    def __len__(self) -> int:
        return len(self.apis)

    def __repr__(self) -> str:
        return self._name

    @cached_property
    def _name(self) -> str:
        """The same for two that find alike: a planner that holds one is told by its repr."""
        state = blake2b(digest_size=8)
        for api in self.apis:
            state.update(api.digest.encode())
        return f"Pool({len(self)} APIs {state.hexdigest()}, {dict(self.ranker.identity)})"

    def search(self, query: str, k: int = 5) -> list[Hit]:
        """The k APIs that fit best."""
        return self.search_all([query], k)[0]

    def search_all(self, queries: Sequence[str], k: int = 5) -> list[list[Hit]]:
        """The same for many queries at once, which costs a dense retriever much less."""
        ranked = self.ranker.rank(queries, k)
        return [[Hit(self.apis[place], score) for place, score in found] for found in ranked]


def over(apis: Sequence[API], retriever: str = "bm25") -> Pool:
    """A retriever over APIs.

    Args:
        apis: what is searched, each once: of two with one function name the first counts.
        retriever: its spec: ``bm25``, ``dense:FOLDER``, ``hybrid:FOLDER``, ``openai:MODEL`` ..;
            docs/retrieval.md has them all.

    Raises:
        UsageError: there are no APIs, the spec names no retriever, or its model cannot be had.
    """
    from .specs import ranker

    own = tuple({api.name: api for api in reversed(apis)}.values())[::-1]
    if not own:
        raise UsageError("there are no APIs to retrieve from")
    return Pool(own, ranker(retriever, [about(api) for api in own]))


def open_retriever(index: Path | str) -> Pool:
    """The retriever of an index on disk, as :func:`.index.write_index` made it.

    Raises:
        UsageError: the folder holds no index, or its documents or its model changed since.
    """
    from .index import open_index

    return open_index(Path(index))


def about(api: API) -> str:
    """The words of an API that are searched: category, tool, API and description.

    The sentence that ToolBench puts before each description is left out.
    """
    wrapped = _WRAPPED.fullmatch(api.description)
    text = (wrapped.group(1) or "") if wrapped else api.description
    return " ".join([api.category, api.tool, api.api or api.name, text])
