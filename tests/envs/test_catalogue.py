"""The catalogue: its counts, names, searches; BM25 against figures made elsewhere."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from toolgrove.core import UsageError
from toolgrove.envs.catalogue import BM25, Catalogue, about
from toolgrove.envs.toolbench import read_catalogue


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> Catalogue:
    return Catalogue.read(shared / "toolenv" / "catalogue.jsonl")


def test_it_has_toolbenchs_apis(catalogue: Catalogue) -> None:
    assert len(catalogue) == 16_345
    categories = catalogue.categories()
    assert len(categories) == 49 and sum(categories.values()) == 16_345
    tools = catalogue.tools()
    assert len(tools) == 3_450 and sum(map(len, tools.values())) == 16_345


def test_apis_are_those_of_the_documents(catalogue: Catalogue, shared: Path) -> None:
    assert list(catalogue.apis) == read_catalogue(shared / "toolenv" / "catalogue.jsonl")


def test_apis_are_made_when_they_are_asked_for(shared: Path) -> None:
    fresh = Catalogue.read(shared / "toolenv" / "catalogue.jsonl")
    assert len(fresh.search("weather forecast", 3)) == 3
    assert len(fresh._made) == 3


def test_by_function(catalogue: Catalogue) -> None:
    [api] = catalogue.by_function("live_aircraft_by_icao_for_fachaapi")
    assert (api.tool, api.api) == ("fachaapi", "live_aircraft_by_icao")
    assert catalogue.by_function("absent") == ()
    names = {api.name for api in catalogue.apis}
    assert len(names) == 16_181
    assert all(a.name == n for n in sorted(names)[:500] for a in catalogue.by_function(n))
    assert sum(len(catalogue.by_function(name)) for name in names) == 16_345


def test_search(catalogue: Catalogue) -> None:
    hits = catalogue.search("live aircraft position by ICAO hex code", 5)
    assert hits[0].api.name == "live_aircraft_by_icao_for_fachaapi"
    scores = [hit.score for hit in hits]
    assert len(hits) == 5 and scores == sorted(scores, reverse=True) and scores[-1] > 0
    assert hits == catalogue.search("live aircraft position by ICAO hex code", 5)
    assert catalogue.search("zzzqqq", 5) == [] == catalogue.search("", 5)


def write(path: Path, *names: tuple[str, str], text: str = "the same words") -> Path:
    rows = [{"tool_name": t, "api_name": a, "api_description": text} for t, a in names]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_equal_scores_go_by_name(tmp_path: Path) -> None:
    names = [("beta", "x"), ("alpha", "y"), ("alpha", "x"), ("alpha", "x")]
    found = Catalogue.read(write(tmp_path / "c.jsonl", *names)).search("words", 9)
    assert [(h.api.tool, h.api.api) for h in found] == sorted(names)
    assert len({hit.score for hit in found}) == 1


def test_bm25_by_hand() -> None:
    ranks = BM25(["a b", "a a c c", "b"], k1=1.5, b=0.75)
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    length = 1.5 * (0.25 + 0.75 * 4 / (7 / 3))
    assert ranks.scores("C, c!") == {1: pytest.approx(idf * 2 * 2.5 / (2 + length))}
    assert BM25([]).scores("a") == {} and BM25(["", "!"]).scores("a") == {}


def test_figures_made_elsewhere(shared: Path) -> None:
    """NDCG@1/3/5 of BM25 on ToolBench's test queries, as the data's README gives them."""
    folder = shared / "retrieval" / "toolbench"
    catalogue = Catalogue.read(folder)
    assert len(catalogue) == 2_733
    gold: dict[str, set[int]] = {}
    for line in (folder / "qrels.test.tsv").read_text("utf-8").splitlines():
        query, _, doc, _ = line.split("\t")
        gold.setdefault(query, set()).add(int(doc) - FIRST)
    ranks = BM25([about(doc) for doc in catalogue._docs])
    sums = {1: 0.0, 3: 0.0, 5: 0.0}
    queries = (folder / "test.query.txt").read_text("utf-8").strip("\n").split("\n")
    for line in queries:
        query, _, text = line.partition("\t")
        scores = ranks.scores(text)
        best = sorted(scores, key=lambda i: (-scores[i], str(i + FIRST)))[:5]
        for k in sums:
            gain = sum(1 / math.log2(r + 2) for r, i in enumerate(best[:k]) if i in gold[query])
            sums[k] += gain / sum(1 / math.log2(r + 2) for r in range(min(k, len(gold[query]))))
    assert len(queries) == 279
    assert {k: round(total / 279, 3) for k, total in sums.items()} == {1: 0.552, 3: 0.477, 5: 0.524}


FIRST = 1  # the first document's id


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("{\n", ":1 is no API document: Expecting"),
        ('{"tool_name": "a", "api_name": "b"}\n[1]\n', ":2 is no API document: it must be an obj"),
        ('{"tool_name": "a"}', ":1 is no API document"),
    ],
)
def test_a_broken_catalogue(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "c.jsonl").write_text(text)
    with pytest.raises(UsageError, match=says):
        Catalogue.read(tmp_path / "c.jsonl")


def test_a_missing_catalogue(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the catalogue .*absent.jsonl"):
        Catalogue.read(tmp_path / "absent.jsonl")
    with pytest.raises(UsageError, match=r"has no catalogue.jsonl and no corpus.tsv"):
        Catalogue.read(tmp_path)
    write(tmp_path / "catalogue.jsonl", ("a", "b"))
    assert len(Catalogue.read(tmp_path)) == 1
