"""A tree as a picture in SVG, for notebooks, papers and pages; no library, no script in it."""

from __future__ import annotations

from html import escape
from typing import Final

from .shapes import COLOURS, HOLLOW, NAMES, Place, clip, corners, kind_of, label, places, winning
from .tree import Tree

LEVEL: Final = 210  # pixels from a level to the next
ROW: Final = 40
MARGIN: Final = 24
RADIUS: Final = 7
WON: Final = "#0b5cad"
LINE: Final = "#b8bfc7"
INK: Final = "#1c2128"


def svg(tree: Tree, *, legend: bool = True, most: int = 2000) -> str:
    """The picture.

    Args:
        tree: what to draw.
        legend: say what the shapes mean.
        most: nodes that are drawn, in preorder; the picture says how many are left out.
    """
    every = places(tree)
    shown = every[:most]
    won = winning(tree)
    at = {place.node.id: place for place in shown}
    width: float = MARGIN * 2 + max(place.level for place in shown) * LEVEL + 90
    height: float = MARGIN * 2 + max(place.row for place in shown) * ROW
    parts: list[str] = []
    for place in sorted(shown, key=lambda place: place.node.id in won):
        parent = place.node.parent
        if parent is not None and parent.id in at:
            parts.append(_edge(at[parent.id], place, place.node.id in won))
    parts += [_node(place, place.node.id in won) for place in shown]
    if len(every) > len(shown):
        parts.append(_text(MARGIN, height + 4, f"{len(every) - len(shown)} more nodes", INK, 12))
        height += 22
    if legend:
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
        width, height = max(width, x), height + MARGIN
    box = f"{width:.0f} {height:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {box}" font-family="system-ui, sans-serif" role="img" '
        f'aria-label="a decision tree of {len(every)} nodes">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _point(place: Place) -> tuple[float, float]:
    return MARGIN + place.level * LEVEL, MARGIN + place.row * ROW


def _edge(parent: Place, child: Place, won: bool) -> str:
    (px, py), (x, y) = _point(parent), _point(child)
    turn = max(-9.0, min(9.0, (y - py) / 2))
    path = f"M{px:.0f},{py:.1f}H{x:.0f}"
    if abs(y - py) > 0.5:
        path = (
            f"M{px:.0f},{py:.1f}H{px + 9:.0f}q9,0 9,{turn:.1f}V{y - turn:.1f}"
            f"q0,{turn:.1f} 9,{turn:.1f}H{x:.0f}"
        )
    colour, wide = (WON, 3.2) if won else (LINE, 1.6)
    name, more = label(child.node)
    weight = ' font-weight="700"' if won else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{wide}"/>'
        + _text(px + 30, y - 5, clip(name, 24), INK, 12, weight)
        + _text(px + 30, y + 13, clip(more, 29), "#57606a", 10.5)
    )


def _node(place: Place, won: bool) -> str:
    x, y = _point(place)
    kind = kind_of(place.node)
    points = [(x + RADIUS * cx, y + RADIUS * cy) for cx, cy in corners(kind)]
    title = escape(f"{NAMES[kind]} (node {place.node.id})")
    return f"<g><title>{title}</title>{_shape(points, kind, won)}</g>"


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
