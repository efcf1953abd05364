"""A teacher's reply, read leniently: instructions with the [tool, API] pairs that serve them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import json_repair

LONGEST: Final = 200_000  # characters of a reply that are looked at
_TEXT: Final = ("instruction", "query", "request")
_RELEVANT: Final = ("relevant apis", "related apis", "apis", "relevant", "relevant functions")
_THOUGHT: Final = re.compile(r"^.*</think>", re.DOTALL)
_FENCE: Final = re.compile(r"```[a-zA-Z]*\n(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """An instruction as the teacher wrote it, and the (tool, API) pairs it names."""

    instruction: str
    pairs: tuple[tuple[str, str], ...]


@dataclass
class Reading:
    """What a reply holds.

    Attributes:
        items: the instructions, in order.
        malformed: entries that are none, by reason: ``not_an_object no_instruction
            no_relevant bad_relevant surplus``.
        repaired: whether the reply was JSON only after repair.
    """

    items: list[Item] = field(default_factory=list)
    malformed: Counter[str] = field(default_factory=Counter)
    repaired: bool = False


def read_reply(text: str, most: int = 100) -> Reading:
    """Read a reply; never raises, and a reply of nonsense has no items.

    Takes a list, an object that holds one, or objects one after another; inside a code fence or
    after a reasoning model's thoughts.

    Args:
        text: the reply.
        most: items that are kept; what comes after them is counted as ``surplus``.
    """
    body = _THOUGHT.sub("", text[:LONGEST]).strip()
    fenced = _FENCE.search(body)
    if fenced:
        body = fenced[1].strip()
    out = Reading()
    entries, out.repaired = _entries(body)
    for entry in entries:
        item = _item(entry)
        if isinstance(item, str):
            out.malformed[item] += 1
        elif len(out.items) >= most:
            out.malformed["surplus"] += 1
        else:
            out.items.append(item)
    return out


def _entries(body: str) -> tuple[list[Any], bool]:
    starts = [at for at in (body.find("["), body.find("{")) if at >= 0]
    if not starts:
        return [], False
    try:
        found, repaired = json.loads(body), False
    except (ValueError, RecursionError):
        try:
            found, repaired = json_repair.loads(body[min(starts) :]), True
        except Exception:  # what it was not made for is no reply
            return [], False
    if isinstance(found, Mapping):
        lists = [v for v in found.values() if isinstance(v, list) and v and _is_objects(v)]
        found = lists[0] if lists and _field(found, _TEXT) is None else [found]
    listed = found if isinstance(found, list) else []
    if len(listed) == 1 and isinstance(listed[0], list):
        listed = listed[0]
    return listed, repaired


def _is_objects(listed: list[Any]) -> bool:
    return all(isinstance(each, Mapping) for each in listed)


def _item(entry: Any) -> Item | str:
    """The instruction of an entry, or why it is none."""
    if not isinstance(entry, Mapping):
        return "not_an_object"
    text = _field(entry, _TEXT)
    if isinstance(text, list):
        text = " ".join(map(str, text))
    if not isinstance(text, str) or not text.strip():
        return "no_instruction"
    relevant = _field(entry, _RELEVANT)
    if not isinstance(relevant, list) or not relevant:
        return "no_relevant"
    pairs = [_pair(each) for each in relevant]
    if len(relevant) == 2 and pairs == [None, None] and all(isinstance(e, str) for e in relevant):
        pairs = [(relevant[0], relevant[1])]  # one pair that is not in a list of its own
    if None in pairs:
        return "bad_relevant"
    whole = re.sub(r"\s+", " ", text).strip().encode("utf-8", "replace").decode()
    return Item(whole, tuple(dict.fromkeys(pair for pair in pairs if pair is not None)))


def _field(entry: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    plain = {str(key).lower().replace("_", " ").strip(): value for key, value in entry.items()}
    return next((plain[name] for name in names if plain.get(name) is not None), None)


def _pair(told: Any) -> tuple[str, str] | None:
    if isinstance(told, list) and len(told) in (2, 3) and all(isinstance(e, str) for e in told):
        return told[-2], told[-1]  # three: the category stands first
    if isinstance(told, Mapping):
        tool = _field(told, ("tool", "tool name"))
        api = _field(told, ("api", "api name", "function", "function name"))
        return (tool, api) if isinstance(tool, str) and isinstance(api, str) else None
    return None
