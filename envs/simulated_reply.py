"""What a simulator's reply says: the envelope in it, slips repaired, or nothing."""

from __future__ import annotations

import json
from typing import Any, Final

import json_repair

LONGEST: Final = 1 << 20  # characters of a reply that are read
REPAIRED: Final = 50_000  # characters, and
DEEPEST: Final = 100  # open brackets, beyond which nothing is repaired: it takes too long


def read_envelope(text: str) -> tuple[dict[str, Any] | None, bool]:
    """The envelope in a reply, and whether it had to be repaired; None where there is none.

    An envelope under the API's name (``{"name": {"error": .., "response": ..}}``) is taken, too:
    older prompts of StableToolBench ask for that.
    """
    repaired, text = False, text[:LONGEST]
    try:
        found = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        repaired = True
        if len(text) > REPAIRED or _depth(text) > DEEPEST:
            return None, True
        try:
            found = json_repair.loads(text, skip_json_loads=True)
        except Exception:  # whatever a library makes of a hostile text
            return None, True
    if isinstance(found, list) and len(found) == 1:
        [found] = found
    if isinstance(found, dict) and len(found) == 1:
        [inner] = found.values()
        if isinstance(inner, dict) and "response" in inner:
            found = inner
    if not isinstance(found, dict) or not {"error", "response"} & set(found):
        return None, repaired
    error = found.get("error") or ""
    if not isinstance(error, str):
        error = json.dumps(error, ensure_ascii=False)
    if "response" not in found and not error:
        return None, repaired  # neither an answer nor a refusal
    return {"error": error, "response": found.get("response", "")}, repaired


def _depth(text: str) -> int:
    """How many brackets are open at once, strings not looked at."""
    depth = most = 0
    for char in text:
        depth += (char in "{[") - (char in "}]")
        most = max(most, depth)
    return most
