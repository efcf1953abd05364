"""Figures of a report, by matplotlib: the same runs give the same files, byte for byte.

Colours are Okabe and Ito's, which people who see fewer colours can tell apart; marks and order
say the same again. Needs the extra ``report``.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter

from .drawing import plain
from .rendering import broken
from .reports import ALL, OUTCOMES, Entry, Report

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MARKERS = "os^DvPX*<>"
OUTCOME_COLOURS = {
    "passed": "#009E73", "failed": "#D55E00", "gave_up": "#E69F00", "limit": "#F0E442",
    "unjudged": "#999999", "env_miss": "#CC79A7", "infra": "#000000", "cancelled": "#56B4E9",
    "missing": "#FFFFFF",
}  # fmt: skip
GROUPED = 6  # planners whose bars stand side by side; more have a panel for each suite
APIS = 20  # rows of the heat map
LONGEST = 160  # letters of a name
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "toolgrove",  # ids in the file do not depend on chance
    "svg.fonttype": "path",  # it looks the same without our fonts
    "text.parse_math": False,  # names are text: a $ in them is a $
    "font.family": "DejaVu Sans",  # it comes with matplotlib
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "savefig.dpi": 150,
}


def figures(report: Report) -> dict[str, Figure]:
    """All figures by name: ``pass_rate``, ``cost``, ``outcomes``, and ``api_calls`` if any."""
    with styled():
        found = {
            "pass_rate": pass_rate(report),
            "cost": cost(report),
            "outcomes": outcomes(report),
        }
        if any(entry.calls for entry in report.entries):
            found["api_calls"] = api_calls(report)
        for figure in found.values():  # laid out once: each time again moves it by a hair
            figure.canvas.draw()
            figure.set_layout_engine("none")
    return found


def save(found: dict[str, Figure], folder: Path) -> list[Path]:
    """Write each figure as PNG and as SVG; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in found.items():
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            path.write_bytes(rendered(figure, kind))
            paths.append(path)
    return paths


def rendered(figure: Figure, kind: Literal["png", "svg"] | str) -> bytes:
    """The figure as a file's content, without a date or a version in it."""
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    out = io.BytesIO()
    with styled():
        figure.savefig(out, format=kind, metadata=metadata, bbox_inches="tight", pad_inches=0.1)
    return out.getvalue()


@contextmanager
def styled() -> Iterator[None]:
    """The user's own settings do not count; what a name lacks is no warning."""
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "constrained_layout not applied")  # names leave no room
        yield


def blank(width: float, height: float) -> Figure:
    """A figure of so many inches, to be drawn into a file."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def named(text: str, room: int) -> str:
    """A name in lines; a model may have written it, so that what is longer than any is cut."""
    text = plain(text)
    return broken(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…", room)


def _longest(names: Sequence[str]) -> int:
    """Letters of the longest line."""
    return max(len(line) for name in names for line in name.split("\n"))


def _lines(entries: Sequence[Entry], room: int) -> int:
    """Lines of the label that has most."""
    return max(named(entry.label, room).count("\n") + 1 for entry in entries)


def _spread(entry: Entry, suite: str) -> tuple[float, float, float]:
    """A rate, and how far its interval goes below and above it."""
    value, low, high = entry.rates[suite].rate
    return value, max(0.0, value - low), max(0.0, high - value)


# ---------------------------------------------------------------------- pass rate by suite


def pass_rate(report: Report) -> Figure:
    """Bars with 95 % intervals, suite by suite: ToolLLM's bar chart.

    Up to ``GROUPED`` planners stand side by side; more have a panel for each suite.
    """
    suites = dict(report.suites)
    if len(suites) > 1:
        suites[ALL] = ALL
    draw = _grouped if len(report.entries) <= GROUPED else _panels
    return draw(report.entries, suites)


def _grouped(entries: Sequence[Entry], suites: dict[str, str]) -> Figure:
    each = min(0.4, 0.8 / len(entries))
    width = max(4.5, 1.2 + len(suites) * max(0.9, 0.3 * len(entries) + 0.25))
    columns = _columns(entries, 40, width)
    legend = 0.16 * _lines(entries, 40) * -(-len(entries) // columns)
    figure = blank(width, 3.3 + legend)
    axes = figure.add_subplot()
    for k, entry in enumerate(entries):
        there = [(i, *_spread(entry, s)) for i, s in enumerate(suites) if s in entry.rates]
        axes.bar(
            [i + (k - (len(entries) - 1) / 2) * each for i, *_ in there],
            [value for _, value, _, _ in there],
            each * 0.92,
            yerr=[[below for *_, below, _ in there], [above for *_, above in there]],
            color=COLOURS[k],
            label=named(entry.label, 40),
            error_kw={"elinewidth": 0.9, "capsize": min(3.0, 14 * each), "ecolor": "#333333"},
        )
    axes.set_xticks(range(len(suites)), [named(label, 13) for label in suites.values()])
    axes.set_xlim(-0.5, len(suites) - 0.5)
    axes.tick_params(axis="x", length=0)
    per_cent(axes, "y")
    axes.set_ylabel("pass rate, 95 % interval")
    figure.legend(loc="outside upper left", ncols=columns)
    return figure


def _panels(entries: Sequence[Entry], suites: dict[str, str]) -> Figure:
    columns = min(4, len(suites))
    lines = -(-len(suites) // columns)
    each = max(0.21, 0.15 * _lines(entries, 40))
    figure = blank(2.6 + 1.9 * columns, lines * (each * len(entries) + 0.75))
    names = [named(entry.label, 40) for entry in entries]
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (suite, label) in zip(grid.flat, suites.items(), strict=False):
        for k, entry in enumerate(entries):
            if suite in entry.rates:
                value, below, above = _spread(entry, suite)
                error = {"elinewidth": 0.9, "capsize": 2, "ecolor": "#333333"}
                axes.barh(k, value, 0.7, xerr=[[below], [above]], color=COLOURS[0], error_kw=error)
        axes.set_title(named(label, 24), fontsize=9)
        per_cent(axes, "x")
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.tick_params(axis="x", labelbottom=True)
    grid[0, 0].set_yticks(range(len(entries)), names)
    grid[0, 0].set_ylim(len(entries) - 0.5, -0.5)
    for axes in list(grid.flat)[len(suites) :]:
        axes.set_visible(False)
    figure.supxlabel("pass rate, 95 % interval", fontsize=9)
    return figure


def per_cent(axes: Axes, which: Literal["x", "y"]) -> None:
    """Make an axis one of rates."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xlim if which == "x" else axes.set_ylim)(0, 1)
    if which == "y":
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1])
        axis.set_major_formatter(PercentFormatter(1, 0, " %"))
    else:
        axis.set_ticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.grid(axis=which, color="#dddddd", linewidth=0.7)


def _columns(entries: Sequence[Entry], room: int, width: float) -> int:
    """How many names of a legend go side by side in so many inches."""
    longest = _longest([named(entry.label, room) for entry in entries])
    return max(1, min(len(entries), int(width / (0.075 * longest + 0.7))))


# ---------------------------------------------------------------------- cost against pass rate


def cost(report: Report) -> Figure:
    """What a trial costs against what it is worth, planner by planner, over all suites.

    A panel each for calls, tokens and, where any were paid, dollars; a cost that spans more than
    a factor of twenty has a logarithmic axis. More planners than colours are numbered.
    """
    kinds = [k for k in ("calls", "tokens", "usd") if any(e.cost(k) for e in report.entries)]
    kinds = kinds or ["calls"]
    many = len(report.entries) > len(COLOURS)
    width = 2.8 * len(kinds) + 2.6
    columns = _columns(report.entries, 34, width - 0.5) if many else 1
    legend = 0.16 * _lines(report.entries, 34) * -(-len(report.entries) // columns)
    figure = blank(width, 3.6 + legend if many else max(3.4, legend))
    grid = figure.subplots(1, len(kinds), sharey=True, squeeze=False)
    for axes, kind in zip(grid.flat, kinds, strict=True):
        spent = [entry.cost(kind) for entry in report.entries]
        for k, (entry, x) in enumerate(zip(report.entries, spent, strict=True)):
            if x is None:
                continue
            value, below, above = _spread(entry, ALL)
            number = f"{k + 1}  " if many else ""
            axes.errorbar(
                x, value, [[below], [above]], fmt=MARKERS[k % len(MARKERS)], markersize=6,
                color=COLOURS[k % len(COLOURS)], markeredgecolor="#333333", markeredgewidth=0.5,
                elinewidth=0.9, capsize=2, label=f"{number}{named(entry.label, 34)}",
            )  # fmt: skip
            if many:
                side = 4 if k % 2 else -4
                axes.annotate(
                    str(k + 1), (x, value), (side, 3), textcoords="offset points", fontsize=7,
                    ha="left" if side > 0 else "right",
                )  # fmt: skip
        _cost_axis(axes, kind, [x for x in spent if x is not None])
        per_cent(axes, "y")
    best = max(entry.rates[ALL].rate.high for entry in report.entries)
    grid[0, 0].set_ylim(-0.02, min(1.02, 1.08 * best + 0.02))
    grid[0, 0].set_ylabel("pass rate, 95 % interval")
    handles, names = grid[0, 0].get_legend_handles_labels()
    where: Literal["outside lower left", "outside right upper"]
    where = "outside lower left" if many else "outside right upper"
    figure.legend(handles, names, loc=where, ncols=columns)
    return figure


def _cost_axis(axes: Axes, kind: str, spent: Sequence[float]) -> None:
    axes.set_xlabel(f"{'dollars' if kind == 'usd' else kind} a trial")
    if spent and min(spent) > 0 and max(spent) > 20 * min(spent):
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, max(spent, default=1) * 1.12 or 1)
        axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}" if x >= 10 else f"{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", color="#eeeeee", linewidth=0.7)


# ---------------------------------------------------------------------- outcomes


def outcomes(report: Report) -> Figure:
    """What became of the trials planned, as shares of a bar for each planner."""
    entries = report.entries
    figure = blank(7.0, max(0.3, 0.17 * _lines(entries, 40)) * len(entries) + 1.3)
    axes = figure.add_subplot()
    left = [0.0] * len(entries)
    for outcome in OUTCOMES:
        counts = [entry.outcomes[outcome] for entry in entries]
        if not any(counts):
            continue
        shares = [n / len(e.items) for n, e in zip(counts, entries, strict=True)]
        missing = outcome == "missing"
        axes.barh(
            range(len(entries)), shares, 0.75, left, color=OUTCOME_COLOURS[outcome],
            label=outcome.replace("_", " "), edgecolor="#555555" if missing else "white",
            linewidth=0.5, hatch="////" if missing else None,
        )  # fmt: skip
        for k, (n, share) in enumerate(zip(counts, shares, strict=True)):
            if share >= 0.02 * len(str(n)) + 0.01:
                colour = "white" if outcome in ("infra", "passed", "failed") else "black"
                where = left[k] + share / 2, k
                axes.text(*where, str(n), ha="center", va="center", color=colour, fontsize=7)
            left[k] += share
    axes.set_yticks(range(len(entries)), [named(entry.label, 40) for entry in entries])
    axes.set_ylim(len(entries) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    per_cent(axes, "x")
    axes.set_xlabel("trials planned")
    figure.legend(loc="outside upper left", ncols=5)
    return figure


# ---------------------------------------------------------------------- calls of APIs


def api_calls(report: Report) -> Figure:
    """The APIs called most, by how often a tree of each planner calls them."""
    means = [
        {api: n / len(entry.metrics) for api, n in entry.calls.items()} for entry in report.entries
    ]
    total = {api: sum(mean.get(api, 0.0) for mean in means) for api in sorted(set().union(*means))}
    shown = sorted(total, key=lambda api: (-round(total[api], 9), api))[:APIS]
    rows = [[mean.get(api, 0.0) for mean in means] for api in shown]
    rotated = len(means) > 8 or max(len(entry.label) for entry in report.entries) > 9
    left, below = [named(api, 45) for api in shown], [named(e.label, 34) for e in report.entries]
    high = max(0.24, 0.13 * max(name.count("\n") + 1 for name in left))
    wide = max(0.5, 0.15 * _lines(report.entries, 34) + 0.1) if rotated else 0.75
    room = 1.4 + 0.075 * (_longest(below) if rotated else 0)
    figure = blank(1.5 + 0.075 * _longest(left) + wide * len(means), room + high * len(shown))
    axes = figure.add_subplot()
    most = max(map(max, rows))
    image = axes.imshow(rows, cmap="cividis", vmin=0, vmax=most, aspect="auto")
    for i, row in enumerate(rows):
        for k, n in enumerate(row):
            colour = "black" if n > 0.5 * most else "white"
            text = "0" if not n else f"{n:.2f}" if n < 9.995 else f"{n:.0f}"
            axes.text(k, i, text, ha="center", va="center", color=colour, fontsize=7)
    axes.set_yticks(range(len(shown)), left, fontsize=7)
    axes.set_xticks(range(len(below)), below, fontsize=8, rotation=90 if rotated else 0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    of = f"{len(shown)} of {len(total)} APIs" if len(total) > len(shown) else "all APIs"
    axes.set_title(f"calls a tree; {of}, those called most first", fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.6, aspect=25).outline.set_visible(False)
    return figure
