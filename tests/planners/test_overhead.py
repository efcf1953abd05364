"""What the framework does for a node does not grow with the tree: counted, not timed."""

from __future__ import annotations

import pytest

from toolgrove.benchmarks.overhead import PLANNERS, SIZES, calls_per_node, search
from toolgrove.core import make
from toolgrove.core.registry import names


@pytest.mark.parametrize("name", PLANNERS)
def test_calls_per_node_do_not_grow_with_the_tree(name: str) -> None:
    planner = make("planners", PLANNERS[name])
    search(planner, 20)  # what is imported and cached at first use is not counted
    small, large = (calls_per_node(planner, nodes) for nodes in SIZES)
    assert SIZES == (200, 2000)
    assert large <= 1.15 * small


@pytest.mark.parametrize("name", PLANNERS)
def test_the_searches_that_are_measured_are_of_that_size(name: str) -> None:
    result = search(make("planners", PLANNERS[name]), 200)
    assert result.limit == "nodes"
    assert sum(1 for _ in result.tree.walk()) == len(result.tree.roots) + 200


def test_no_planner_is_left_out() -> None:
    measured = {spec.partition(":")[0].partition("@")[0] for spec in PLANNERS.values()}
    assert measured | {"anytool"} == set(names("planners"))  # it costs what it wraps
