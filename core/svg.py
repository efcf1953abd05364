"""A tree as a picture in SVG, for notebooks, papers and pages; no library, no script in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from .shapes import COLOURS, HOLLOW, NAMES, Place, clip, corners, kind_of, label, places, winning
from .tree import Node, Tree

LEVEL: Final = 210  # pixels from a level to the next
ROW: Final = 40
MARGIN: Final = 24
RADIUS: Final = 7
WON: Final = "#0b5cad"
LINE: Final = "#b8bfc7"
INK: Final = "#1c2128"
FAINT: Final = "#57606a"
BOLD: Final = ' font-weight="700"'
END: Final = ' text-anchor="end"'


def svg(
    tree: Tree,
    *,
    legend: bool = True,
    most: int = 2000,
    order: Mapping[str, int] | None = None,
    scores: bool = False,
) -> str:
    """The picture.

    Args:
        tree: what to draw.
        legend: say what the shapes mean.
        most: nodes that are drawn, in preorder; the picture says how many are left out.
        order: a number for each node, by its id, to stand before what was done there: the order in
            which nodes were made, say.
        scores: beside each node with a score, that score, and its visits if it has some.
    """
    every = places(tree)
    shown = every[:most]
    won = winning(tree)
    at = {place.node.id: place for place in shown}
    levels, drawn = max(place.level for place in shown), _Drawn(tree.roots, order or {}, scores)
    width: float = drawn.left + MARGIN + levels * drawn.level + 90
    height: float = MARGIN * 2 + max(place.row for place in shown) * ROW
    parts: list[str] = []
    for place in sorted(shown, key=lambda place: place.node.id in won):
        parent = place.node.parent
        if parent is not None and parent.id in at:
            parts.append(drawn.edge(at[parent.id], place, place.node.id in won))
    parts += [drawn.node(place, place.node.id in won) for place in shown]
    if len(every) > len(shown):
        parts.append(_text(MARGIN, height + 4, f"{len(every) - len(shown)} more nodes", INK, 12))
        height += 22
    if legend:
        height += 8
        kinds = list(dict.fromkeys(kind_of(place.node) for place in shown))
        x = float(MARGIN)
        for kind in kinds:
            points = [(x + RADIUS * cx, height + RADIUS * cy) for cx, cy in corners(kind)]
            parts.append(_shape(points, kind, False))
            parts.append(_text(x + 14, height + 4, NAMES[kind], INK, 12))
            x += 34 + 7 * len(NAMES[kind])
        if won:
            parts.append(f'<path d="M{x:.0f},{height:.0f}h26" stroke="{WON}" stroke-width="3.2"/>')
            parts.append(_text(x + 32, height + 4, "the path of the answer", INK, 12))
            x += 190
        if any(cut(place.node) for place in shown):
            parts += [_cut(x + 6, height), _text(x + 16, height + 4, "not gone on from", INK, 12)]
            x += 140
        for mark, meaning in drawn.marks(shown):
            parts.append(_text(x, height + 4, mark, FAINT, 11, BOLD))
            parts.append(_text(x + 8 + 6.5 * len(mark), height + 4, meaning, INK, 12))
            x += 30 + 6.5 * (len(mark) + len(meaning))
        width, height = max(width, x), height + MARGIN
    box = f"{width:.0f} {height:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {box}" font-family="system-ui, sans-serif" role="img" '
        f'aria-label="a decision tree of {len(every)} nodes">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


class _Drawn:
    """How nodes are drawn: with which numbers, and with their scores or without."""

    def __init__(self, roots: Sequence[Node], order: Mapping[str, int], scores: bool) -> None:
        self.roots, self.order, self.scores = roots, order, scores
        self.left = MARGIN + (58 if len(roots) > 1 else 0)  # for which search it is
        self.room = 12 if order else 0  # for a number
        self.level = LEVEL + self.room

    def point(self, place: Place) -> tuple[float, float]:
        """Where a node stands, in pixels."""
        return self.left + place.level * self.level, MARGIN + place.row * ROW

    def edge(self, parent: Place, child: Place, won: bool) -> str:
        """The line to a node, and what was done there."""
        (px, py), (x, y) = self.point(parent), self.point(child)
        turn = max(-9.0, min(9.0, (y - py) / 2))
        path = f"M{px:.0f},{py:.1f}H{x:.0f}"
        if abs(y - py) > 0.5:
            path = (
                f"M{px:.0f},{py:.1f}H{px + 9:.0f}q9,0 9,{turn:.1f}V{y - turn:.1f}"
                f"q0,{turn:.1f} 9,{turn:.1f}H{x:.0f}"
            )
        colour, wide = (WON, 3.2) if won else (LINE, 1.6)
        name, more = label(child.node)
        number = self.order.get(child.node.id)
        start = px + 30 + self.room
        beside = child.node.children and self.score(child.node)  # it takes some of the line's room
        return (
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{wide}"/>'
            + _text(start - 4, y - 5, "" if number is None else f"{number}", FAINT, 11, BOLD + END)
            + _text(start, y - 5, clip(name, 24), INK, 12, BOLD if won and not self.order else "")
            + _text(start, y + 13, clip(more, 20 if beside else 29), FAINT, 10.5)
        )

    def node(self, place: Place, won: bool) -> str:
        """The shape of a node, and its score: below the line to it, or to the right of a leaf."""
        x, y = self.point(place)
        kind = kind_of(place.node)
        points = [(x + RADIUS * cx, y + RADIUS * cy) for cx, cy in corners(kind)]
        title = escape(f"{NAMES[kind]} (node {place.node.id})")
        at = (x - 10, y + 13, END) if place.node.children else (x + 12, y + 4, "")
        more = _text(at[0], at[1], self.score(place.node), FAINT, 10.5, BOLD + at[2])
        if cut(place.node):
            more += _cut(x - 14, y)
        if place.node.parent is None and len(self.roots) > 1:
            search = self.roots.index(place.node) + 1
            more += _text(x - 14, y + 4, f"search {search}", FAINT, 11, END)
        return f"<g><title>{title}</title>{_shape(points, kind, won)}{more}</g>"

    def score(self, node: Node) -> str:
        """The score as it is drawn; "" where there is none."""
        if not self.scores or not (node.value or node.visits) or node.parent is None:
            return ""
        value = f"{node.value:.2f}".rstrip("0").rstrip(".")
        return value + (f" ({node.visits})" if node.visits else "")

    def marks(self, shown: Sequence[Place]) -> list[tuple[str, str]]:
        """For the legend: marks and their meanings."""
        out = [("1 2 3", "order")] if self.order else []
        if nodes := [place.node for place in shown if self.score(place.node)]:
            visits = any(node.visits for node in nodes)
            out.append(("0.5 (2)", "mean score (visits)") if visits else ("0.5", "score"))
        return out


def cut(node: Node) -> bool:
    """Whether the planner pruned a node that could go on, and whose shape tells something else."""
    return node.pruned and not node.done and kind_of(node) in ("error", "no_such_api")


def _cut(x: float, y: float) -> str:
    """Two strokes across a line."""
    return f'<path d="M{x - 3:.0f},{y + 6:.1f}l6,-12m4,0l-6,12" stroke="{INK}" stroke-width="1.5"/>'


def _shape(points: list[tuple[float, float]], kind: str, won: bool) -> str:
    colour = COLOURS[kind]  # type: ignore[index]
    fill = "#fff" if kind in HOLLOW else colour
    dash = ' stroke-dasharray="3 2"' if kind == "pruned" else ""
    stroke = WON if won else colour
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{path}" fill="{fill}" stroke="{stroke}" stroke-width="1.8"{dash}/>'


def _text(x: float, y: float, text: str, colour: str, size: float, more: str = "") -> str:
    if not text:
        return ""
    said = escape(text)
    return f'<text x="{x:.0f}" y="{y:.1f}" fill="{colour}" font-size="{size}"{more}>{said}</text>'
