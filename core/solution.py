"""A known solution of a task: its calls in order, and how the answer follows from their results.

Arguments and answers refer to earlier results as plans do (:mod:`.references`): ``#E1.capital``
is a part of the first call's response. Tasks of generated suites carry one in
``extra["solution"]``: graders compute answers with it, simulated models look it up, planners and
environments never see it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .references import resolve
from .values import Action

Operator = Literal["value", "both", "argmax", "argmin", "difference", "sum", "count", "where"]


@dataclass(frozen=True)
class Solution:
    """Calls, and the answer as a formula over their results.

    Attributes:
        steps: function name and arguments of each call.
        operator: ``value`` and ``both`` give what ``of`` refers to; ``argmax`` and ``argmin`` the
            name of the largest and smallest; ``difference`` (absolute) and ``sum`` a number;
            ``count`` how many equal ``equals``; ``where`` the name of the one that does.
        of: references to results.
        names: what stands for each of ``of``; may be references, too.
        equals: for ``count`` and ``where``.
    """

    steps: tuple[tuple[str, Mapping[str, Any]], ...]
    operator: Operator = "value"
    of: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    equals: Any = None

    def call(self, i: int, results: Sequence[str]) -> Action:
        """The i-th call, its references filled in from the results of those before."""
        name, arguments = self.steps[i]
        text = json.dumps(arguments, ensure_ascii=False)
        return resolve(Action(name, text), results)

    def conclude(self, results: Sequence[str]) -> Any:
        """The answer; None where a result does not hold what the formula needs.

        Args:
            results: the observation of each call, in the order of the steps.
        """
        values = [_refer(each, results) for each in self.of]
        names = [_refer(each, results) for each in self.names]
        if not values or any(value is None for value in values):
            return None
        try:
            return self._apply(values, names)
        except (TypeError, ValueError, IndexError):
            return None

    def _apply(self, values: list[Any], names: list[Any]) -> Any:
        match self.operator:
            case "value":
                return values[0]
            case "both":
                return values
            case "argmax":
                return names[values.index(max(values))]
            case "argmin":
                return names[values.index(min(values))]
            case "difference":
                return round(abs(values[0] - values[1]), 6)
            case "sum":
                return round(sum(values), 6)
            case "count":
                return sum(value == self.equals for value in values)
            case "where":
                return names[values.index(self.equals)]

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse of :meth:`from_json`."""
        out: dict[str, Any] = {"steps": [list(step) for step in self.steps]}
        out["operator"], out["of"] = self.operator, list(self.of)
        if self.names:
            out["names"] = list(self.names)
        if self.equals is not None:
            out["equals"] = self.equals
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Solution:
        """Read what :meth:`to_json` wrote."""
        steps = tuple((name, arguments) for name, arguments in data["steps"])
        names = tuple(data.get("names", ()))
        return cls(steps, data["operator"], tuple(data["of"]), names, data.get("equals"))


def _refer(text: str, results: Sequence[str]) -> Any:
    """What a reference refers to; other texts stand for themselves."""
    if not text.startswith("#E"):
        return text
    action = resolve(Action("", json.dumps({"x": text})), results)
    value = json.loads(action.arguments)["x"]
    return None if value == text else value
