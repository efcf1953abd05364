"""What evaluators that ask a model share: their texts, nodes in words, and numbers in replies."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from ...core import Message, Node, Session, UsageError
from ..policies import fill

CUT: Final = 1500
_NUMBER: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?:\s*/\s*(\d+(?:\.\d+)?))?(?!\w|\.\d)")


def texts(name: str, own: Path | None = None) -> Mapping[str, str]:
    """The texts of an evaluator; a TOML file of one's own goes before them.

    Raises:
        UsageError: the file cannot be read, or has a text that the evaluator does not know.
    """
    source = (files("toolgrove.models.evaluators") / "data" / f"{name}.toml").read_text("utf-8")
    known: dict[str, str] = tomllib.loads(source)
    if own is None:
        return known
    try:
        given = tomllib.loads(own.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"texts={own}: cannot be read: {error}") from error
    for key, text in given.items():
        if key not in known or not isinstance(text, str):
            raise UsageError(
                f"texts={own}: no text is called {key!r}; there are: {', '.join(known)}"
            )
    return {**known, **given}


def question(text: str, s: Session, **values: str) -> list[Message]:
    """A text with the task's instruction and other values filled in, as one message."""
    return [Message("user", fill(text, {"instruction": s.task.instruction, **values}))]


def described(node: Node) -> str:
    """A path in words: thoughts, calls, and the beginnings of results."""
    lines = []
    for step in node.path()[1:]:
        if step.thought:
            lines.append(f"Thought: {cut(step.thought)}")
        if step.action is not None:
            lines.append(f"Call: {step.action.api}({cut(step.action.arguments)})")
            if not step.solved:
                lines.append(f"Result: {cut(step.observation)}")
    if node.answer is not None:
        lines.append(f"Final answer: {cut(node.answer)}")
    return "\n".join(lines) or "(nothing yet)"


def cut(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= CUT else text[:CUT] + " ..."


def read_score(reply: str, top: float = 10.0) -> float | None:
    """The last number in a reply, as a share of the top; None where there is none.

    ``7``, ``Score: 7.5``, ``**7**``, ``7/10`` and ``70%`` are read. What is larger than the top
    counts as the top; a fraction says its own top.
    """
    tail = reply[-2000:]
    numbers = list(_NUMBER.finditer(tail))
    if not numbers:
        return None
    found = numbers[-1]
    value, of = float(found[1]), float(found[2]) if found[2] else top
    if tail[found.end() :].lstrip().startswith("%"):
        of = 100.0
    return min(1.0, value / of) if of > 0 else None


def read_letter(reply: str) -> str | None:
    """The A or B that a reply ends with; None where there is neither."""
    found = re.findall(r"(?<![A-Za-z])[AB](?![A-Za-z])", reply[-2000:])
    last = re.search(r"(?<![A-Za-z])([ab])[^A-Za-z]*$", reply[-2000:])
    return last[1].upper() if last else found[-1] if found else None


def read_choice(reply: str, n: int) -> int | None:
    """The place of the choice that a reply ends with, from 0; None where it makes none.

    Choices are numbered from 1; the last number that is one of them counts.
    """
    numbers = [int(text) for text in re.findall(r"(?<![\w.])\d{1,4}(?!\w|\.\d)", reply[-2000:])]
    return next((number - 1 for number in reversed(numbers) if 1 <= number <= n), None)
