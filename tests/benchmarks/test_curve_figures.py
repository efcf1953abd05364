"""Figures of curves and sweeps: every planner can be read, with three and with twenty."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from toolgrove.benchmarks import curve_figures, sweep_figures
from toolgrove.benchmarks.courses import SMALL
from toolgrove.benchmarks.curves import Curves, Point
from toolgrove.benchmarks.figures import rendered
from toolgrove.benchmarks.statistics import wilson
from toolgrove.benchmarks.sweeps import Setting


def curves(planners: int, suites: int, *, tail: str = ":width=2", beyond: bool = False) -> Curves:
    rng = random.Random(planners)
    names = tuple(f"planner{i}{tail}" for i in range(planners))
    places = tuple(f"hub:i{i}-inst" for i in range(suites))
    points = []
    for name in names:
        most, slow = rng.uniform(0.3, 0.8), rng.uniform(2, 15)
        for suite, at in itertools.product([None, *places] if suites > 1 else places, SMALL):
            rate = most * (1 - math.exp(-at / slow))
            over = int(beyond and at > 50)
            ends = wilson(100 * rate, 100)
            points.append(Point(name, suite, "calls", at, 100, 100, 0, rate, *ends, 0, over))
    return Curves("calls", SMALL, names, places, tuple(points))


def texts(figure: Figure) -> list[Text]:
    return [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]


@pytest.mark.parametrize(("planners", "suites"), [(1, 1), (3, 2), (14, 2)])
def test_every_planner_is_named_and_no_name_lies_on_another(planners: int, suites: int) -> None:
    made = curves(planners, suites)
    figure = curve_figures.drawn(made)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    shown = " ".join(t.get_text() for t in texts(figure))
    for name in (*made.planners, *made.suites):
        assert name in shown
    ends = [t for t in texts(figure) if t.get_fontsize() == 7 and "planner" in t.get_text()]
    boxes = [t.get_window_extent(renderer) for t in ends]
    assert len(boxes) == (planners if planners > 6 else 0)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    titles = [axes.title for axes in figure.findobj(Axes)]
    boxes = [t.get_window_extent(renderer) for t in titles if t.get_text()]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_the_same_curves_give_the_same_file() -> None:
    made = curves(7, 1, beyond=True)
    first = rendered(curve_figures.drawn(made), "svg")
    assert first == rendered(curve_figures.drawn(made), "svg")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_labels_are_spread_as_little_as_needed(places: list[float]) -> None:
    wished = sorted(places, reverse=True)
    found = curve_figures.spread(wished, 0.05)
    assert all(a - b >= 0.05 - 1e-6 for a, b in itertools.pairwise(found))
    assert math.isclose(sum(found), sum(wished), abs_tol=1e-6)
    if all(a - b > 0.051 for a, b in itertools.pairwise(wished)):
        assert found == pytest.approx(wished)


@pytest.mark.parametrize("values", [["1", "2", "4"], ["0.1", "1", "100"], ["uct", "puct"]])
def test_a_sweep_shows_each_value(values: list[str]) -> None:
    settings = [
        Setting(value, f"mcts:c={value}", suite, 0.4, 0.3, 0.5, 9.0)
        for value in values
        for suite in (None, "a", "b")
    ]
    figure = sweep_figures.drawn([("mcts:c=1|2", settings), ("other", settings[:3])])
    shown = [t.get_text() for t in texts(figure)]
    for word in (*values, "all suites", "a", "b", "mcts:c=1|2", "other"):
        assert word in shown


def test_curves_of_one_budget_are_points_that_can_be_seen() -> None:
    made = curves(3, 1)
    one = [point for point in made.points if point.at == 5]
    figure = curve_figures.drawn(Curves("calls", (5,), made.planners, made.suites, tuple(one)))
    lines = [line for axes in figure.findobj(Axes) for line in axes.lines]
    assert sum(line.get_marker() == "o" for line in lines) == 3
