"""Finish: the function that ends a path. The Session offers and handles it, not environments.

Arguments, codes and observation texts are those of ToolBench (ToolLLM, section 2.3), so that
models trained on its traces find what they know.
"""

from __future__ import annotations

import json

from .status import Status
from .values import API, FINISH, Action, Step, StepInfo

API_DOC = API(
    name=FINISH,
    description=(
        "Call this function to end. If you have a result that answers the task, give it as the "
        "final answer. If you see that you cannot go on from this state, give up and restart. "
        "You must end with this function, and only the final answer is shown to the user, so it "
        "must contain all they asked for."
    ),
    parameters={
        "type": "object",
        "properties": {
            "return_type": {"type": "string", "enum": ["give_answer", "give_up_and_restart"]},
            "final_answer": {
                "type": "string",
                "description": 'The final answer; required when "return_type" is "give_answer".',
            },
        },
        "required": ["return_type"],
    },
)

_DETAIL = {"session": True}


def finish(action: Action) -> Step:
    """End the path, or say what is wrong with the call (status ``bad_finish``).

    Broken JSON is read leniently, as ToolBench does: a quoted ``return_type`` in it counts.
    """
    text = action.arguments
    given: set[str] = set()
    kind: object = None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        for choice in ("give_answer", "give_up_and_restart"):
            if kind is None and f'"return_type": "{choice}"' in text:
                kind = choice
        given = {k for k in ("return_type", "final_answer") if f'"{k}": "' in text}
    else:
        if isinstance(value, dict):
            given, kind = set(value), value.get("return_type")
    if "return_type" not in given:
        return _step('{error:"must have "return_type""}', "bad_finish")
    if kind == "give_up_and_restart":
        return _step('{"response":"chose to give up and restart"}', "gave_up")
    if kind != "give_answer":
        return _step('{error:""return_type" is not a valid choice"}', "bad_finish")
    if "final_answer" not in given:
        return _step('{error:"must have "final_answer""}', "bad_finish")
    return _step('{"response":"successfully giving the final answer."}', "answered")


def _step(observation: str, status: Status) -> Step:
    ended = status in ("answered", "gave_up")
    return Step(observation, 0.0, ended, False, StepInfo(status, "computed", 0.0, _DETAIL))
