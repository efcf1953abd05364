"""Trees for the terminal: one line a step, the winning path marked."""

from __future__ import annotations

from collections.abc import Iterator

from ..core import Node, Tree

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
    """The tree as text, lines cut to a width; control characters are shown, not obeyed."""
    winner = tree.find(tree.winner) if tree.winner else None
    winning = {node.id for node in winner.path()} if winner is not None else set()
    lines: list[str] = []
    seen: set[str] = set()
    for root in tree.roots:
        for branch, node in _branches(root):
            kind = mark_of(node)
            seen.add(kind)
            head = f"{branch}{'●' if node.id in winning else '○'} "
            end = f" {MARKS[kind]}" if kind else ""
            text = plain(_caption(node))
            room = max(width - len(head) - len(end), 8)
            lines.append(head + (text if len(text) <= room else text[: room - 1] + "…") + end)
    legend = "   ".join(f"{mark} {kind}" for kind, mark in MARKS.items() if kind in seen)
    path = "● the path of the answer   " if winning else ""
    return "\n".join([*lines, "", (path + legend).rstrip()]).rstrip() + "\n"


def plain(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would act on."""
    return "".join(c if c.isprintable() else " " for c in text)


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


def _caption(node: Node) -> str:
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
