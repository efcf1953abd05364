"""Figures: nothing is cut off or laid over something else, with one planner and with twenty."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from toolgrove.benchmarks.metrics import TreeMetrics, measure
from toolgrove.benchmarks.reports import OUTCOMES, Entry, Report
from toolgrove.benchmarks.scored import UNKNOWN, Item
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import Node, Tree

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from toolgrove.benchmarks.figures import APIS, figures, rendered, save

EMPTY = measure(Tree([Node("0")]), None)


def made(label: str, suites: list[str], rng: random.Random, apis: list[str]) -> Entry:
    items = []
    odds = [rng.random() ** 2 + 0.01 for _ in OUTCOMES]
    cost = rng.uniform(5, 300)
    for suite, i in itertools.product(suites, range(20)):
        key = Key(suite, f"t{i}", label, 0)
        [outcome] = rng.choices(OUTCOMES, odds)
        spent = {"calls": cost, "tokens": cost * 900, "usd": 0.0, "steps": 3, "seconds": 1.0}
        trial = None if outcome == "missing" else Trial(key, "", 0, "answered", "", spent, {})
        value = None if outcome in UNKNOWN else float(outcome == "passed")
        items.append(Item(key, "", outcome, value, trial, None))
    metrics: tuple[TreeMetrics, ...] = (EMPTY,) * 100
    calls = {api: rng.randrange(0, 300) for api in apis}
    return Entry("run", label, label, tuple(items), metrics, calls)


def report(planners: int, suites: int, *, long: bool = False) -> Report:
    rng = random.Random(planners)
    tail = ":width=3,max_steps=20,ranked=true,profile=toolbench,depth_backoff=2" if long else ""
    names = [f"hub:i{i}-inst{'_of_a_long_name' if long else ''}" for i in range(suites)]
    apis = [f"api_{i}_of_tool{'_with_a_long_name' if long else ''}" for i in range(40)]
    entries = [made(f"planner{k}{tail}", names, rng, apis) for k in range(planners)]
    return Report(tuple(entries), {name: name for name in names}, ("truth",))


def texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """What is written on the figure, and where."""
    found: list[tuple[str, Bbox]] = []
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_visible() and text.get_text().strip():
            found.append((text.get_text(), text.get_window_extent()))
    return found


FORMS = [(1, 1, False), (4, 6, False), (6, 2, True), (7, 7, False), (20, 6, True)]


@pytest.mark.parametrize(("planners", "suites", "long"), FORMS)
def test_labels_stand_inside_and_apart(planners: int, suites: int, long: bool) -> None:
    found = report(planners, suites, long=long)
    for name, figure in figures(found).items():
        whole = figure.get_tightbbox()
        written = [
            (text, box)
            for text, box in texts(figure)
            if not (text.isdigit() and name == "cost") and text not in ("0 %", "100 %")
        ]
        joined = "\n".join(text for text, _ in written)
        for entry in found.entries:
            assert entry.label in joined.replace("\n", ""), (name, entry.label)
        assert whole.width < 20 and whole.height < 20  # inches: it fits a page
        for (one, a), (other, b) in itertools.combinations(written, 2):
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            down = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across < 2 or down < 2, (name, one, other)


def test_what_is_shown_is_what_was_counted() -> None:
    found = report(2, 3)
    drawn = figures(found)
    bars = [bar for bar in drawn["pass_rate"].axes[0].patches if bar.get_width() > 0]  # type: ignore[attr-defined]
    heights = [bar.get_height() for bar in bars]  # type: ignore[attr-defined]
    rates = [rate.rate.value for entry in found.entries for rate in entry.rates.values()]
    assert heights == pytest.approx(rates)
    lengths = sum(bar.get_width() for bar in drawn["outcomes"].axes[0].patches)  # type: ignore[attr-defined]
    assert lengths == pytest.approx(2.0)  # two planners, each with all it had planned
    heat = drawn["api_calls"].axes[0].images[0].get_array()
    assert heat is not None and heat.shape == (APIS, 2)
    most = max(sum(e.calls[api] for e in found.entries) for api in found.entries[0].calls) / 100
    assert float(heat[0].sum()) == pytest.approx(most)


def test_files_are_the_same_every_time(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        save(figures(report(3, 2)), tmp_path / folder)
    files = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert files == [
        f"{name}.{kind}"
        for name in ("api_calls", "cost", "outcomes", "pass_rate")
        for kind in ("png", "svg")
    ]
    for name in files:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes()
        if name.endswith("svg"):
            assert b"<dc:date>" not in content and b"matplotlib.org" not in content
            ElementTree.fromstring(content)
        else:
            assert content.startswith(b"\x89PNG") and b"matplotlib" not in content.lower()


def test_the_users_settings_do_not_count() -> None:
    import matplotlib

    plain = rendered(figures(report(2, 2))["pass_rate"], "svg")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "x"}):
        assert rendered(figures(report(2, 2))["pass_rate"], "svg") == plain


@pytest.mark.parametrize(
    "name", ["$x^{", "<script>alert(1)</script>", "a\x00b\x1b[31m", "搜索_天气", "x--y", "𝒳" * 300]
)
def test_names_are_text_whatever_stands_in_them(name: str) -> None:
    one = made(name, ["s"], random.Random(1), [name, "b"])
    for figure in figures(Report((one,), {"s": name}, ("truth",))).values():
        content = rendered(figure, "svg")
        ElementTree.fromstring(content)
        assert b"<script" not in content
        assert rendered(figure, "png").startswith(b"\x89PNG")


def test_a_run_without_calls_or_costs_has_its_figures() -> None:
    key = Key("s", "t", "p", 0)
    nothing = Entry("run", "p", "p", (Item(key, "", "missing", None, None, None),))
    drawn = figures(Report((nothing,), {"s": "s"}, ("truth",)))
    assert sorted(drawn) == ["cost", "outcomes", "pass_rate"]
    for figure in drawn.values():
        assert rendered(figure, "png")


def test_a_suite_that_one_run_lacks_is_a_gap() -> None:
    rng = random.Random(3)
    both: list[Any] = [made("a", ["s", "t"], rng, ["x"]), made("b", ["t"], rng, ["y"])]
    for entries in (both, both + [made(f"c{i}", ["t"], rng, ["x"]) for i in range(8)]):
        for figure in figures(Report(tuple(entries), {"s": "s", "t": "t"}, ("j",))).values():
            assert rendered(figure, "png")
