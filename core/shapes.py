"""What a tree looks like: the kind of each node, where it stands, and the shape of its kind.

The layout is after Reingold and Tilford's rules, lying down: depth to the right, one row a leaf, a
parent in the middle of its children, equal subtrees alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from .tree import Node, Tree
from .values import FINISH

Kind = Literal[
    "root", "answered", "gave_up", "pruned", "error", "no_such_api", "failed", "thought", "unmade",
    "step",
]  # fmt: skip

# What each kind is called, and its colour: Okabe and Ito's, darkened to be read on white.
NAMES: Final[Mapping[Kind, str]] = {
    "root": "task",
    "answered": "answered",
    "gave_up": "gave up",
    "pruned": "pruned",
    "error": "error",
    "no_such_api": "no such API",
    "failed": "model failed",
    "thought": "no call",
    "unmade": "not made",
    "step": "call",
}
COLOURS: Final[Mapping[Kind, str]] = {
    "root": "#57606a",
    "answered": "#007a5e",
    "gave_up": "#a86400",
    "pruned": "#6e7781",
    "error": "#b83a00",
    "no_such_api": "#8f3f78",
    "failed": "#8c1d40",
    "thought": "#57606a",
    "unmade": "#4d4d4d",
    "step": "#57606a",
}
HOLLOW: Final = frozenset({"root", "pruned", "step"})


class Place(NamedTuple):
    """Where a node stands, in levels and rows."""

    node: Node
    level: int
    row: float


def kind_of(node: Node) -> Kind:
    """What became of a node; ``unmade`` is a call that never got an answer."""
    if node.parent is None:
        return "root"
    if node.failed is not None:
        return "failed"
    if node.solved:
        return "answered"
    if node.gave_up:
        return "gave_up"
    status = None if node.step is None else node.step.info.status
    if status == "no_such_api":
        return "no_such_api"
    if node.action is not None and status is None:
        return "unmade"
    if node.pruned:
        return "pruned"
    if node.action is None:
        return "thought"
    return "step" if status == "ok" else "error"


def places(tree: Tree) -> list[Place]:
    """Every node's place, in preorder; linear in the nodes."""
    rows: dict[int, float] = {}
    levels: dict[int, int] = {}
    order: list[Node] = []
    free = 0.0
    for root in tree.roots:
        stack: list[tuple[Node, int, bool]] = [(root, 0, False)]
        while stack:
            node, level, back = stack.pop()
            if back:
                first, last = node.children[0], node.children[-1]
                rows[id(node)] = (rows[id(first)] + rows[id(last)]) / 2
                continue
            levels[id(node)] = level
            order.append(node)
            if not node.children:
                rows[id(node)] = free
                free += 1
                continue
            stack.append((node, level, True))
            stack.extend((child, level + 1, False) for child in reversed(node.children))
        free += 1
    return [Place(node, levels[id(node)], rows[id(node)]) for node in order]


def winning(tree: Tree) -> frozenset[str]:
    """The ids on the path of the answer."""
    found = tree.find(tree.winner) if tree.winner else None
    return (
        frozenset()
        if found is None or not found.solved
        else frozenset(node.id for node in found.path())
    )


def corners(kind: Kind) -> list[tuple[float, float]]:
    """The outline of a kind around (0, 0), within a radius of 1; y downwards."""
    sides, turn = {
        "error": (3, -90.0), "failed": (3, 90.0), "pruned": (4, 0.0), "gave_up": (4, 45.0),
        "no_such_api": (6, 0.0), "answered": (10, 0.0),
    }.get(kind, (24, 0.0))  # fmt: skip
    if kind == "unmade":
        return [(-0.45, -0.9), (0.45, -0.9), (0.45, 0.9), (-0.45, 0.9)]
    size = 0.55 if kind == "thought" else 0.85 if kind == "step" else 1.1
    angles = [math.radians(turn + 360 * i / sides) for i in range(sides)]
    return [(size * math.cos(a), size * math.sin(a)) for a in angles]


def label(node: Node) -> tuple[str, str]:
    """What stands at the edge to a node: the API called, and with what."""
    if node.parent is None:
        return "task", ""
    if node.failed is not None:
        return "the model failed", node.failed
    if node.action is None:
        return "(no call)", node.thought or ""
    if node.action.api == FINISH:
        return FINISH, node.answer or ("gave up" if node.gave_up else "")
    arguments = node.action.arguments
    return node.action.api, "" if arguments.strip() == "{}" else arguments


def clip(text: str, room: int) -> str:
    """The text in one line of so many letters; control characters become visible."""
    line = " ".join(text[: room * 4].split())
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return shown if len(shown) <= room else shown[: room - 1] + "…"
