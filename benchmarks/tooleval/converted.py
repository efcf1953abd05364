"""ToolEval's converted predictions: made from answer files, read, and turned into trials.

A converted file maps query ids to entries: ``query``, ``available_tools`` and ``answer`` with
``method``, ``total_steps``, ``final_answer`` (Finish's raw arguments) and ``answer_details``, a
chain of ``{role, message, next}``. Upstream's quirks, kept here:

- ``total_steps`` counts the system and the user message too.
- Text beside a call is dropped; text without a call is kept.
- Without an answer, CoT is shown by one try drawn at random, and DFS by a random walk from the root
  to a leaf. Upstream draws from one generator (seed 42) over all files of a folder, in the order
  that the file system lists them, so what it wrote is known only where there was no choice.
- ToolBench cuts every message to 100 characters; StableToolBench keeps them, and writes the user's
  message as "".
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

from ...core import API, FINISH, Action, Task, Tree, UsageError, final_answer
from ...core.finish import finish
from ..answers import export_answer
from ..trial import Key, Trial

Style = Literal["toolbench", "stabletoolbench"]
FinishType = Literal["give_answer", "give_up_and_restart", "none"]

CUT = 100  # characters that ToolBench leaves of a message
LARGEST = 1_000_000  # characters of a message that are parsed; a longer one is kept as text


class Turn(NamedTuple):
    """A call and what came back, or (``name`` is "") a text; ``whole`` is False where it is cut."""

    name: str
    arguments: str
    response: str
    text: str = ""
    whole: bool = True


@dataclass(frozen=True)
class Converted:
    """One entry of a converted file.

    Attributes:
        query_id: its key in the file.
        query: the instruction.
        tools: the functions offered, Finish among them, as they stand in the file.
        method: as ``CoT@1``.
        total_steps: as the file says; the system and the user message count.
        final_answer: Finish's raw arguments; "" where there was no answer.
        finish: what these say, read as strict JSON; ``none`` where they cannot be read so.
        turns: calls and texts, in order.
    """

    query_id: str
    query: str
    tools: tuple[Mapping[str, Any], ...]
    method: str
    total_steps: int
    final_answer: str
    finish: FinishType
    turns: tuple[Turn, ...]

    @property
    def steps(self) -> tuple[Turn, ...]:
        """The calls, texts left out."""
        return tuple(turn for turn in self.turns if turn.name)


def convert(
    answer: Mapping[str, Any],
    method: str,
    *,
    rng: Random | None = None,
    style: Style = "stabletoolbench",
) -> dict[str, Any]:
    """The converted entry of a raw answer file.

    Args:
        answer: the file's JSON.
        method: written as the method; an answer that is not valid needs ``CoT`` or ``DFS`` in it.
        rng: draws where upstream draws; by default new, with upstream's seed, 42. Upstream draws
            once a step, so to follow it over several files hand the same one to each, in order.
        style: how messages are written.

    Raises:
        UsageError: it is no answer file, or its search is of another kind.
    """
    rng = Random(42) if rng is None else rng
    try:
        generation = answer["answer_generation"]
        if generation["valid_data"]:
            turns = _conversation(generation["train_messages"][-1])
            for _ in range(len(turns) + 1):
                rng.choice([0])  # upstream draws each step, of one
        elif "cot" in method.lower():
            turns = _chain(rng.choice(answer["trys"])["chain"])
            for _ in range(len(turns) + 1):
                rng.choice([0])
        elif "dfs" in method.lower():
            rng.choice([0])
            turns = _walk(answer["tree"]["tree"], rng)
        else:
            raise UsageError(f"method {method!r} of an answer that is not valid: CoT or DFS needed")
        first: list[tuple[str, Any]] = [("system", ""), ("user", generation["query"])]
        return {
            "query": generation["query"],
            "available_tools": generation["function"],
            "answer": {
                "method": method,
                "total_steps": len(first) + len(turns),
                "final_answer": generation["final_answer"],
                "answer_details": _details([*first, *turns], style),
            },
        }
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise UsageError(f"not a ToolBench answer that can be converted: {error!r}") from error


def converted_of(
    trials: Sequence[tuple[Task, Trial]],
    *,
    method: str,
    style: Style = "stabletoolbench",
) -> dict[str, dict[str, Any]]:
    """A converted file of a run's trials: each is exported as ToolBench's answer, then converted.

    Args:
        trials: each with its task, at most one of a task.
        method: one name with ``DFS`` or ``CoT`` in it, which also says how the tree is written.
        style: how messages are written.
    """
    kind = "cot" if "cot" in method.lower() else "dfs"
    rng = Random(42)
    out = {}
    for task, trial in trials:
        number = str(task.extra.get("query_id", task.id))
        if number in out:
            raise UsageError(f"task {number!r} has several trials; a converted file holds one")
        raw = export_answer(trial.tree, task, arguments={}, method=kind)
        out[number] = convert(raw, method, rng=rng, style=style)
    return out


def read_converted(path: Path) -> dict[str, Converted]:
    """The entries of a converted file, by query id.

    Raises:
        UsageError: it is missing, torn, or not such a file.
    """
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is torn or not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} is no converted file: a {type(data).__name__}, not an object")
    out = {}
    for number, entry in data.items():
        try:
            out[number] = parse_converted(number, entry)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise UsageError(
                f"{path}, query {number}: no converted answer (query, available_tools, answer): "
                f"{error!r}"
            ) from error
    return out


def parse_converted(query_id: str, entry: Mapping[str, Any]) -> Converted:
    """One entry; KeyError, TypeError or ValueError where it is none."""
    answer = entry["answer"]
    given = answer["final_answer"]
    raw = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    tools = tuple(entry["available_tools"])
    if not all(isinstance(tool, Mapping) and "name" in tool for tool in tools):
        raise ValueError("a tool without a name")
    turns = []
    for role, message in _messages(answer["answer_details"]):
        if role in ("tool", "assistant"):
            turns.append(_turn(role, message))
    steps = int(answer["total_steps"])
    return Converted(
        query_id,
        str(entry["query"]),
        tools,
        str(answer.get("method", "")),
        steps,
        raw,
        finish_type(raw),
        tuple(turns),
    )


def finish_type(final: str) -> FinishType:
    """What a final answer's JSON says it is; ``none`` where it is not JSON."""
    try:
        value = json.loads(final)
    except (ValueError, RecursionError):
        return "none"
    kind = value.get("return_type") if isinstance(value, dict) else None
    return kind if kind in ("give_answer", "give_up_and_restart") else "none"


def as_trial(converted: Converted, suite: str = "converted") -> tuple[Task, Trial]:
    """A task and a trial of an entry, for judges; the tree is its one path, as plain data.

    A final answer that is no call of Finish at all counts as the answer's text. What was cut
    upstream stays cut, but Finish has its whole arguments, which the file keeps.
    """
    raw = converted.final_answer
    status = finish(Action(FINISH, raw)).info.status if raw else "ok"
    text = final_answer(raw) if raw else ""
    plain = bool(raw.strip()) and "return_type" not in raw
    if plain:
        status, text = "answered", raw
    end = {"answered": "answered", "gave_up": "gave_up"}.get(status, "limit")
    apis = tuple(
        API(str(t["name"]), str(t.get("description") or ""), dict(t.get("parameters") or {}))
        for t in converted.tools
        if t["name"] != FINISH
    )
    extra = {"query_id": converted.query_id}
    task = Task(converted.query_id, converted.query, apis, group=suite, extra=extra)
    turns = list(converted.turns)
    if turns and turns[-1].name == FINISH and raw:
        turns.pop()
    nodes: list[dict[str, Any]] = [{"id": "0"}]
    for turn in turns:
        nodes.append(_node(f"{nodes[-1]['id']}.0", turn))
    winner = None
    if raw:
        arguments = raw
        if plain:
            told = {"return_type": "give_answer", "final_answer": raw}
            arguments = json.dumps(told, ensure_ascii=False)
        nodes.append(_node(f"{nodes[-1]['id']}.0", Turn(FINISH, arguments, "")))
        nodes[-1] |= {"status": status}
        if end != "limit":
            nodes[-1]["terminated"] = True
        winner = nodes[-1]["id"] if end == "answered" else None
    tree = Tree.from_json({"winner": winner, "nodes": nodes})
    key = Key(suite, converted.query_id, converted.method or "converted", 0)
    answer = text if end == "answered" else None
    limit = "steps" if end == "limit" else None
    trial = Trial(key, task.digest, 0, end, answer, {}, tree.to_json(), limit=limit)
    return task, trial


def steps_text(entry: Mapping[str, Any]) -> tuple[str, str]:
    """The calls of a converted entry as pass-rate files tell them: all steps, and the last one."""
    lines: list[str] = []
    final = ""
    for role, message in _messages(entry["answer"]["answer_details"]):
        if role == "tool" and message:
            lines.append(f"Step {len(lines) + 1}: {message}")
            final = f"Final step: {message}"
    return "\n".join(lines), final


def _node(name: str, turn: Turn) -> dict[str, Any]:
    if not turn.name:
        return {"id": name, "thought": turn.text}
    step = {"observation": turn.response, "status": "ok", "provenance": "imported", "latency": 0.0}
    return {"id": name, "api": turn.name, "arguments": turn.arguments, **step}


def _messages(details: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """Roles and messages along the first branch, as upstream reads them."""
    out: list[tuple[str, Any]] = []
    following: Sequence[Mapping[str, Any]] = details
    while following:
        node = following[0]
        out.append((str(node["role"]), node["message"]))
        following = node.get("next") or ()
    return out


_NAME = re.compile(r"\{'name': '([^']*)'")
_ARGUMENTS = re.compile(r"'arguments': (?:'|\")(.*)", re.DOTALL)


def _turn(role: str, message: Any) -> Turn:
    """A turn of a message: a dict, the text of one (never evaluated), or a text that was cut."""
    if role == "assistant":
        text = "" if message is None else str(message)
        return Turn("", "", "", text, len(text) != CUT)
    if isinstance(message, str) and len(message) <= LARGEST:
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            message = ast.literal_eval(message)
    if isinstance(message, Mapping):
        parts = (message.get("name"), message.get("arguments"), message.get("response"))
        texts = [p if isinstance(p, str) else "" if p is None else json.dumps(p) for p in parts]
        return Turn(texts[0], texts[1], texts[2])
    text = str(message)
    name, arguments = _NAME.match(text), _ARGUMENTS.search(text)
    head = name[1] if name else text.removeprefix("{'name': '")
    return Turn(head or "?", arguments[1] if arguments else "", "", "", False)


Message = tuple[str, Any]


def _called(name: str, arguments: Any, response: Any) -> Message:
    return "tool", {"name": name, "arguments": arguments, "response": response}


def _conversation(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The turns of a valid answer's last training sample."""
    turns: list[Message] = []
    for i, message in enumerate(messages[2:], 2):
        if message["role"] != "assistant":
            continue
        if call := message.get("function_call"):
            name = call["name"]
            response = "" if name == FINISH else messages[i + 1]["content"]
            turns.append(_called(name, call["arguments"], response))
        elif calls := message.get("tool_calls"):
            for call in calls:
                name, arguments = call["function"]["name"], call["function"]["arguments"]
                if name == FINISH:
                    turns.append(_called(name, arguments, ""))
                    break
                replies = (m for m in messages[i + 1 :] if m.get("tool_call_id") == call["id"])
                if (reply := next(replies, None)) is not None:
                    turns.append(_called(name, arguments, reply["content"]))
        else:
            turns.append(("assistant", message["content"]))
    return turns


def _chain(chain: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The turns of a CoT try. A call without an observation, an error upstream, has "" here."""
    turns: list[Message] = []
    for i, node in enumerate(chain):
        kind = node["node_type"]
        if kind == "Thought":
            turns.append(("assistant", node["description"]))
        elif kind == "Action" and i + 1 < len(chain):
            below = chain[i + 1]
            observed = below.get("observation", "")
            turns.append(_called(node["description"], below["description"], observed))
    return turns


def _walk(root: Mapping[str, Any], rng: Random) -> list[Message]:
    """A random walk through a tree to a leaf, an Action and its Action Input taken as one."""
    turns: list[Message] = []
    following = list(root["children"])
    while following:
        node = rng.choice(following)
        kind, following = node["node_type"], list(node.get("children") or ())
        if kind == "Thought":
            turns.append(("assistant", node["description"]))
            continue
        below = next((n for n in following if n["node_type"] == "Action Input"), None)
        if kind == "Action" and below is not None:
            observed = below.get("observation", "")
            turns.append(_called(node["description"], below["description"], observed))
            following = [n for n in following if n is not below] + list(below["children"])
    return turns


def _details(messages: Sequence[Message], style: Style) -> list[dict[str, Any]]:
    """The nested chain, from its end."""
    chain: list[dict[str, Any]] = []
    for role, message in reversed(messages):
        if style == "toolbench":
            message = "" if role == "system" else str(message)[:CUT]
        elif role in ("system", "user"):
            message = ""
        chain = [{"role": role, "message": message, "next": chain}]
    return chain
