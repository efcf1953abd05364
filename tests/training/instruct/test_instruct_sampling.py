"""Samples: what stands in them, that a seed decides them, that nothing held out leaks."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import API, UsageError
from toolgrove.training.documents import Document
from toolgrove.training.instruct.held import Held, choose, tool_of
from toolgrove.training.instruct.sampling import MOST, Recipe, Sample, Sampler


def document(category: str, tool: str, api: str, **extra: object) -> Document:
    made = API(f"{api}_for_{tool}".lower(), f"About {api}.", {"type": "object", "properties": {}},
               category, tool, api)  # fmt: skip
    return Document(made, source="own", extra=extra)


def table(shape: list[tuple[int, int]]) -> list[Document]:
    """Categories, each with so many tools of so many APIs."""
    return [
        document(f"C{c}", f"T{t}", f"A{a}")  # tools of two categories share names on purpose
        for c, (tools, apis) in enumerate(shape)
        for t in range(tools)
        for a in range(apis)
    ]


SHAPES = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=8)


def drawn(
    documents: list[Document], level: str, n: int, recipe: Recipe, held: Held
) -> list[Sample]:
    sampler = Sampler(documents, recipe, held)
    return list(islice(sampler.draw(level), n))  # type: ignore[arg-type]


@given(SHAPES, st.integers(0, 5), st.sampled_from(["I1", "I2", "I3"]))
def test_nothing_held_out_stands_in_training_and_samples_have_their_levels_shape(
    shape: list[tuple[int, int]], seed: int, level: str
) -> None:
    documents = table(shape)
    held = choose(documents, seed)
    recipe = Recipe(seed)
    try:
        samples = drawn(documents, level, 25, recipe, held)
    except UsageError as error:
        assert level in str(error)
        return
    known = {id(d.api): d for d in documents}
    assert known
    for sample in samples:
        names = [api.name for api in sample.apis]
        assert len(set(names)) == len(names)
        sides = {held.side(tool_of(api)) for api in sample.apis}
        assert sides == {sample.side}
        tools = Counter(tool_of(api) for api in sample.apis)
        categories = {category for category, _ in tools}
        if level == "I1":
            [tool] = tools
            assert tools[tool] == sum(tool_of(d.api) == tool for d in documents)
        else:
            assert 2 <= len(tools) <= 5
            assert max(tools.values()) <= 3
            assert len(categories) == (1 if level == "I2" else len(tools))


@given(SHAPES, st.integers(0, 3))
def test_a_seed_decides_all(shape: list[tuple[int, int]], seed: int) -> None:
    documents = table(shape)
    held = choose(documents, seed)
    assert held == choose(list(reversed(documents)), seed)
    one = drawn(documents, "I1", 12, Recipe(seed), held)
    assert one == drawn(documents, "I1", 12, Recipe(seed), held)
    assert one[:5] == drawn(documents, "I1", 5, Recipe(seed), held)  # more calls change none


def test_each_tool_comes_before_any_comes_again() -> None:
    documents = table([(4, 2)] * 3)
    samples = drawn(documents, "I1", 24, Recipe(), Held())
    assert len({sample.tools for sample in samples[:12]}) == 12
    assert {s.tools for s in samples[:12]} == {s.tools for s in samples[12:]}


def test_all_three_sides_have_calls_early() -> None:
    documents = table([(4, 2)] * 4)
    samples = drawn(documents, "I1", 10, Recipe(), choose(documents, 0))
    assert Counter(s.side for s in samples) == {"train": 8, "tool": 1, "cat": 1}


def test_a_tool_of_very_many_apis_is_cut() -> None:
    [sample] = drawn(table([(1, MOST + 9)]), "I1", 1, Recipe(), Held())
    assert len(sample.apis) == MOST


def test_collections_make_i3_where_documents_have_them() -> None:
    documents = [
        document("C1", "Bus", "times", collection="Travel"),
        document("C2", "Hotel", "rooms", collection="Travel"),
        document("C3", "Song", "words", collections=["Fun"]),
        document("C4", "Film", "cast", collections=["Fun", "Culture"]),
        document("C5", "Tax", "rates"),
    ]
    samples = drawn(documents, "I3", 20, Recipe(), Held())
    told = {frozenset(tool for _, tool in sample.tools) for sample in samples}
    assert told == {frozenset({"Bus", "Hotel"}), frozenset({"Song", "Film"})}


def test_the_hubs_i3_follows_its_type_graph() -> None:
    pytest.importorskip("fastapi", reason="needs toolgrove[hub]")
    from toolgrove.benchmarks.hub.graph import feeds, is_hop
    from toolgrove.envs.hub.registry import by_function, endpoints

    documents = [Document(e.api, source="hub") for e in endpoints().values()]
    held = Held.of_hub([d.api for d in documents])
    assert held.tools and held.categories
    known = by_function()
    for sample in drawn(documents, "I3", 30, Recipe(), held):
        assert len({category for category, _ in sample.tools}) > 1
        assert all(held.side(tool) == "train" for tool in sample.tools)
        names = [api.name for api in sample.apis]
        joined = [
            (one, other)
            for one in names
            for other in names
            if known[one].tool.category != known[other].tool.category
            for gives in known[one].returns.values()
            for each in known[other].required
            if is_hop(gives) and feeds(gives.type, known[other].params[each].type)
        ]
        assert joined


def test_a_table_without_what_a_level_needs_is_said() -> None:
    with pytest.raises(UsageError, match="a category with two tools"):
        drawn([document("C", "T", "a")], "I2", 1, Recipe(), Held())
    with pytest.raises(UsageError, match="two categories"):
        drawn([document("C", "T", "a")], "I3", 1, Recipe(), Held())
