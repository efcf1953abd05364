"""The figure of sweeps over one parameter: its values against the pass rate. Needs ``report``."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .curve_figures import LINES
from .figures import MARKERS, blank, named, per_cent, styled
from .sweeps import Setting

WIDE = 3  # panels side by side


def drawn(sweeps: Sequence[tuple[str, Sequence[Setting]]]) -> Figure:
    """A panel for each sweep; all suites together have a band, single ones a thin line.

    Args:
        sweeps: the text of each, and its settings.
    """
    with styled():
        columns = min(WIDE, len(sweeps))
        rows = -(-len(sweeps) // columns)
        suites = list(dict.fromkeys(s.suite for _, each in sweeps for s in each))
        figure = blank(max(4.8, 3.0 * columns + 0.8), 2.7 * rows + 0.2 + 0.17 * len(suites))
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for axes, (text, each) in zip(grid.flat, sweeps, strict=False):
            _panel(axes, text, each, suites)
        for axes in list(grid.flat)[len(sweeps) :]:
            axes.set_visible(False)
        handles, names = grid[0, 0].get_legend_handles_labels()
        if len(suites) > 1:
            figure.legend(handles, names, loc="outside upper left", ncols=min(3, len(suites)))
        figure.supylabel("pass rate, 95 % interval", fontsize=9)
        figure.canvas.draw()  # laid out once: each time again moves it by a hair
        figure.set_layout_engine("none")
    return figure


def _panel(
    axes: Axes, text: str, settings: Sequence[Setting], suites: Sequence[str | None]
) -> None:
    values = list(dict.fromkeys(setting.value for setting in settings))
    places = _places(values)
    for k, suite in enumerate(suites):
        mine = [setting for setting in settings if setting.suite == suite]
        x, y = [places[s.value] for s in mine], [s.rate for s in mine]
        colour, mark = LINES[k % len(LINES)], MARKERS[k % len(MARKERS)]
        whole = suite is None
        if whole:
            low, high = [s.low for s in mine], [s.high for s in mine]
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            x, y, color=colour, marker=mark, markersize=5 if whole else 3,
            linewidth=1.8 if whole else 0.8, label=named(suite or "all suites", 30),
            zorder=3 if whole else 2,
        )  # fmt: skip
    axes.set_xticks([places[value] for value in values], [named(v, 14) for v in values])
    per_cent(axes, "y")
    axes.grid(axis="x", color="#eeeeee", linewidth=0.7)
    axes.set_title(named(text, 34))


def _places(values: Sequence[str]) -> dict[str, float]:
    """Where values stand: numbers where they are, if their ticks have room, else side by side."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return {value: float(i) for i, value in enumerate(values)}
    ordered = sorted(numbers)
    steps = [b - a for a, b in zip(ordered, ordered[1:], strict=False)]
    if steps and min(steps) * 12 < ordered[-1] - ordered[0]:
        return {value: float(ordered.index(n)) for value, n in zip(values, numbers, strict=True)}
    return dict(zip(values, numbers, strict=True))
