# ruff: noqa: E402 - it skips before it imports what may be missing
"""Rankers: BM25 against the formula and against figures made elsewhere, fusion, exact search."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy", reason="retrieval needs numpy")
pytest.importorskip("bm25s", reason="BM25 needs bm25s")

from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import API, UsageError
from toolgrove.models.retrieval import about, over
from toolgrove.models.retrieval.bm25 import BM25, words
from toolgrove.models.retrieval.dense import Dense, sentences, spaced
from toolgrove.models.retrieval.hybrid import Hybrid, ReciprocalRanks
from toolgrove.models.retrieval.ranking import Ranked, Scores, Vectors, best
from toolgrove.models.retrieval.specs import ranker

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "C", "d9", "é!", ""]), max_size=8).map(" ".join), max_size=9
)


def by_formula(texts: Sequence[str], query: str) -> dict[int, float]:
    """BM25 as its docstring says, word by word."""
    split = [words(text) for text in texts]
    mean = sum(map(len, split)) / len(split) if split else 0
    scores: dict[int, float] = {}
    for word in set(words(query)):
        having = sum(word in text for text in split)
        rarity = math.log(1 + (len(split) - having + 0.5) / (having + 0.5))
        for i, text in enumerate(split):
            times = Counter(text)[word]
            if times:
                norm = 1.5 * (1 - 0.75 + 0.75 * len(text) / mean)
                scores[i] = scores.get(i, 0.0) + rarity * times / (times + norm)
    return scores


@given(TEXTS, st.sampled_from(["a", "A a b", "c, D9", "é", "", "zz a"]), st.integers(1, 12))
def test_bm25_is_its_formula(texts: list[str], query: str, k: int) -> None:
    wanted = by_formula(texts, query)
    [found] = BM25(texts).rank([query], k)
    assert len(found) == min(k, len(wanted))
    assert [hit.score for hit in found] == pytest.approx(sorted(wanted.values(), reverse=True)[:k])
    assert all(hit.score == pytest.approx(wanted[hit.place]) for hit in found)


def test_equal_scores_go_by_place() -> None:
    [found] = BM25(["x", "same", "same", "y", "same"]).rank(["same"], 2)
    assert [hit.place for hit in found] == [1, 2]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=30), st.integers(1, 40))
def test_best_is_a_stable_sort(scores: list[float], k: int) -> None:
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    assert [hit.place for hit in best(np.array(scores), k)] == order[:k]
    above = [i for i in order if scores[i] > 0]
    assert [hit.place for hit in best(np.array(scores), k, above=0.0)] == above[:k]


class Fixed:
    """A ranker with one ranking."""

    def __init__(self, *places: int) -> None:
        self.ranking = [Ranked(place, -float(i)) for i, place in enumerate(places)]
        self.identity: Mapping[str, Any] = {"retriever": "fixed"}

    def rank(self, queries: Sequence[str], k: int) -> list[list[Ranked]]:
        return [self.ranking[:k] for _ in queries]


def test_ranks_fused_by_hand() -> None:
    fused = ReciprocalRanks([Fixed(3, 1, 2), Fixed(1, 4)])
    [found] = fused.rank(["q"], 3)
    assert [hit.place for hit in found] == [1, 3, 4]
    wanted = [1 / 62 + 1 / 61, 1 / 61, 1 / 62]
    assert [hit.score for hit in found] == pytest.approx(wanted)
    [equal] = ReciprocalRanks([Fixed(5), Fixed(2)]).rank(["q"], 2)
    assert [hit.place for hit in equal] == [2, 5]


class OneRow:
    """A scorer with one row of scores."""

    def __init__(self, *scores: float) -> None:
        self.row = np.array(scores)
        self.identity: Mapping[str, Any] = {"retriever": "fixed"}

    def scores(self, queries: Sequence[str]) -> Iterator[Scores]:
        return iter([self.row for _ in queries])

    def rank(self, queries: Sequence[str], k: int) -> list[list[Ranked]]:
        return [best(scores, k) for scores in self.scores(queries)]


def test_scores_fused_by_hand() -> None:
    """Words are taken over the best of the query, and count a share."""
    fused = Hybrid(OneRow(0.0, 4.0, 8.0, 0.0), OneRow(0.5, 0.45, 0.2, 0.5), weight=0.2)
    [found] = fused.rank(["q"], 3)
    assert [hit.place for hit in found] == [1, 0, 3]
    assert [hit.score for hit in found] == pytest.approx([0.45 + 0.2 * 4 / 8, 0.5, 0.5])
    [found] = Hybrid(OneRow(0.0, 0.0), OneRow(-0.1, 0.3)).rank(["no word"], 2)
    assert found == [Ranked(1, 0.3), Ranked(0, -0.1)]


class Letters:
    """An encoder: how often each letter comes."""

    identity: Mapping[str, Any] = {"retriever": "letters"}

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        made: Vectors = rows / np.where(lengths > 0, lengths, 1)
        return made


def test_dense_search_is_exact() -> None:
    dense = Dense(["aab", "b", "cc", "ab"], Letters())
    first, second = dense.rank(["a", "c"], 2)
    assert [hit.place for hit in first] == [0, 3]
    assert first[0].score == pytest.approx(2 / math.sqrt(5))
    assert second[0].place == 2 and second[0].score == pytest.approx(1.0)
    assert len(dense.rank(["a"] * 600, 1)) == 600


def test_the_best_sentence_counts_half_of_the_whole() -> None:
    query = "a a of a? Also a b and c!"
    assert sentences(query) == ["a a of a?", "Also a b and c!"]
    assert sentences("Hello! I want all of a.") == [] == sentences("one, without an end")
    texts, encoder = ["a", "b", "c", "abc"], Letters()
    whole, first, second = encoder.encode([query, *sentences(query)]) @ encoder.encode(texts).T
    [scores] = Dense(texts, encoder).scores([query])
    assert scores == pytest.approx((whole + 0.5 * np.maximum(first, second)) / 1.5)
    [plain] = Dense(texts, encoder, share=0.0).scores([query])
    assert plain == pytest.approx(whole)
    assert Dense(texts, encoder).identity != Dense(texts, encoder, share=0.0).identity


def test_names_are_taken_apart() -> None:
    assert spaced("getNFTs_metadata of OMDb") == "get NFTs metadata of OMDb"


SKY = API("forecast_for_sky", "Rain and wind", category="Weather", tool="Sky", api="Forecast")
BALL = API("scores_for_ball", "Results of matches", category="Sports", tool="Ball", api="Scores")


def test_over_apis() -> None:
    found = over([BALL, SKY, SKY], "bm25:k1=1.2").search("will it rain?", 5)
    assert [hit.api for hit in found] == [SKY] and found[0].score > 0
    assert over([BALL, SKY]).search("opera") == []
    with pytest.raises(UsageError, match="no APIs"):
        over([])


def test_toolbenchs_sentence_is_no_word_of_an_api() -> None:
    from toolgrove.envs.toolbench import parse_api

    doc = {"category_name": "Weather", "tool_name": "Sky", "api_name": "Now"}
    told = {**doc, "api_description": 'The "wind" of today'}
    assert about(parse_api(told)) == 'Weather Sky Now The "wind" of today'
    assert about(parse_api(doc)) == "Weather Sky Now "
    assert about(SKY) == "Weather Sky Forecast Rain and wind"
    assert about(API("plain", "Says it")) == "  plain Says it"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("bm52", "no retriever 'bm52'; there are: bm25, dense, hybrid, rrf, openai"),
        ("bm25@2", "no retriever"),
        ("bm25:k2=1", "bm25 has no 'k2'; it takes: k1, b"),
        ("bm25:k1=much", "k1='much' of bm25 is no number"),
        ("bm25:folder", "bm25 takes k1= and b="),
        ("openai", "openai: say which model"),
        ("dense:minilm,sentences=-1", "sentences=-1 of dense must be 0 or more"),
        ("hybrid:(bm25)", "hybrid is BM25 and a retriever by vectors, not 'bm25'"),
        ("hybrid:/absent,k=60", "there is no folder /absent"),
        ("dense:/absent", "there is no folder /absent"),
    ],
)
def test_wrong_specs(spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ranker(spec, ["a text"])


def test_minilm_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLGROVE_MINILM", str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="TOOLGROVE_MINILM names .*absent, which is no folder"):
        ranker("dense", ["a text"])
