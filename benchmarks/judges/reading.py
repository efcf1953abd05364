"""What a judge's reply says: one of a few words, or nothing that can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

import json_repair


class Said(NamedTuple):
    """A choice, "" where the reply makes none or more than one; and the reason beside it."""

    choice: str
    reason: str


def read_choice(text: str, choices: Sequence[str], field: str = "status") -> Said:
    """Read a reply that was to be a JSON object with a choice in one field.

    A reply in prose counts where it names just one of the choices; one that names several, or
    none, is not guessed at.

    Args:
        text: the reply.
        choices: the words there are.
        field: where the object has its choice.
    """
    text = text[:20_000]
    if (found := _object(text)) is not None and field in found:
        said = str(found[field]).strip().strip("*\"'.").casefold()
        reason = str(found.get("reason") or "")
        exact = [choice for choice in choices if choice.casefold() == said]
        return Said(exact[0] if exact else "", reason)
    named = {c for c in choices if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", text, re.IGNORECASE)}
    return Said(named.pop() if len(named) == 1 else "", text.strip())


def _object(text: str) -> dict[str, object] | None:
    """The JSON object in a text, mended if need be."""
    start, stop = text.find("{"), text.rfind("}")
    if start < 0:
        return None
    inner = text[start : stop + 1] if stop > start else text[start:]
    try:
        value = json.loads(inner, strict=False)
    except (ValueError, RecursionError):
        try:
            value = json_repair.loads(inner)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
