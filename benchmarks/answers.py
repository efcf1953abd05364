"""ToolBench's answer files, written: any trial's tree in its JSON.

Fields of the original that no search sets are constant here, as in the released files: ``Elo``
(as the imported file has it, else 1000.0), ``is_terminal`` false, ``chain`` []. ``train_messages``
differ from ToolBench's in two ways (docs/toolbench.md): a diversity message stands only right
before the reply that it led to, and no sample is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core import API, CODES, Message, Node, Siblings, Task, Tree
from ..core.finish import API_DOC
from ..models import FunctionPolicy


def export_answer(
    tree: Tree,
    task: Task,
    *,
    arguments: Mapping[str, Any],
    method: str = "dfs",
    calls: float = 0,
    tokens: float = 0,
) -> dict[str, Any]:
    """A trial as ToolBench would have written it.

    Args:
        tree: the trial's tree.
        task: its task.
        arguments: what to write as ``forward_args``.
        method: ``dfs`` writes the tree; ``cot`` writes each path from the root as a try.
        calls: completions sampled.
        tokens: tokens spent.
    """
    kept = task.extra.get("answer")  # of an imported file; a task of one's own may say anything
    kept = kept if isinstance(kept, Mapping) and "forward_args" in kept else {}
    shape: Mapping[str, Any] = kept.get("format", {})
    drawn = _Drawing(tree, shape, finished=method == "dfs")
    winner = tree.find(tree.winner) if tree.winner else None
    ordered = tree.root.visited is not None  # then an answer that was never visited is none
    answers = [
        n for n in tree.walk() if n.solved and not n.pruned and not (ordered and n.visited is None)
    ]
    answers.sort(key=lambda n: n.visited or 0)
    generation: dict[str, Any] = {
        "valid_data": winner is not None and (winner.solved or method == "dfs"),
        "query_count": int(calls),
        "total_tokens": int(tokens),
        "final_answer": "",
        "finish_type": "give_answer",
        "function": kept.get("function") or _functions(task.apis),
        "chain": [],
        "train_messages": [],
        "query": task.instruction,
    }
    if winner is not None and not winner.solved:
        generation["finish_type"] = "give_up"
    if generation["valid_data"] and winner is not None and winner.action is not None:
        generation["final_answer"] = winner.action.arguments
        generation["train_messages"] = train_messages(tree, winner, task)
    order = shape.get("keys") or list(generation)
    generation = {key: generation[key] for key in order if key in generation}
    ends = {
        "compare_candidates": [drawn.chain(node) for node in answers],
        "answer_generation": generation,
    }
    if method == "dfs":
        sizes = {"size": drawn.size, "max_length": drawn.longest, "tree": drawn.root}
        return {"win": bool(answers), "tree": sizes, "forward_args": dict(arguments), **ends}
    tries, won = [], False
    for first in tree.root.children:
        last = first
        while last.children:
            last = last.children[0]
        tries.append({"chain": drawn.chain(last), "win": won})  # upstream writes it a try late
        won = won or last.solved
    head = {"win": bool(answers), "try_count": len(tries), "trys": tries}
    compared = {"compare_candidates": ends["compare_candidates"], "forward_args": dict(arguments)}
    return {**head, **compared, "answer_generation": generation}


def train_messages(tree: Tree, winner: Node, task: Task) -> list[list[dict[str, Any]]]:
    """One sample a turn of the winning path: what the model was sent, and what it replied."""
    policy = FunctionPolicy("toolbench")
    history = list(policy.start(task, task.apis, ""))
    samples = []
    for node in winner.path()[1:]:
        if not node.first:
            history.extend(policy.extend(node))
            continue
        added = policy.extend(node)
        if not added:
            continue
        hinted = (
            policy.hint(hint, node.parent) if (hint := _hint(tree, node)) and node.parent else []
        )
        sample = [_plain(m) for m in history]
        sample += [{**_plain(m), "valid": False} for m in hinted]
        samples.append([*sample, _plain(added[0])])
        history.extend(added)
    return samples


def _hint(tree: Tree, node: Node) -> Siblings | None:
    hint = None if node.reply is None else node.reply.hint
    if hint is None or isinstance(hint, Siblings):
        return hint
    data = hint.to_json()
    if data.get("kind") != "siblings":
        return None
    names = str(data["nodes"]).split("+")
    found = [n for name in names if (n := tree.find(name)) is not None]
    return Siblings(tuple(found))


def _plain(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "function", "name": message.name, "content": message.content}
    out: dict[str, Any] = {"role": message.role, "content": message.content}
    for name, arguments in message.calls:
        out["function_call"] = {"name": name, "arguments": arguments}
    return out


def _functions(apis: Sequence[API]) -> list[dict[str, Any]]:
    return [
        {"name": a.name, "description": a.description, "parameters": dict(a.parameters)}
        for a in (*apis, API_DOC)
    ]


class _Drawing:
    """Our nodes as ToolBench's: a Thought, an Action and an Action Input for each turn."""

    def __init__(self, tree: Tree, shape: Mapping[str, Any], *, finished: bool) -> None:
        self.matching_time = bool(shape.get("matching_time"))
        self.elo = shape.get("elo", 1000.0)
        self.size, self.longest = 1, 1
        self.ends: dict[str, list[dict[str, Any]]] = {}
        self.root = self._node("Action Input", "", 0)
        self.root["expand_num"] = tree.root.visited or 0
        self.ends[tree.root.id] = [self.root]
        for node in tree.root.walk():
            if node.parent is not None:
                self._draw(node, self.ends[node.parent.id])
        for node in tree.root.walk():
            answered = node.step is not None and node.step.info.status == "answered"
            if finished and answered:
                _mark_finished(self.ends[node.id])

    def chain(self, node: Node) -> list[dict[str, Any]]:
        """The path to a node, the root left out, without children."""
        return [{k: v for k, v in n.items() if k != "children"} for n in self.ends[node.id][1:]]

    def _draw(self, node: Node, path: list[dict[str, Any]]) -> None:
        path = list(path)
        parts: list[tuple[str, str]] = []
        if node.failed is not None:
            parts.append(("Thought", node.failed))
        elif node.thought is not None:
            parts.append(("Thought", node.thought))
        if node.action is not None:
            parts += [("Action", node.action.api), ("Action Input", node.action.arguments)]
        for kind, text in parts:
            made = self._node(kind, text, len(path))
            path[-1]["children"].append(made)
            path[-1]["child_count"] += 1
            path.append(made)
        self.size += len(parts)
        self.longest = max(self.longest, len(path))
        self.ends[node.id] = path
        if not parts:
            return
        end = path[-1]
        end["pruned"], end["expand_num"] = node.pruned, node.visited or 0
        if node.failed is not None:
            end["observation_code"] = -1
        elif node.step is not None:
            if node.step.observation:
                end["observation"] = node.step.observation
            detail = node.step.info.detail or {}
            end["observation_code"] = detail.get("code", CODES[node.step.info.status])
        path[-1] = _ordered(end)
        path[-2]["children"][-1] = path[-1]

    def _node(self, kind: str, text: str, depth: int) -> dict[str, Any]:
        node: dict[str, Any] = {
            "is_terminal": False,
            "pruned": False,
            "finished": False,
            "depth": depth,
            "node_type": kind,
            "description": text,
            "Elo": self.elo,
        }
        if self.matching_time:
            node["matching_time"] = 0
        node |= {"child_count": 0, "expand_num": 0}
        if kind == "Action Input":
            node["io_state"] = {}
        return {**node, "children": []}


_ORDER = ("observation", "observation_code", "child_count", "expand_num", "io_state", "children")


def _ordered(node: dict[str, Any]) -> dict[str, Any]:
    head = {k: v for k, v in node.items() if k not in _ORDER}
    return head | {k: node[k] for k in _ORDER if k in node}


def _mark_finished(path: list[dict[str, Any]]) -> None:
    """An answer marks itself and what is above it, up to the third Action Input."""
    inputs = 0
    for node in reversed(path):
        node["finished"] = True
        inputs += node["node_type"] == "Action Input"
        if inputs == 3:
            break
