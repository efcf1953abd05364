"""The tree: nodes of one search, named by their child-index paths."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from .prompt import Prompt
from .values import Action, Reply, Step, StepInfo


class Node:
    """A state in the search: the path of actions and steps from the root.

    Attributes:
        id: child-index path (``0.2.1``); reserved before the effect runs, so that timing
            never changes a name.
        action: the call that led here; None at the root and for a reply without a call.
        step: what came back; None while in flight, at the root, and without a call.
        thought: the text the model wrote beside the call.
        depth: model turns from the root; parallel calls of one reply are one turn.
        value, visits: for planners that score.
        pruned: the planner will not go on below.
        visited: order in which the planner entered the node, where it keeps one.
        failed: text of the model failure that this node stands for, if it does.
        first: the node opens a reply (False for the later calls of a parallel reply).
        reply: the sampled reply it comes from, tokens and hint included.
    """

    __slots__ = (
        "id",
        "parent",
        "children",
        "action",
        "step",
        "thought",
        "depth",
        "value",
        "visits",
        "pruned",
        "visited",
        "failed",
        "first",
        "reply",
        "prompt",
    )

    def __init__(self, id: str, parent: Node | None = None, action: Action | None = None) -> None:
        self.id = id
        self.parent = parent
        self.children: list[Node] = []
        self.action = action
        self.step: Step | None = None
        self.thought: str | None = None
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.value = 0.0
        self.visits = 0
        self.pruned = False
        self.visited: int | None = None
        self.failed: str | None = None
        self.first = True
        self.reply: Reply | None = None
        self.prompt: Prompt | None = None

    @property
    def done(self) -> bool:
        """The path ended here: answered, given up, or ended by the environment."""
        step = self.step
        return step is not None and (step.terminated or step.truncated)

    @property
    def solved(self) -> bool:
        """The path ended with an answer (whether it is right is for a judge to say)."""
        step = self.step
        if step is None or not step.terminated:
            return False
        status = step.info.status
        return status == "answered" or (step.reward >= 1.0 and status != "gave_up")

    @property
    def gave_up(self) -> bool:
        """The path ended by the model giving up."""
        return self.step is not None and self.step.info.status == "gave_up"

    @property
    def observation(self) -> str:
        """What came back, or "" where nothing did."""
        return "" if self.step is None else self.step.observation

    @property
    def answer(self) -> str | None:
        """The final answer as text, for a solved node; None otherwise."""
        if not self.solved or self.action is None:
            return None
        return final_answer(self.action.arguments) or self.observation

    def path(self) -> list[Node]:
        """Nodes from the root to this one, both included."""
        out: list[Node] = []
        node: Node | None = self
        while node is not None:
            out.append(node)
            node = node.parent
        out.reverse()
        return out

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in preorder."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def __repr__(self) -> str:
        call = "" if self.action is None else f" {self.action.api}"
        status = "" if self.step is None else f" {self.step.info.status}"
        return f"<Node {self.id}{call}{status}>"


class Tree:
    """All the nodes of one trial: the main root, and those of ``Session.fresh``."""

    def __init__(self, roots: list[Node], winner: str | None = None) -> None:
        self.roots, self.winner = roots, winner

    @property
    def root(self) -> Node:
        """The main search's root."""
        return self.roots[0]

    def walk(self) -> Iterator[Node]:
        """Every node, root by root, in preorder."""
        for root in self.roots:
            yield from root.walk()

    def find(self, id: str) -> Node | None:
        """The node of that id, if there is one."""
        return next((node for node in self.walk() if node.id == id), None)

    def to_json(self) -> dict[str, Any]:
        """Plain data: a flat list of nodes in preorder, parents told by their ids."""
        return {"winner": self.winner, "nodes": [node_to_json(n) for n in self.walk()]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tree:
        """Read what :meth:`to_json` wrote."""
        nodes: dict[str, Node] = {}
        roots: list[Node] = []
        for record in data["nodes"]:
            head, _, index = record["id"].rpartition(".")
            parent = nodes.get(head) if index.isdigit() else None
            node = node_from_json(record, parent)
            nodes[node.id] = node
            (roots if parent is None else parent.children).append(node)
        return cls(roots, data.get("winner"))

    def to_networkx(self) -> Any:
        """The tree as a ``networkx.DiGraph`` (extra ``report``).

        Its nodes are ids, with these attributes: ``kind`` (as in :mod:`.shapes`), ``depth``,
        ``winning``, ``thought``, ``api``, ``arguments``, ``observation``, ``status``,
        ``provenance``, ``latency`` (seconds), ``tokens``, ``usd``, ``value``, ``visits``,
        ``pruned``; None where a node has none. An edge has the ``api`` that was called. The
        graph's ``winner`` is the id of the node that answers.

        Raises:
            ModuleNotFoundError: networkx is not installed.
        """
        from .shapes import kind_of, winning

        networkx = importlib.import_module("networkx")
        graph = networkx.DiGraph(winner=self.winner)
        won = winning(self)
        for node in self.walk():
            action, step, reply = node.action, node.step, node.reply
            graph.add_node(
                node.id,
                kind=kind_of(node),
                depth=node.depth,
                winning=node.id in won,
                thought=node.thought,
                api=action and action.api,
                arguments=action and action.arguments,
                observation=step and step.observation,
                status=step and step.info.status,
                provenance=step and step.info.provenance,
                latency=step and step.info.latency,
                tokens=reply.tokens if reply and node.first else None,
                usd=reply.usd if reply and node.first else None,
                value=node.value,
                visits=node.visits,
                pruned=node.pruned,
            )
            if node.parent is not None:
                graph.add_edge(node.parent.id, node.id, api=action and action.api)
        return graph

    def _repr_svg_(self) -> str:
        """The picture that a notebook shows."""
        from .svg import svg

        return svg(self)

    def _repr_html_(self) -> str:
        """The same, in a box that scrolls."""
        return f'<div style="overflow:auto;max-height:36em">{self._repr_svg_()}</div>'

    def shape(self) -> list[tuple[Any, ...]]:
        """What two equal searches agree on, node by node: all but latencies."""
        return [
            (n.id, n.action, n.thought, n.pruned, n.value, n.visits, n.visited, n.failed)
            + (None if n.step is None else (*n.step[:4], n.step.info.status),)
            for n in self.walk()
        ]


def node_to_json(node: Node) -> dict[str, Any]:
    """One node as plain data, defaults left out."""
    out: dict[str, Any] = {"id": node.id}
    if node.action is not None:
        out["api"], out["arguments"] = node.action.api, node.action.arguments
        if node.action.occurrence:
            out["occurrence"] = node.action.occurrence
    if node.thought is not None:
        out["thought"] = node.thought
    if node.step is not None:
        observation, reward, terminated, truncated, info = node.step
        out["observation"], out["status"] = observation, info.status
        out["provenance"], out["latency"] = info.provenance, round(info.latency, 6)
        if info.detail:
            out["detail"] = dict(info.detail)
        for key, value in (("terminated", terminated), ("truncated", truncated)):
            if value:
                out[key] = value
        if reward:
            out["reward"] = reward
    for key, default in (("value", 0.0), ("visits", 0), ("pruned", False), ("first", True)):
        if (got := getattr(node, key)) != default:
            out[key] = got
    for key in ("visited", "failed"):
        if (got := getattr(node, key)) is not None:
            out[key] = got
    if (reply := node.reply) is not None and node.first:
        out["tokens"] = reply.tokens
        if reply.usd:
            out["usd"] = reply.usd
        if reply.thinking is not None:
            out["thinking"] = reply.thinking
        if reply.logprob is not None:
            out["logprob"] = reply.logprob
        if reply.hint is not None:
            out["hint"] = reply.hint.to_json()
    return out


def node_from_json(record: Mapping[str, Any], parent: Node | None) -> Node:
    """The inverse of :func:`node_to_json` (a reply's hint stays plain data)."""
    action = None
    if "api" in record:
        action = Action(
            record["api"],
            record["arguments"],
            record.get("thought"),
            record.get("occurrence", 0),
            record["id"],
        )
    node = Node(record["id"], parent, action)
    node.thought = record.get("thought")
    if "observation" in record:
        info = StepInfo(
            record["status"], record["provenance"], record["latency"], record.get("detail")
        )
        node.step = Step(
            record["observation"],
            record.get("reward", 0.0),
            record.get("terminated", False),
            record.get("truncated", False),
            info,
        )
    for key in ("value", "visits", "pruned", "visited", "failed", "first"):
        if key in record:
            setattr(node, key, record[key])
    if not node.first and parent is not None:
        node.depth = parent.depth
    if "tokens" in record:
        node.reply = Reply(
            node.thought,
            () if action is None else (action,),
            record["tokens"],
            record.get("usd", 0.0),
            record.get("thinking"),
            record.get("logprob"),
            RecordedHint(record["hint"]) if "hint" in record else None,
        )
    return node


class RecordedHint:
    """A hint read back from a file: data only."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """The data as it was read."""
        return dict(self.data)


def final_answer(arguments: str) -> str:
    """The text of a Finish call's ``final_answer``; "" where there is none.

    Broken JSON is read leniently, as ToolBench does: what stands after the key is taken.
    """
    try:
        value = json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        _, found, rest = arguments.partition('"final_answer": "')
        return rest.rstrip().removesuffix("}").rstrip().removesuffix('"') if found else ""
    answer = value.get("final_answer", "") if isinstance(value, dict) else ""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
