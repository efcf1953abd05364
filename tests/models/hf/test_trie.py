"""The prefix trie against a plain dictionary of all prefixes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numpy")

from toolgrove.models.hf.trie import PrefixTrie


@dataclass(frozen=True)
class Text:
    """What was computed: here the tokens themselves."""

    tokens: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return len(self.tokens)

    def part(self, start: int, stop: int) -> Text:
        return Text(self.tokens[start:stop])


def found(trie: PrefixTrie[Text], tokens: list[int]) -> tuple[int, ...]:
    return tuple(token for run, n in trie.find(tokens) for token in run.tokens[:n])


def put(trie: PrefixTrie[Text], tokens: list[int]) -> None:
    trie.insert(tokens, Text(tuple(tokens)).part)


PROMPTS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=12)


@given(PROMPTS, st.lists(st.integers(0, 2), max_size=8))
def test_it_finds_the_longest_prefix_of_anything_inserted(
    prompts: list[list[int]], asked: list[int]
) -> None:
    trie: PrefixTrie[Text] = PrefixTrie(10_000)
    known: set[tuple[int, ...]] = {()}
    for prompt in prompts:
        put(trie, prompt)
        known |= {tuple(prompt[:n]) for n in range(len(prompt) + 1)}
    longest = max([p for n in range(len(asked) + 1) if (p := tuple(asked[:n])) in known], key=len)
    assert found(trie, asked) == longest
    assert trie.known(asked) == len(longest)
    # Each token of each distinct prefix is kept once.
    assert len(trie) == trie.nbytes == len(known) - 1


@given(PROMPTS, st.integers(0, 12))
def test_memory_is_bounded_and_what_is_found_is_right(
    prompts: list[list[int]], capacity: int
) -> None:
    trie: PrefixTrie[Text] = PrefixTrie(capacity)
    for prompt in prompts:
        put(trie, prompt)
        assert trie.nbytes <= capacity and trie.nbytes == len(trie)
        got = found(trie, prompt)
        assert got == tuple(prompt[: len(got)])


def test_the_longest_unused_leaf_goes_first() -> None:
    trie: PrefixTrie[Text] = PrefixTrie(6)
    put(trie, [1, 2, 3, 4])
    put(trie, [1, 2, 5, 6])
    assert found(trie, [1, 2, 3, 4]) == (1, 2, 3, 4)  # used again
    put(trie, [1, 2, 7, 8])
    assert found(trie, [1, 2, 5, 6]) == (1, 2)
    assert found(trie, [1, 2, 3, 4]) == (1, 2, 3, 4)
    assert trie.evicted == 2


def test_what_is_known_is_not_taken_again() -> None:
    trie: PrefixTrie[Text] = PrefixTrie(100)
    put(trie, [1, 2, 3])
    taken = []

    def take(start: int, stop: int) -> Text:
        taken.append((start, stop))
        return Text((1, 2, 3, 4, 5)[start:stop])

    trie.insert([1, 2, 3, 4, 5], take)
    trie.insert([1, 2, 3, 4, 5], take)
    trie.insert([1, 2, 3, 4], take)
    assert taken == [(3, 5)]


def test_without_capacity_nothing_is_kept() -> None:
    trie: PrefixTrie[Text] = PrefixTrie(0)
    put(trie, [1, 2, 3])
    assert trie.find([1, 2, 3]) == [] and len(trie) == 0
