"""Steps and tasks as JSON: what the server writes and its client reads, and the other way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, get_args

from ...core import API, Provenance, Status, Step, StepInfo, Task, Turn

STATUSES: Final[frozenset[str]] = frozenset(get_args(Status))
PROVENANCES: Final[frozenset[str]] = frozenset(get_args(Provenance))


def step_to_json(step: Step, refused: str | None = None) -> dict[str, Any]:
    """A step as plain data; the inverse of :func:`step_from_json`.

    Args:
        step: what the environment returned.
        refused: the text of the ToolError that the step stands for, where it was raised.
    """
    status, provenance, latency, detail = step.info
    return {
        "observation": step.observation,
        "reward": step.reward if math.isfinite(step.reward) else 0.0,
        "terminated": bool(step.terminated),
        "truncated": bool(step.truncated),
        "info": {
            "status": status,
            "provenance": provenance,
            "latency": latency if math.isfinite(latency) else 0.0,
            "detail": None if detail is None else dict(detail),
        },
        "refused": refused,
    }


def step_from_json(data: Mapping[str, Any]) -> tuple[Step, str | None]:
    """The step, and the text of the ToolError that it stands for.

    Raises:
        ValueError: it is none; the text says what is wrong.
    """
    try:
        info = data["info"]
        status, provenance, detail = info["status"], info["provenance"], info["detail"]
        text, refused = data["observation"], data.get("refused")
        if status not in STATUSES or provenance not in PROVENANCES:
            raise ValueError(f"status {status!r}, provenance {provenance!r}")
        if not isinstance(text, str) or not isinstance(refused, str | None):
            raise ValueError("the observation is no text")
        if not isinstance(detail, dict | None):
            raise ValueError("the detail is no object")
        made = StepInfo(status, provenance, float(info["latency"]), detail)
        ends = data["terminated"] is True, data["truncated"] is True
        return Step(text, float(data["reward"]), *ends, made), refused
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no step: {type(error).__name__}: {error}") from error


def task_to_json(task: Task) -> dict[str, Any]:
    """A task as plain data, its recording included."""
    return {
        "id": task.id,
        "instruction": task.instruction,
        "apis": [api.to_json() for api in task.apis],
        "relevant": list(task.relevant),
        "answer": task.answer,
        "group": task.group,
        "recording": None if task.recording is None else _turn_to_json(task.recording),
        "extra": dict(task.extra),
    }


def task_from_json(data: Mapping[str, Any]) -> Task:
    """Read what :func:`task_to_json` wrote; absent fields take their defaults.

    Raises:
        ValueError: a part of it is of the wrong kind.
    """
    try:
        recording = data.get("recording")
        return Task(
            id=data.get("id", "served"),
            instruction=data.get("instruction", ""),
            apis=tuple(API.from_json(api) for api in data.get("apis", ())),
            relevant=tuple(data.get("relevant", ())),
            answer=data.get("answer"),
            group=data.get("group", ""),
            recording=None if recording is None else _turn_from_json(recording),
            extra=data.get("extra", {}),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no task: {type(error).__name__}: {error}") from error


def _turn_to_json(turn: Turn) -> dict[str, Any]:
    """A recorded turn, and those that followed it; defaults are left out."""
    out: dict[str, Any] = {}
    for key, default in _TURN.items():
        if (value := getattr(turn, key)) != default:
            out[key] = value
    if turn.turns:
        out["turns"] = [_turn_to_json(below) for below in turn.turns]
    return out


_TURN: Final[dict[str, Any]] = {
    "thought": None,
    "api": None,
    "arguments": "",
    "observation": "",
    "status": "ok",
    "tokens": 0,
}


def _turn_from_json(data: Mapping[str, Any]) -> Turn:
    values = {key: data.get(key, default) for key, default in _TURN.items()}
    if values["status"] not in STATUSES:
        raise ValueError(f"no status {values['status']!r}")
    if not isinstance(values["tokens"], int):
        raise ValueError("the tokens of a turn are a number")
    for key in ("arguments", "observation"):
        if not isinstance(values[key], str):
            raise ValueError(f"the {key} of a turn are a text")
    for key in ("thought", "api"):
        if not isinstance(values[key], str | None):
            raise ValueError(f"the {key} of a turn is a text")
    below = data.get("turns", [])
    if not isinstance(below, list):
        raise ValueError("the turns of a turn are a list")
    return Turn(**values, turns=tuple(_turn_from_json(each) for each in below))
