"""The cost terms of ToolChain*, from what samples agree on, a memory of plans, and a score.

Zhuang et al., ToolChain*: Efficient Action Space Navigation in Large Language Models with A*
Search, ICLR 2024 (section 3). All terms are between 0 and 1; 1 says that a step is good:

- a turn costs ``(1 - lcs)^alpha * (1 - share)^(1 - alpha)``. ``lcs`` is the longest common
  subsequence of the path's APIs and a plan, over the shorter's length, the best of all plans;
  ``share`` the part of the samples at a node that made these same calls.
- what is to come costs ``(1 - place)^beta * (1 - value)^(1 - beta)``. ``place`` is where the last
  API stands in the plans that use it, on average (1 is last); ``value`` the part of the way that is
  done, by the evaluator. In the paper the model imagines the rest of the plan, and the steps made
  are divided by all.

Deviations: the memory is a file that no search changes: one that grew would make a trial depend on
those before it. An API in no plan has ``place`` 0, where the paper takes the likest one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..core import Node, Reply, UsageError

Plans = Sequence[Sequence[str]]


def read_plans(path: Path) -> Plans:
    """Plans that worked: a JSON file, a list of lists of function names.

    Raises:
        UsageError: it is something else.
    """
    try:
        plans = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"memory={path}: cannot be read: {error}") from error
    if isinstance(plans, list) and all(isinstance(plan, list) and plan for plan in plans):
        return [[str(name) for name in plan] for plan in plans]
    raise UsageError(f"memory={path}: expected a JSON list of lists of function names")


def agreement(replies: Sequence[Reply]) -> list[tuple[Reply, float]]:
    """The replies that differ in their calls, in order, each with its share of the samples."""
    calls = [tuple((a.api, a.arguments) for a in r.actions) or r.thought for r in replies]
    first = dict(zip(reversed(calls), reversed(replies), strict=True))
    return [(first[each], count / len(replies)) for each, count in Counter(calls).items()]


def turn_cost(child: Node, share: float, plans: Plans, alpha: float) -> float:
    """What the turn that led to a node costs."""
    lcs = 0.0
    if plans:
        path = [node.action.api for node in child.path() if node.action]
        lcs = max(common(path, plan) / (min(len(path), len(plan)) or 1) for plan in plans)
    return float((1 - lcs) ** alpha * (1 - share) ** (1 - alpha))


def rest_cost(child: Node, plans: Plans, beta: float) -> float:
    """What is to come after a node, which the evaluator has scored."""
    api = child.action.api if child.action else ""
    found = [(len(p) - p[::-1].index(api)) / len(p) for p in plans if api in p]
    place = sum(found) / len(found) if found else 0.0
    value = min(1.0, max(0.0, child.value))
    return float((1 - place) ** beta * (1 - value) ** (1 - beta))


def common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        above = 0
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], above + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]
