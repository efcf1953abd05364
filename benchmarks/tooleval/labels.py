"""What judges' texts say: an answer's status, and ToolAlpaca's two-part label."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..judges.reading import DENIED

STATUSES = ("Solved", "Unsolved", "Unsure")
LONGEST = 20_000  # characters of a reply that are read

_WORD = r"(?:AnswerStatus\.)?(solved|unsolved|unsure)"
_MARK = r"[\s*_`#>\"'\[\]().:\-]*"
_HEADING = re.compile(
    rf"answer[\s_]*status[*_`\"']*\s*(?:\([^)\n]*\))?{_MARK}(?:is)?{_MARK}{_WORD}\b", re.IGNORECASE
)
_LINE = re.compile(rf"^{_MARK}{_WORD}{_MARK}$", re.IGNORECASE | re.MULTILINE)
_FIRST = re.compile(rf"\A{_MARK}{_WORD}\s*(?=[.,:;!*\n-]|\Z)", re.IGNORECASE)
_LAST = re.compile(rf"(?<![\w-]){_WORD}{_MARK}\Z", re.IGNORECASE)
_NAMED = re.compile(rf"(?<![\w-]){_WORD}(?![\w-])", re.IGNORECASE)


def parse_status(text: str) -> str:
    """``Solved``, ``Unsolved`` or ``Unsure`` as the reply asserts it, else "".

    Read are: a JSON object with a status; the prompt's form ("Answer Status", then the label); a
    label on a line of its own; one that opens or ends the text. Where none of these is there, a
    single label named in prose counts, unless it is denied ("not solved"). Two labels that are
    both asserted are no label: nothing is guessed.
    """
    text = text[:LONGEST]
    if (found := _of_json(text)) is not None:
        return found
    said: set[str] = set()
    for pattern in (_HEADING, _LINE, _FIRST, _LAST):
        said |= set(_asserted(pattern, text))
    if not said:
        if any(DENIED.search(text[: m.start()]) for m in _NAMED.finditer(text)):
            return ""
        said = set(_asserted(_NAMED, text))
    return said.pop() if len(said) == 1 else ""


def _asserted(pattern: re.Pattern[str], text: str) -> Iterable[str]:
    for match in pattern.finditer(text):
        if not DENIED.search(text[max(0, match.start(1) - 80) : match.start(1)]):
            yield match[1].capitalize()


def _of_json(text: str) -> str | None:
    """The status in a JSON object of the text; None where there is no object with one."""
    start, stop = text.find("{"), text.rfind("}")
    if start < 0 or stop < start:
        return None
    try:
        value: Any = json.loads(text[start : stop + 1], strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    for key in ("answer_status", "answerStatus", "Answer Status", "status", "solved", "is_solved"):
        if key in value:
            said = str(value[key]).strip(" \n\t*_\"'.").removeprefix("AnswerStatus.").capitalize()
            return said if said in STATUSES else ""
    return None


class TwoPart(NamedTuple):
    """ToolAlpaca's label: ``Yes``, ``No`` or ``Uncertain`` each, "" where it cannot be read."""

    process: str
    response: str


def parse_toolalpaca(text: str) -> TwoPart:
    """The two labels of ToolAlpaca's judge, read after its ``## Results``.

    Upstream takes the first word after "Process Correctness: " and "Final Response Correctness: ",
    whatever word it is; here it must be one of the three, and two that disagree are none.
    """
    results = text[:LONGEST].split("## Results", 1)[-1]
    return TwoPart(_part("Process", results), _part("Final Response", results))


def _part(name: str, results: str) -> str:
    pattern = rf"{name} Correctness[*_]*:[\s*_]*(Yes|No|Uncertain)\b"
    found = {m.capitalize() for m in re.findall(pattern, results, re.IGNORECASE)}
    return found.pop() if len(found) == 1 else ""


def toolalpaca_statistics(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """ToolAlpaca's ``statistics`` of its judge's entries, made from their texts.

    ``num`` counts all, ``error_num`` those without a text (the agent made no call, and nobody was
    asked), ``both`` those with Yes twice. Upstream divides by none of them; a reply that it cannot
    read ends its run with a KeyError, and is counted as ``unread`` here.
    """
    parts: dict[str, dict[str, int]] = {
        name: {"Yes": 0, "No": 0, "Uncertain": 0} for name in ("process", "response")
    }
    out: dict[str, Any] = {"num": 0, "error_num": 0, **parts, "both": 0, "unread": 0}
    for entry in entries:
        out["num"] += 1
        if not entry.get("output"):
            out["error_num"] += 1
            continue
        label = parse_toolalpaca(str(entry["output"]))
        if not all(label):
            out["unread"] += 1
            continue
        parts["process"][label.process] += 1
        parts["response"][label.response] += 1
        out["both"] += label == ("Yes", "Yes")
    return out
