"""A trie over token prefixes: what was computed for a prompt is there for its siblings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int64]


class Run(Protocol):
    """What is kept for a run of tokens."""

    @property
    def nbytes(self) -> int:
        """Its size in memory."""

    def part(self: R, start: int, stop: int) -> R:
        """A copy of what belongs to some of the tokens, which keeps no hold of the rest."""


R = TypeVar("R", bound=Run)


class Segment(Generic[R]):
    """A run of tokens below its parent's, and what was computed for it."""

    __slots__ = ("tokens", "run", "parent", "children")

    def __init__(self, tokens: Tokens, run: R, parent: Segment[R] | None) -> None:
        self.tokens, self.run, self.parent = tokens, run, parent
        self.children: dict[int, Segment[R]] = {}


class PrefixTrie(Generic[R]):
    """Runs of tokens by the prefix they stand after, in bounded memory.

    Values are copied in and out, so anything may be evicted at any time. What goes first is what
    was not used for longest; a run is used whenever one below it is, so that is always a leaf.

    Args:
        capacity: bytes kept at most; 0 keeps nothing.

    Attributes:
        nbytes: bytes kept now.
        evicted: tokens dropped so far.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.nbytes, self.evicted = capacity, 0, 0
        self._tops: dict[int, Segment[R]] = {}
        self._used: OrderedDict[Segment[R], None] = OrderedDict()  # the longest unused first

    def __len__(self) -> int:
        """Tokens kept."""
        return sum(len(segment.tokens) for segment in self._used)

    def find(self, tokens: Sequence[int] | Tokens) -> list[tuple[R, int]]:
        """The longest prefix that is kept, as runs with how many tokens of each belong to it."""
        path, _ = self._walk(np.asarray(tokens, dtype=np.int64))
        self._touch([segment for segment, _ in path])
        return [(segment.run, n) for segment, n in path]

    def known(self, tokens: Sequence[int] | Tokens) -> int:
        """How many tokens of a prefix are kept; does not count as use."""
        return self._walk(np.asarray(tokens, dtype=np.int64))[1]

    def insert(self, tokens: Sequence[int] | Tokens, take: Callable[[int, int], R]) -> None:
        """Keep what was computed for these tokens.

        Args:
            tokens: all of them, from the first token of the prompt on.
            take: gives a copy of what belongs to tokens ``start`` to ``stop``; only called for
                those that are not kept yet.
        """
        all_tokens = np.asarray(tokens, dtype=np.int64)
        if self.capacity <= 0 or not len(all_tokens):
            return
        path, at = self._walk(all_tokens)
        segments = [segment for segment, _ in path]
        if segments and path[-1][1] < len(segments[-1].tokens) and at < len(all_tokens):
            segments[-1] = self._split(segments[-1], path[-1][1])
        if at < len(all_tokens):
            parent = segments[-1] if segments else None
            leaf = Segment(all_tokens[at:].copy(), take(at, len(all_tokens)), parent)
            self._below(parent)[int(all_tokens[at])] = leaf
            self.nbytes += leaf.run.nbytes
            segments.append(leaf)
        self._touch(segments)
        while self.nbytes > self.capacity:
            self._evict()

    def _below(self, parent: Segment[R] | None) -> dict[int, Segment[R]]:
        return self._tops if parent is None else parent.children

    def _walk(self, tokens: Tokens) -> tuple[list[tuple[Segment[R], int]], int]:
        """The segments on the way and how far each matches, and the length of the whole match."""
        path: list[tuple[Segment[R], int]] = []
        below, at = self._tops, 0
        while at < len(tokens) and (segment := below.get(int(tokens[at]))) is not None:
            n = common(segment.tokens, tokens[at:])
            path.append((segment, n))
            at += n
            if n < len(segment.tokens):
                break
            below = segment.children
        return path, at

    def _split(self, segment: Segment[R], n: int) -> Segment[R]:
        """Cut a segment in two; the upper part takes its place."""
        upper = Segment(segment.tokens[:n].copy(), segment.run.part(0, n), segment.parent)
        rest = segment.run.part(n, len(segment.tokens))
        self.nbytes += upper.run.nbytes + rest.nbytes - segment.run.nbytes
        self._below(segment.parent)[int(upper.tokens[0])] = upper
        segment.tokens, segment.run, segment.parent = segment.tokens[n:].copy(), rest, upper
        upper.children[int(segment.tokens[0])] = segment
        return upper

    def _touch(self, path: Sequence[Segment[R]]) -> None:
        for segment in reversed(path):  # a parent after its child: the first is always a leaf
            self._used[segment] = None
            self._used.move_to_end(segment)

    def _evict(self) -> None:
        leaf, _ = self._used.popitem(last=False)
        del self._below(leaf.parent)[int(leaf.tokens[0])]
        self.nbytes -= leaf.run.nbytes
        self.evicted += len(leaf.tokens)


def common(a: Tokens, b: Tokens) -> int:
    """The length of the common prefix."""
    n = min(len(a), len(b))
    differ = a[:n] != b[:n]
    return int(differ.argmax()) if differ.any() else n
