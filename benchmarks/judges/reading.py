"""What a judge's reply says: one of a few words, or nothing that can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import json_repair

# A "not" shortly before a label turns it round, or hedges: then it asserts nothing.
DENIED: Final = re.compile(
    r"(?:\bnot|\bnever|n['\u2019]t|\bcannot|\bneither|\bnor|\bno longer|\bwhether|\bif|\bor)"
    r"(?:\s+[\w-]+){0,4}[\s*_`\"']*\Z",
    re.IGNORECASE,
)
OBJECTS: Final = 50  # of a reply that are read, at most


class Said(NamedTuple):
    """A choice, "" where the reply makes none or more than one; and the reason beside it."""

    choice: str
    reason: str


def read_choice(
    text: str, choices: Sequence[str], field: str = "status", *, prose: bool = True
) -> Said:
    """Read a reply that was to be a JSON object with a choice in one field.

    A reply in prose counts where it names just one of the choices; one that names several, or
    none, or denies one ("not solved"), is not guessed at. Nor are objects that disagree.

    Args:
        text: the reply.
        choices: the words there are.
        field: where the object has its choice.
        prose: read a choice in a sentence, too. "First, I looked at both" is no choice of the
            first: where the choices are such words, only the word alone counts.
    """
    text = text[:20_000]
    if given := [found for found in _objects(text) if field in found]:
        said = {str(found[field]).strip().strip("*\"'.").casefold() for found in given}
        reason = str(given[-1].get("reason") or "")
        exact = [choice for choice in choices if {choice.casefold()} == said]
        return Said(exact[0] if exact else "", reason)
    if not prose:
        alone = text.strip().strip("*_`\"'.!").casefold()
        exact = [choice for choice in choices if choice.casefold() == alone]
        return Said(exact[0] if exact else "", text.strip())
    named: set[str] = set()
    for choice in choices:
        for place in re.finditer(rf"(?<!\w){re.escape(choice)}(?!\w)", text, re.IGNORECASE):
            if DENIED.search(text[max(0, place.start() - 80) : place.start()]):
                return Said("", text.strip())
            named.add(choice)
    return Said(named.pop() if len(named) == 1 else "", text.strip())


def _objects(text: str) -> list[dict[str, object]]:
    """The JSON objects in a text; where none is whole, what can be mended into one."""
    start, stop = text.find("{"), text.rfind("}")
    if start < 0:
        return []
    found, place, decoder = [], start, json.JSONDecoder(strict=False)
    for _ in range(OBJECTS):
        try:
            value, place = decoder.raw_decode(text, place)
            found.append(value)
        except (ValueError, RecursionError):
            place += 1
        if (place := text.find("{", place)) < 0:
            break
    if found:
        return found
    inner = text[start : stop + 1] if stop > start else text[start:]
    try:
        value = json_repair.loads(inner)
    except (ValueError, RecursionError):
        return []
    return [value] if isinstance(value, dict) else []
