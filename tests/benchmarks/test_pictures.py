"""Trees as pictures and in other languages."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.pictures import dot, mermaid, picture
from toolgrove.core import Action, Node, Step, StepInfo, Tree, UsageError
from toolgrove.core.shapes import COLOURS, corners, kind_of, places
from toolgrove.core.svg import svg

HOSTILE = '<script>alert(1)</script>"]}-->\x00\x1b[31m\u202e\ud800$x$ & \\ '


def grown(parents: list[int], api: str = "search") -> Tree:
    """A tree: the parent of each node after the root, by index."""
    nodes = [Node("0")]
    for at in parents:
        parent = nodes[at % len(nodes)]
        node = Node(f"{parent.id}.{len(parent.children)}", parent, Action(api, '{"q": 1}'))
        node.step = Step("found", info=StepInfo("ok"))
        parent.children.append(node)
        nodes.append(node)
    if parents:
        nodes[-1].step = Step("", 0.0, True, False, StepInfo("answered"))
    return Tree([nodes[0]], nodes[-1].id)


shapes = st.lists(st.integers(0, 40), max_size=40)


@given(shapes)
def test_no_two_nodes_stand_in_one_place(parents: list[int]) -> None:
    tree = grown(parents)
    found = places(tree)
    assert [place.node for place in found] == list(tree.walk())
    assert len({(place.level, place.row) for place in found}) == len(found)
    at = {place.node.id: place for place in found}
    for place in found:
        if below := place.node.children:
            first, last = at[below[0].id], at[below[-1].id]
            assert place.row == (first.row + last.row) / 2
            assert {at[child.id].level for child in below} == {place.level + 1}
    leaves = [place.row for place in found if not place.node.children]
    assert leaves == [float(row) for row in range(len(leaves))]


def test_a_chain_of_thousands_is_no_problem() -> None:
    tree = grown(list(range(5000)))
    assert max(place.level for place in places(tree)) == 5000
    assert "3001 more nodes" in svg(tree)


def test_each_kind_has_a_shape_of_its_own() -> None:
    outlines = {tuple(corners(kind)) for kind in COLOURS if kind not in ("root",)}
    assert len(outlines) == len(COLOURS) - 1


@given(shapes)
def test_the_picture_is_xml_and_has_every_node(parents: list[int]) -> None:
    tree = grown(parents)
    root = ElementTree.fromstring(svg(tree, legend=False))
    assert len(root.findall("{*}g")) == len(list(tree.walk()))
    assert len(root.findall("{*}path")) == len(parents)


def test_hostile_names_are_text() -> None:
    tree = grown([0, 0], HOSTILE)
    for node in tree.walk():
        node.thought = HOSTILE
    root = ElementTree.fromstring(svg(tree))
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {
        "svg", "rect", "path", "text", "g", "title", "polygon",
    }  # fmt: skip
    assert "<script>" not in tree._repr_html_()
    assert "\x00" not in svg(tree) and "\u202e" not in svg(tree)
    for line in mermaid(tree).splitlines():
        assert re.fullmatch(r'[\w \[\]"#;:.,()|>-]+', line), line
    assert dot(tree).count("\n") == 3 + 5 + 1
    picture(tree, "png")


def test_pictures_for_papers() -> None:
    pytest.importorskip("matplotlib")
    tree = grown([0, 0, 1, 1, 2])
    assert picture(tree, "png").startswith(b"\x89PNG")
    assert picture(tree, "pdf").startswith(b"%PDF")
    with pytest.raises(UsageError, match="do not fit on a page"):
        picture(grown([0] * 2000), "png")


def test_networkx_has_what_the_tree_has() -> None:
    networkx = pytest.importorskip("networkx")
    tree = grown([0, 1, 1, 0])
    graph: Any = tree.to_networkx()
    assert networkx.is_arborescence(graph)
    assert graph.graph["winner"] == tree.winner
    assert list(graph.nodes) == [node.id for node in tree.walk()]
    for node in tree.walk():
        told = graph.nodes[node.id]
        assert told["kind"] == kind_of(node) and told["depth"] == node.depth
        if node.action is not None:
            assert told["api"] == "search" and told["status"] in ("ok", "answered")
    assert graph.edges["0", "0.0"]["api"] == "search"
    assert [id for id, won in graph.nodes(data="winning") if won] == ["0", "0.1"]
