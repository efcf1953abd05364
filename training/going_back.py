"""Rows from beside the path: where a branch gave up, and how the search went on after it.

A model that learnt from successful paths alone never gives up, so a search by it has nothing to
come back from; and it never saw what a search says of earlier attempts. ToolBench learns paths
that gave up, too (ToolLLM, section 3.2, keeps both), and no turn together with its hint.
Deviation: of a branch that gave up only the giving up is learnt, not the turns that led there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core import Message, Node, Policy, Prompt, Siblings
from .annotated import Solved, learnable
from .sft import Per, Row, Shape, written


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
    after others had been tried there, with the hint that the model was given).

    Args:
        solved: the trial.
        policy: words it.
        shape: as of :func:`.sft.sft_rows`.
        per: as there; rows per path say ``"weight": 0`` of all turns but the last.
        most: rows of each kind.
    """
    names = frozenset(api.name for api in solved.offered)
    tools = policy.tools(solved.offered, None)
    start = Prompt(policy.start(solved.task, solved.offered, solved.observation))
    rows: list[Row] = []
    for kind, nodes in (("up", _give_ups(solved)), ("on", _turns_after_others(solved))):
        kept = [node for node in nodes if learnable(node, names)][:most]
        for number, node in enumerate(kept, 1):
            prompt = start
            for before in node.path()[1:-1]:
                prompt = prompt.then(policy.extend(before))
            if kind == "on" and node.parent is not None:
                prompt = prompt.then(policy.hint(Siblings(_earlier(node)), node.parent))
            turn: list[Message] = list(policy.extend(node))[:1]
            said = [i for i, message in enumerate(prompt) if message.role == "assistant"]
            prompt = prompt.then(turn)
            unlearnt = said if per == "path" else ()
            data = written(prompt, tools, f"{solved.id}#{kind}{number}", shape, unlearnt)
            rows.append(Row(data, prompt, tools, 1))
    return rows


def called_beside(solved: Solved) -> frozenset[str]:
    """What the branches of a trial call that gave up, or were tried before the path's turns."""
    nodes = [node for leaf in _give_ups(solved) for node in leaf.path()]
    nodes += [other for node in _turns_after_others(solved) for other in _earlier(node)]
    return frozenset(node.action.api for node in nodes if node.action is not None)


def _give_ups(solved: Solved) -> Iterator[Node]:
    return (node for node in solved.trial.tree.walk() if node.gave_up)


def _turns_after_others(solved: Solved) -> Iterator[Node]:
    return (node for node in solved.winner.path()[1:] if node.first and _earlier(node))


def _earlier(node: Node) -> tuple[Node, ...]:
    """Its siblings that were tried before it."""
    siblings = node.parent.children if node.parent is not None else []
    return tuple(siblings[: siblings.index(node)]) if node in siblings else ()
