"""What a tree says by itself: deterministic metrics of a search, which ask no judge."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from ..core import FINISH, BadArguments, Node, Task, Tree

# Statuses of steps that went as the model wanted; all others are errors.
FINE = frozenset({"ok", "answered", "gave_up"})


@dataclass(frozen=True)
class TreeMetrics:
    """One trial's tree in figures. None where a metric has nothing to be measured on.

    A call is a node with an action other than Finish. The winning path leads from the root to
    the node that the planner answered with; a search that gave up or ran out has none.

    Attributes:
        nodes: all nodes but the roots, as the budget counts them.
        calls: API calls in the whole tree, those that came to nothing included.
        errors: steps that ended in an error, malformed Finish calls included.
        recall: share of the task's relevant APIs that some successful call of the tree used.
        precision: share of the distinct APIs called with success in the tree that are relevant.
        path_recall, path_precision: the same over the winning path alone.
        hallucinated: calls of an API that does not exist: status ``no_such_api``, or a name that
            the task does not offer in a call that did not succeed (an environment may know more
            names than the task offers, and a search may be offered more on its way).
        invalid: calls whose arguments are no JSON object, or which the API refused as such.
        repeated: calls that an earlier call of their own path equals in API and arguments,
            keys of objects in any order; trying again after a failure counts, too.
        repeated_tree: calls that some call before them in the tree (in preorder) equals.
        recovery: share of the errors below which there is a successful call or an answer.
        wasted: share of the calls that are not on the winning path; 1 without one.
        winner_depth: model turns of the winning path.
        max_depth: model turns of the longest path.
        branching: mean number of children, of the nodes that have any.
    """

    nodes: int
    calls: int
    errors: int
    recall: float | None
    precision: float | None
    path_recall: float | None
    path_precision: float | None
    hallucinated: int
    invalid: int
    repeated: int
    repeated_tree: int
    recovery: float | None
    wasted: float | None
    winner_depth: int | None
    max_depth: int
    branching: float | None


@dataclass(frozen=True)
class Average:
    """A mean over trials.

    Attributes:
        value: the mean; None where no trial had the metric.
        n: trials that had it.
        of: trials there were.
    """

    value: float | None
    n: int
    of: int


METRICS = tuple(field.name for field in fields(TreeMetrics))


def measure(tree: Tree, task: Task | None) -> TreeMetrics:
    """The metrics of one tree.

    Args:
        tree: the trial's.
        task: what it was to do; without it recall and precision are None, and a hallucinated
            call is told by its status alone.
    """
    nodes = list(tree.walk())
    calls = [node for node in nodes if is_call(node)]
    winner = tree.find(tree.winner) if tree.winner else None
    path = winner.path() if winner is not None and winner.solved else []
    on_path = {id(node) for node in path}
    relevant = frozenset(task.relevant) if task is not None else frozenset()
    recall, precision = _relevance(calls, relevant)
    path_recall, path_precision = None, None
    if path:
        path_recall, path_precision = _relevance([n for n in path if is_call(n)], relevant)
    offered = frozenset(api.name for api in task.apis) if task is not None else frozenset()
    errors = [n for n in nodes if n.step is not None and n.step.info.status not in FINE]
    recovered = _recovering(nodes)
    inner = [len(node.children) for node in nodes if node.children]
    repeated, repeated_tree = _repeated(tree.roots)
    return TreeMetrics(
        nodes=len(nodes) - len(tree.roots),
        calls=len(calls),
        errors=len(errors),
        recall=recall,
        precision=precision,
        path_recall=path_recall,
        path_precision=path_precision,
        hallucinated=sum(_hallucinated(node, offered) for node in calls),
        invalid=sum(_invalid(node) for node in calls),
        repeated=repeated,
        repeated_tree=repeated_tree,
        recovery=_share(sum(id(node) in recovered for node in errors), len(errors)),
        wasted=_share(sum(id(node) not in on_path for node in calls), len(calls)),
        winner_depth=path[-1].depth if path else None,
        max_depth=max(node.depth for node in nodes),
        branching=_share(sum(inner), len(inner)),
    )


def average(measured: Sequence[TreeMetrics]) -> dict[str, Average]:
    """The mean of each metric over the trials that have it; the order of trials is nothing."""
    found = {}
    for name in METRICS:
        values = [v for one in measured if (v := getattr(one, name)) is not None]
        mean = math.fsum(values) / len(values) if values else None
        found[name] = Average(mean, len(values), len(measured))
    return found


def is_call(node: Node) -> bool:
    """Whether the node is a call of an API: Finish is none."""
    return node.action is not None and node.action.api != FINISH


def status_of(node: Node) -> str:
    """How a call ended; "" where nothing came back."""
    return "" if node.step is None else node.step.info.status


def canonical(arguments: str) -> str:
    """Arguments in a form that is equal for equal ones: JSON with sorted keys, or the text."""
    try:
        return json.dumps(json.loads(arguments or "{}", strict=False), sort_keys=True)
    except (ValueError, RecursionError):
        return " ".join(arguments.split())


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _relevance(
    calls: Iterable[Node], relevant: frozenset[str]
) -> tuple[float | None, float | None]:
    """Recall and precision of the distinct APIs that were called with success."""
    if not relevant:
        return None, None
    used = {n.action.api for n in calls if n.action is not None and status_of(n) == "ok"}
    hit = len(used & relevant)
    return hit / len(relevant), _share(hit, len(used))


def _hallucinated(node: Node, offered: frozenset[str]) -> bool:
    assert node.action is not None
    status = status_of(node)
    unknown = bool(offered) and node.action.api not in offered
    return status == "no_such_api" or (unknown and status != "ok")


def _invalid(node: Node) -> bool:
    assert node.action is not None
    if status_of(node) == "bad_arguments":
        return True
    try:
        node.action.kwargs()
    except BadArguments:
        return True
    return False


def _repeated(roots: Sequence[Node]) -> tuple[int, int]:
    """Calls that equal one above them, and calls that equal one before them in preorder."""
    on_path = in_tree = 0
    seen: set[tuple[str, str]] = set()
    above: Counter[tuple[str, str]] = Counter()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, leaving = stack.pop()
        call = None
        if is_call(node) and node.action is not None:
            call = (node.action.api, canonical(node.action.arguments))
        if leaving:
            above.subtract([call] if call else [])
            continue
        if call:
            on_path += above[call] > 0
            in_tree += call in seen
            seen.add(call)
            above[call] += 1
        stack.append((node, True))
        stack.extend((child, False) for child in reversed(node.children))
    return on_path, in_tree


def _recovering(nodes: Sequence[Node]) -> set[int]:
    """The nodes (by ``id``) below which there is a successful call or an answer."""
    found: set[int] = set()
    for node in reversed(nodes):  # in preorder children stand behind their parents
        good = status_of(node) == "ok" or node.solved
        if node.parent is not None and (good or id(node) in found):
            found.add(id(node.parent))
    return found
