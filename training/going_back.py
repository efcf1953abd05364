"""Rows from beside the path: where a branch gave up, and how the search went on after it.

A model that learnt from successful paths alone never gives up, so a search by it has nothing to
come back from; and it never saw what a search says of earlier attempts. ToolBench counts paths
that gave up as data, too. Deviations: of a branch that gave up only the giving up is learnt, not
the turns that led there; and a turn that had a hint is learnt with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from ..core import Node, Policy, Prompt, Siblings
from .annotated import Solved, learnable
from .sft import Per, Row, Shape, written


class Turn(NamedTuple):
    """A turn to learn, and the attempts that its hint told of."""

    name: str
    node: Node
    tried: tuple[Node, ...]


def going_back_rows(
    solved: Solved,
    policy: Policy,
    *,
    shape: Shape = "toolllama",
    per: Per = "turn",
    most: int = 2,
) -> list[Row]:
    """Rows of one trial of which the last turn is learnt; none where the search never went back.

    Their ids end in ``#up1`` (a give-up) and ``#on1`` (a turn of the solution path that was taken
    with a hint on what had been tried there). Each row asks what the model was asked.

    Args:
        solved: the trial.
        policy: words it.
        shape: as of :func:`.sft.sft_rows`.
        per: as there; rows per path say ``"weight": 0`` of all turns but the last.
        most: rows of each kind.
    """
    tools = policy.tools(solved.offered, None)
    start = Prompt(policy.start(solved.task, solved.offered, solved.observation))
    rows: list[Row] = []
    for name, node, tried in turns_beside(solved, most):
        prompt = start
        before = node.path()[:-1]
        for each in before[1:]:
            prompt = prompt.then(policy.extend(each))
        if tried:
            prompt = prompt.then(policy.hint(Siblings(tried), before[-1]))
        said = [i for i, message in enumerate(prompt) if message.role == "assistant"]
        prompt = prompt.then(policy.extend(node)[:1])
        unlearnt = said if per == "path" else ()
        data = written(prompt, tools, f"{solved.id}#{name}", shape, unlearnt)
        rows.append(Row(data, prompt, tools, 1))
    return rows


def turns_beside(solved: Solved, most: int) -> list[Turn]:
    """The turns of a trial that such rows learn, at most so many of each kind."""
    names = frozenset(api.name for api in solved.offered)
    found: list[Turn] = []
    kinds: dict[str, Iterator[Node]] = {
        "up": (node for node in solved.trial.tree.walk() if node.gave_up),
        "on": (node for node in solved.winner.path() if _tried(node)),
    }
    for kind, nodes in kinds.items():
        good = (node for node in nodes if learnable(node, names))
        found += [
            Turn(f"{kind}{number}", node, _tried(node))
            for number, node in enumerate(islice(good, most), 1)
        ]
    return found


def called_beside(solved: Solved, most: int) -> frozenset[str]:
    """What the rows of these turns call: they must offer it."""
    turns = turns_beside(solved, most)
    nodes = [node for turn in turns for node in (*turn.node.path(), *turn.tried)]
    return frozenset(node.action.api for node in nodes if node.action is not None)


def _tried(node: Node) -> tuple[Node, ...]:
    """The siblings that the node's hint told of."""
    if node.parent is None or node.reply is None or node.reply.hint is None:
        return ()
    hint = node.reply.hint.to_json()
    told = hint["nodes"].split("+") if hint["kind"] == "siblings" else ()
    return tuple(child for child in node.parent.children if child.id in told)
