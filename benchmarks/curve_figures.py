"""The figure of anytime curves: pass rate against budget, with 95 % bands. Needs ``report``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from .curves import Curves, Point
from .figures import COLOURS, GROUPED, blank, named, per_cent, styled
from .labels import labels

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)))
# Yellow and black are hard to see as thin lines beside others: they come last.
LINES = (*COLOURS[:6], "#7F3C8D", "#000000")
BEYOND = ":"  # where trials had used up a budget of their own
WIDE = 4  # panels side by side
GREY = "#d0d0d0"


def drawn(curves: Curves) -> Figure:
    """A panel for all suites together, and one for each suite.

    Up to ``GROUPED`` planners share panels, each with its band. With more the bands would hide
    each other: the lines share panels, and every planner has a panel of its own with its band,
    the others grey behind it.
    """
    with styled():
        many = len(curves.planners) > GROUPED
        found = _many(curves) if many else _few(curves)
        found.canvas.draw()  # laid out once: each time again moves it by a hair
        found.set_layout_engine("none")
    return found


def _places(curves: Curves) -> list[str | None]:
    return [None, *(curves.suites if len(curves.suites) > 1 else ())]


def _few(curves: Curves) -> Figure:
    places = _places(curves)
    columns = min(WIDE, len(places))
    rows = -(-len(places) // columns)
    names = _names(curves)
    figure = blank(
        1.0 + 2.6 * columns if columns > 1 else 5.2, 0.4 + 2.5 * rows + 0.18 * len(names)
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, place in zip(grid.flat, places, strict=False):
        for k, planner in enumerate(curves.planners):
            points = curves.of(planner, place)
            _band(axes, points, LINES[k % len(LINES)], alpha=0.15)
            _line(axes, points, k, label=names[planner])
        _dress(axes, curves, place)
    handles, said = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, said, loc="outside upper left", ncols=2 if columns > 1 else 1)
    _finish(figure, list(grid.flat), len(places), curves)
    return figure


def _many(curves: Curves) -> Figure:
    places, names = _places(curves), _names(curves)
    rows = [-(-(len(places) - 1) // WIDE), -(-len(names) // WIDE)]
    tall = max(3.4, 0.235 * len(names) * _most_lines(names) + 0.6)
    titles = {planner: named(name, 24) for planner, name in names.items()}
    each = 1.6 + 0.15 * _most_lines(titles)
    figure = blank(8.6, tall + each * sum(rows))
    parts: Any = figure.subfigures(2, 1, height_ratios=[tall, each * sum(rows)])
    upper, lower = parts
    main = upper.add_subplot()
    for k, planner in enumerate(curves.planners):
        _line(main, curves.of(planner), k)
    _dress(main, curves, None)
    _end_labels(main, curves, names)
    main.set_xlabel(_axis(curves))
    main.set_ylabel("pass rate")
    grid = lower.subplots(sum(rows), WIDE, sharex=True, sharey=True, squeeze=False)
    panels, own = grid[: rows[0]].flat, grid[rows[0] :].flat
    for axes, place in zip(panels, places[1:], strict=False):
        for k, planner in enumerate(curves.planners):
            _line(axes, curves.of(planner, place), k, width=0.9)
        _dress(axes, curves, place)
    for k, (axes, planner) in enumerate(zip(own, curves.planners, strict=False)):
        for other in curves.planners:
            if other != planner:
                points = curves.of(other)
                axes.plot([p.at for p in points], [p.rate for p in points], color=GREY, lw=0.6)
        _band(axes, curves.of(planner), LINES[k % len(LINES)], alpha=0.25)
        _line(axes, curves.of(planner), k)
        _dress(axes, curves, None, title=titles[planner])
    for axes in grid.flat:
        axes.set_visible(bool(axes.lines))
        axes.tick_params(labelsize=7, labelbottom=True)
        axes.title.set_fontsize(8)
    lower.supxlabel(_axis(curves), fontsize=8)
    lower.supylabel("pass rate, 95 % interval", fontsize=8)
    return figure


def _names(curves: Curves) -> dict[str, str]:
    short = labels(curves.planners)
    return {planner: named(short[planner], 40) for planner in curves.planners}


def _most_lines(names: dict[str, str]) -> int:
    return max(name.count("\n") + 1 for name in names.values())


def _line(
    axes: Axes, points: Sequence[Point], k: int, *, width: float = 1.5, label: str = ""
) -> None:
    """A planner's line; dotted where it stands for trials that their own budget had ended."""
    colour, dash = LINES[k % len(LINES)], DASHES[k // len(LINES) % len(DASHES)]
    solid = [p for p in points if not p.beyond]
    rest = points[max(0, len(solid) - 1) :]
    for part, style in ((solid, dash), (rest if len(rest) > 1 or not solid else [], BEYOND)):
        if part:
            x, y = [p.at for p in part], [p.rate for p in part]
            axes.plot(
                x, y, color=colour, linestyle=style, linewidth=width,
                label=label if style != BEYOND or not solid else None,
                marker="o" if len(points) == 1 else None,
            )  # fmt: skip


def _band(axes: Axes, points: Sequence[Point], colour: str, *, alpha: float) -> None:
    low, high = [p.low for p in points], [p.high for p in points]
    if len(points) == 1:  # an area has no width there
        axes.vlines(points[0].at, low, high, color=colour, alpha=min(1.0, 3 * alpha))
    axes.fill_between([p.at for p in points], low, high, color=colour, alpha=alpha, linewidth=0)


def _dress(axes: Axes, curves: Curves, place: str | None, *, title: str = "") -> None:
    """Axes, grid and title of a panel."""
    least, most = curves.budgets[0], curves.budgets[-1]
    if most > 8 * least:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(_ticks(least, most)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.locator_params(axis="x", nbins=4, integer=curves.over != "usd")
    axes.xaxis.set_major_formatter(lambda x, _: _short(x))
    axes.set_xlim(*((least, most) if most > least else (0.9 * least, 1.1 * least)))
    per_cent(axes, "y")
    top = max(point.high for point in curves.points)
    axes.set_ylim(0, min(1.0, 1.06 * top))
    axes.grid(axis="x", color="#eeeeee", linewidth=0.7)
    one = curves.suites[0] if len(curves.suites) == 1 else "all suites"
    axes.set_title(title or named(place or one, 30))


def _ticks(least: float, most: float) -> list[float]:
    """1, 2, 5 of each decade; only 1 where there are many decades."""
    steps = (1, 2, 5) if most < 200 * least else (1,) if most > 5000 * least else (1, 3)
    powers = range(-9, 12)
    return [s * 10.0**p for p in powers for s in steps if least <= s * 10.0**p <= most]


def _short(x: float) -> str:
    return f"{x / 1000:g}k" if x >= 1000 else f"{x:g}"


def _axis(curves: Curves) -> str:
    return f"{'dollars' if curves.over == 'usd' else curves.over} a trial, at most"


def _finish(figure: Figure, panels: Sequence[Axes], used: int, curves: Curves) -> None:
    for i, axes in enumerate(panels):
        axes.set_visible(i < used)
        axes.tick_params(axis="x", labelbottom=True)
    figure.supxlabel(_axis(curves), fontsize=9)
    figure.supylabel("pass rate, 95 % interval", fontsize=9)


def _end_labels(axes: Axes, curves: Curves, names: dict[str, str]) -> None:
    """Each line's name beside its end, moved apart where ends are close."""
    ends = [(curves.of(planner)[-1].rate, k, planner) for k, planner in enumerate(curves.planners)]
    ends.sort(key=lambda end: (-end[0], end[1]))
    top = axes.get_ylim()[1]
    gap = min(0.068 * _most_lines(names), 1.0 / len(ends))
    places = spread([rate / top for rate, _, _ in ends], gap)
    for (rate, k, planner), y in zip(ends, places, strict=True):
        colour = LINES[k % len(LINES)]
        dash = DASHES[k // len(LINES) % len(DASHES)]
        axes.plot(
            [1.0, 1.03, 1.06], [rate / top, y, y], transform=axes.transAxes, clip_on=False,
            color=colour, linestyle=dash, linewidth=0.9,
        )  # fmt: skip
        axes.text(
            1.07, y, f"{100 * rate:.0f}  {names[planner]}", transform=axes.transAxes, va="center",
            fontsize=7, color=colour,
        )  # fmt: skip


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Places from the highest to the lowest, moved as little as keeps them a gap apart.

    Those that are too close stand around their middle (pooling of neighbours, as in isotonic
    regression).

    >>> spread([0.5, 0.5, 0.1], 0.25)
    [0.625, 0.375, 0.1]
    """
    groups: list[tuple[list[float], float]] = []  # the wished middles of a group, and its top
    for place in places:
        group, top = [place], place
        while groups and groups[-1][1] - gap * len(groups[-1][0]) < top:
            group = groups.pop()[0] + group
            middle = sum(group) / len(group)
            top = middle + gap * (len(group) - 1) / 2
        groups.append((group, top))
    found = [top - gap * i for group, top in groups for i in range(len(group))]
    assert all(a - b > gap - 1e-9 for a, b in pairwise(found))
    return found
