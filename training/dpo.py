"""Preference pairs: a turn of the winning path against a sibling that led nowhere.

A search tree compares turns for free: both were made at one state, and only one of them led to an
answer. After TP-LLaMA (Chen et al., Advancing Tool-Augmented Large Language Models, NeurIPS 2024),
which pairs the branches of ToolBench's trees step by step. Deviations: the prompt is without the
hint that the later sibling had, since the model will be asked without; a sibling counts as
leading nowhere only if all below it ended, not where nobody looked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..core import API, Action, BadArguments, Message, Node, Policy, Prompt
from ..models import chat
from .annotated import LeftOut, Solved, learnable, misled
from .sft import Row


def dpo_rows(solved: Solved, policy: Policy, *, most: int = 2) -> list[Row]:
    """The pairs of one trial, in trl's conversational preference format.

    ``{"id", "prompt": [..], "chosen": [message], "rejected": [message], "tools"}``; ``tools`` only
    where the policy sends functions along. Roles and calls are OpenAI's.

    Args:
        solved: the trial.
        policy: words it.
        most: pairs at one node, at most.

    Raises:
        LeftOut: the tree has no such siblings.
    """
    winner = solved.winner
    names = frozenset(api.name for api in solved.offered)
    tools = policy.tools(solved.offered, None)
    prompt = Prompt(policy.start(solved.task, solved.offered, solved.observation))
    rows: list[Row] = []
    for number, node in enumerate(winner.path()[1:], 1):
        if node.first and learnable(node, names):
            for k, loser in enumerate(_losers(node, solved)[:most], 1):
                id = f"{solved.id}#{number}.{k}"
                chosen, rejected = said(node, policy), said(loser, policy)
                data = {"id": id, **_pair(prompt, chosen, rejected, tools)}
                rows.append(Row(data, prompt.then(chosen), tools, 1))
        prompt = prompt.then(policy.extend(node))
    if not rows:
        raise LeftOut("no sibling that led nowhere")
    return rows


def called_by_losers(solved: Solved, most: int) -> frozenset[str]:
    """What the rejected turns of a trial's pairs call: a row that says them must offer it."""
    found = (loser for node in solved.winner.path()[1:] for loser in _losers(node, solved)[:most])
    return frozenset(loser.action.api for loser in found if loser.action is not None)


def said(node: Node, policy: Policy) -> Sequence[Message]:
    """The assistant's turn alone, as the model wrote it; empty where it wrote nothing.

    A policy does not repeat a function's name that does not exist, so that a model does not learn
    it from its own history. Here the turn is what is to be refused, so it is worded without what
    came back.
    """
    bare = Node(node.id, None, node.action)
    bare.thought = node.thought
    return list(policy.extend(bare))[:1]


def led_nowhere(node: Node) -> bool:
    """Whether all below a node ended without an answer.

    A leaf that is neither pruned, nor given up, nor an error was left unexplored (the budget or
    another branch ended the search), which says nothing against it.
    """
    for each in node.walk():
        if each.solved:
            return False
        if not each.children and not (each.pruned or each.done or misled(each)):
            return False
    return True


def _losers(node: Node, solved: Solved) -> list[Node]:
    """Siblings that led nowhere and call something else, each call once, in the order made."""
    seen, found = {_call(node)}, []
    for sibling in _siblings(node, solved):
        if sibling.first and sibling.failed is None and led_nowhere(sibling):
            key = _call(sibling)
            if key not in seen and (sibling.action is not None or sibling.thought):
                seen.add(key)
                found.append(sibling)
    return found


def _siblings(node: Node, solved: Solved) -> Iterator[Node]:
    """Other children of its parent; of a root's child, those of the other roots, too."""
    assert node.parent is not None
    parents = [node.parent]
    if node.parent.parent is None:
        parents += [root for root in solved.trial.tree.roots if root is not node.parent]
    for parent in parents:
        yield from (child for child in parent.children if child is not node)


def _call(node: Node) -> tuple[str, str]:
    """What tells a turn from another: the call, however it is spaced and reasoned; or the text."""
    action: Action | None = node.action
    if action is None:
        return "", (node.thought or "").strip()
    try:
        return action.api, json.dumps(action.kwargs(), sort_keys=True)
    except BadArguments:
        return action.api, action.arguments


def _pair(
    prompt: Prompt, chosen: Sequence[Message], rejected: Sequence[Message], tools: Sequence[API]
) -> dict[str, Any]:
    asked = list(prompt)
    data: dict[str, Any] = {
        "prompt": chat.messages(asked),
        "chosen": chat.messages([*asked, *chosen])[len(asked) :],
        "rejected": chat.messages([*asked, *rejected])[len(asked) :],
    }
    if tools:
        data["tools"] = chat.tools(tools)
    return data
