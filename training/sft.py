"""Supervised rows: the successful path of a trial, worded as the model will be asked.

Every word comes from a :class:`~toolgrove.core.Policy`: a row's messages are those that the
policy gives at inference, so what is learnt is what is asked. Hints (what siblings tried) are no
part of a path, so they are no part of a row: the model learns to take the good turn at once.

After ToolLLM (Qin et al., ICLR 2024, section 3.2): the solution path of the search is the data.
Deviations: the model's own mistakes on a path (a function that does not exist, broken arguments,
no call) are kept as history to recover from and are never learnt; ToolBench learns them, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from ..core import API, Message, Policy, Prompt, UsageError
from ..models import chat
from .annotated import LeftOut, Solved, learnable, solution_path

Shape = Literal["toolllama", "chat"]
Per = Literal["turn", "path"]
SHAPES: Final = ("toolllama", "chat")
POLICIES: Final[Mapping[str, str]] = {"toolllama": "toolllama", "chat": "functions"}
_FROM: Final = {"tool": "function"}


class Row(NamedTuple):
    """One instance.

    Attributes:
        data: what is written, in its shape.
        prompt: all its messages, the answers that are learnt included.
        tools: the functions sent along.
        learnt: how many of its turns are learnt.
    """

    data: dict[str, Any]
    prompt: Prompt
    tools: tuple[API, ...]
    learnt: int


def sft_rows(
    solved: Solved,
    policy: Policy,
    *,
    shape: Shape = "toolllama",
    per: Per = "turn",
    recoveries: bool = True,
    max_errors: int | None = None,
) -> list[Row]:
    """The instances of one trial.

    Args:
        solved: the trial.
        policy: words it; ``POLICIES`` names the one that belongs to a shape.
        shape: ``toolllama`` (ToolBench's conversations) or ``chat`` (OpenAI's messages).
        per: ``turn``: one instance for each turn, which is the last message and the only one to be
            learnt. ``path``: one instance, of which all assistant turns are learnt but those with
            ``"weight": 0`` (OpenAI's word for it). Both have the same targets.
        recoveries: as in :func:`.annotated.solution_path`.
        max_errors: as there.

    Raises:
        LeftOut: the trial gives nothing.
        UsageError: the shape cannot hold the policy's messages.
    """
    if shape not in SHAPES:
        raise UsageError(f"no shape {shape!r}; there are: {', '.join(SHAPES)}")
    nodes = solution_path(solved, recoveries=recoveries, max_errors=max_errors)
    names = frozenset(api.name for api in solved.offered)
    tools = policy.tools(solved.offered, None)
    prompt = Prompt(policy.start(solved.task, solved.offered, solved.observation))
    rows: list[Row] = []
    learnt, unlearnt = 0, list[int]()
    for number, node in enumerate(nodes, 1):
        added = list(policy.extend(node))
        good = bool(added) and learnable(node, names)
        asked = prompt.then(added[:1])
        if good:
            learnt += 1
        elif added:
            unlearnt.append(len(prompt))
        if per == "turn" and good:
            data = written(asked, tools, f"{solved.id}#{number}", shape)
            rows.append(Row(data, asked, tools, 1))
        if per == "path" and node is nodes[-1] and learnt:
            data = written(asked, tools, solved.id, shape, unlearnt)
            rows.append(Row(data, asked, tools, learnt))
        prompt = prompt.then(added)
    if not rows:
        raise LeftOut("nothing to learn")
    return rows


def written(
    prompt: Prompt,
    tools: Sequence[API],
    id: str,
    shape: Shape,
    unlearnt: Sequence[int] = (),
) -> dict[str, Any]:
    """A row as it is written.

    Args:
        prompt: its messages.
        tools: the functions sent along.
        id: its name.
        shape: as in :func:`sft_rows`.
        unlearnt: which messages get ``"weight": 0``.

    Raises:
        UsageError: the shape cannot hold the messages.
    """
    messages: list[dict[str, Any]]
    if shape == "toolllama":
        if tools or any(message.calls for message in prompt):
            raise UsageError(
                "the shape toolllama is text and has no place for function calls: give "
                "--policy toolllama (or text), or --shape chat"
            )
        messages = [_said(message) for message in prompt]
        key = "conversations"
    else:
        messages = chat.messages(list(prompt))
        key = "messages"
    for i in unlearnt:
        messages[i]["weight"] = 0
    row: dict[str, Any] = {"id": id, key: messages}
    if tools:
        row["tools"] = chat.tools(tools)
    return row


def _said(message: Message) -> dict[str, Any]:
    role = _FROM.get(message.role, message.role)
    return {"from": role, "value": chat.sendable(message.content or "")}


def content_of(row: Mapping[str, Any]) -> str:
    """A row without its name, as text: equal rows of two trials have one."""
    return json.dumps({k: v for k, v in row.items() if k != "id"}, sort_keys=True)
