"""How a call ended, in a word, and ToolBench's number for it."""

from __future__ import annotations

from typing import Final, Literal

Status = Literal[
    "ok",
    "no_such_api",
    "bad_finish",
    "answered",
    "gave_up",
    "timeout",
    "unavailable",
    "unauthorised",
    "unsubscribed",
    "too_many_requests",
    "rate_limited",
    "error",
    "http_error",
    "bad_arguments",
    "model_error",
]

Provenance = Literal["live", "recorded", "simulated", "computed", "imported"]

# ToolBench's observation codes as its code sets them (its docstring swaps 7 and 8).
CODES: Final[dict[Status, int]] = {
    "ok": 0,
    "no_such_api": 1,
    "bad_finish": 2,
    "answered": 3,
    "gave_up": 4,
    "timeout": 5,
    "unavailable": 6,
    "unauthorised": 7,
    "unsubscribed": 8,
    "too_many_requests": 9,
    "rate_limited": 10,
    "error": 11,
    "http_error": 12,
    "bad_arguments": 11,
    "model_error": -1,
}
STATUS_OF_CODE: Final[dict[int, Status]] = {
    code: status for status, code in CODES.items() if status != "bad_arguments"
}
