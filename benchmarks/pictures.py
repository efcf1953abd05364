"""A tree for papers and other tools: PNG and PDF by matplotlib, DOT, Mermaid."""

from __future__ import annotations

import io
from typing import Any, Final, Literal

from ..core import Tree, UsageError
from ..core.shapes import (
    COLOURS,
    HOLLOW,
    NAMES,
    Kind,
    clip,
    corners,
    kind_of,
    label,
    places,
    winning,
)

WON: Final = "#0b5cad"
MOST: Final = 1500  # nodes that fit on a page at all


def picture(tree: Tree, format: Literal["png", "pdf"]) -> bytes:
    """The tree on one page, with a legend.

    Raises:
        UsageError: matplotlib is missing, or the tree is too large for a page.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
        from matplotlib.patches import Polygon
    except ImportError as error:
        raise UsageError(
            f"pictures need {error.name}: pip install 'toolgrove[report]'; --svg needs nothing"
        ) from error
    every = places(tree)
    if len(every) > MOST:
        raise UsageError(
            f"{len(every)} nodes do not fit on a page: `toolgrove report RUN --html FILE` and "
            f"`toolgrove view RUN` show them"
        )
    won = winning(tree)
    at = {place.node.id: (place.level * 5.2, place.row) for place in every}
    wide = max(x for x, _ in at.values()) + 3.0
    high = max(y for _, y in at.values()) + 1.6
    figure = Figure(figsize=(min(max(wide * 0.42, 5), 60), min(max(high * 0.42, 2), 80)))
    FigureCanvasAgg(figure)
    axes: Any = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set_xlim(-0.6, wide)
    axes.set_ylim(high, -0.9)
    axes.axis("off")
    for place in every:
        node, (x, y) = place.node, at[place.node.id]
        if node.parent is not None:
            px, py = at[node.parent.id]
            mine = node.id in won
            axes.plot(
                [px, px + 0.4, px + 0.4, x], [py, py, y, y], zorder=1, solid_joinstyle="round",
                color=WON if mine else "#b8bfc7", linewidth=2.4 if mine else 1.1,
            )  # fmt: skip
            name, more = (clip(text, 27).replace("$", r"\$") for text in label(node))
            weight = "bold" if mine else "normal"
            axes.text(px + 0.65, y - 0.1, name, fontsize=7, weight=weight, va="bottom")
            axes.text(px + 0.65, y + 0.1, more, fontsize=6, color="#57606a", va="top")
    points = figure.dpi * figure.get_size_inches()
    scale = points[0] / (wide + 0.6), points[1] / (high + 0.9)
    for place in every:
        kind, (x, y) = kind_of(place.node), at[place.node.id]
        outline = [(x + 7 * cx / scale[0], y + 7 * cy / scale[1]) for cx, cy in corners(kind)]
        edge = WON if place.node.id in won else COLOURS[kind]
        face = "white" if kind in HOLLOW else COLOURS[kind]
        axes.add_patch(Polygon(outline, facecolor=face, edgecolor=edge, linewidth=1.2, zorder=2))
    kinds = list(dict.fromkeys(kind_of(place.node) for place in every))
    keys: list[Any] = [
        Line2D(
            [], [], linestyle="", marker=_marker(k), markersize=9, label=NAMES[k],
            color=COLOURS[k], markerfacecolor="white" if k in HOLLOW else COLOURS[k],
        )
        for k in kinds
    ]  # fmt: skip
    if won:
        keys.append(Line2D([], [], color=WON, linewidth=2.4, label="the path of the answer"))
    axes.legend(handles=keys, loc="lower left", ncols=len(keys), fontsize=7, frameon=False)
    out = io.BytesIO()
    made = {"CreationDate": None} if format == "pdf" else {}
    figure.savefig(out, format=format, dpi=160, metadata=made)
    return out.getvalue()


def _marker(kind: Kind) -> Any:
    """The outline for a legend: closed, y upwards."""
    points = [(x, -y) for x, y in corners(kind)]
    return [*points, points[0]]


def dot(tree: Tree) -> str:
    """The tree in Graphviz's language."""
    shapes = {
        "root": "doublecircle", "answered": "circle", "gave_up": "box", "pruned": "diamond",
        "error": "triangle", "no_such_api": "hexagon", "failed": "invtriangle", "thought": "point",
        "unmade": "component", "step": "circle",
    }  # fmt: skip
    won = winning(tree)
    lines = ["digraph tree {", "  rankdir=LR;", '  node [label="", width=0.2, height=0.2];']
    for node in tree.walk():
        kind = kind_of(node)
        style = "" if kind in HOLLOW else ", style=filled"
        about = _quoted(f"{NAMES[kind]} (node {node.id})")
        lines.append(
            f"  {_quoted(node.id)} [shape={shapes[kind]}, color={_quoted(COLOURS[kind])}{style}, "
            f"tooltip={about}];"
        )
        if node.parent is not None:
            name, _ = label(node)
            mine = f", color={_quoted(WON)}, penwidth=3" if node.id in won else ""
            ends = f"{_quoted(node.parent.id)} -> {_quoted(node.id)}"
            lines.append(f"  {ends} [label={_quoted(clip(name, 40))}{mine}];")
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(tree: Tree) -> str:
    """The tree as a Mermaid flowchart, which many Markdown pages draw."""
    names = {node.id: f"n{i}" for i, node in enumerate(tree.walk())}
    won = winning(tree)
    lines, thick = ["flowchart LR"], []
    edges = 0
    for node in tree.walk():
        kind = kind_of(node)
        lines.append(f'  {names[node.id]}["{_entities(NAMES[kind])}"]:::{kind}')
        if node.parent is not None:
            name, _ = label(node)
            said = _entities(clip(name, 40)) or " "
            lines.append(f'  {names[node.parent.id]} -->|"{said}"| {names[node.id]}')
            if node.id in won:
                thick.append(str(edges))
            edges += 1
    for kind, colour in COLOURS.items():
        lines.append(f"  classDef {kind} stroke:{colour},stroke-width:2px")
    if thick:
        lines.append(f"  linkStyle {','.join(thick)} stroke:{WON},stroke-width:3px")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _entities(text: str) -> str:
    """What Mermaid would take for syntax, as its character codes."""
    return "".join(c if c.isalnum() or c in " _-.,()" else f"#{ord(c)};" for c in text)
