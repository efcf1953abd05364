"""Trees for the terminal: one line a step, the winning path marked."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

from ..core import Node, Tree
from ..core.shapes import winning

# What a node's end looks like; a legend stands below every tree.
MARKS = {
    "answered": "✔",
    "gave up": "↩",
    "pruned": "✂",
    "error": "!",
    "no such API": "?",
    "model failed": "✗",
}


def mark_of(node: Node) -> str:
    """The key in MARKS of what became of the node, or "" for a step like any other."""
    if node.failed is not None:
        return "model failed"
    if node.solved:
        return "answered"
    if node.gave_up:
        return "gave up"
    status = "ok" if node.step is None else node.step.info.status
    if status == "no_such_api":
        return "no such API"
    if node.pruned:
        return "pruned"
    return "" if status == "ok" else "error"


def draw(tree: Tree, *, width: int = 100) -> str:
    """The tree as text, lines cut to a width in columns; what is far down shows its level."""
    won = winning(tree)
    lines: list[str] = []
    seen: set[str] = set()
    for root in tree.roots:
        for branch, node in _branches(root):
            kind = mark_of(node)
            seen.add(kind)
            if len(branch) > width // 2:
                level = f"‹{len(branch) // 2}› "
                branch = level + branch[-max(width // 2 - len(level), 2) :]
            head = f"{branch}{'●' if node.id in won else '○'} "
            end = f" {MARKS[kind]}" if kind else ""
            room = max(width - len(head) - len(end), 8)
            lines.append(head + clip(plain(caption(node)[: 4 * room]), room) + end)
    legend = ["● the path of the answer"] if won else []
    legend += [f"{mark} {kind}" for kind, mark in MARKS.items() if kind in seen]
    return "\n".join([*lines, "", *_packed(legend, width)]).rstrip() + "\n"


def clip(text: str, room: int) -> str:
    """The text cut to so many columns of a terminal; Chinese characters and emoji take two."""
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"


def _packed(parts: list[str], width: int) -> list[str]:
    """The parts in lines, as many in each as go."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += f"   {part}"
        else:
            lines.append(part)
    return lines


def plain(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would act on (� stands there)."""
    return "".join([c if c.isprintable() else " " if c.isspace() else "�" for c in text])


def _branches(root: Node) -> Iterator[tuple[str, Node]]:
    """Every node with the lines that lead to it."""
    stack: list[tuple[str, str, Node]] = [("", "", root)]
    while stack:
        branch, below, node = stack.pop()
        yield branch, node
        last = len(node.children) - 1
        for i in range(last, -1, -1):
            corner, line = ("└─", "  ") if i == last else ("├─", "│ ")
            stack.append((below + corner, below + line, node.children[i]))


def caption(node: Node) -> str:
    """What was done at a node, and what came of it, in one line."""
    if node.parent is None:
        return "task"
    if node.failed is not None:
        return node.failed
    if node.action is None:
        return f"“{node.thought}”" if node.thought else "(empty reply)"
    if node.solved and node.answer:
        return f"{node.action.api}: {node.answer}"
    if node.gave_up:
        return f"{node.action.api}: gave up"
    said = f"{node.action.api}({node.action.arguments})"
    return f"{said} → {node.observation}" if node.step is not None else said
