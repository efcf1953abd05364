"""What a teacher is asked about an API's responses, and what becomes of its replies."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final

from ..core import Message, Prompt, UsageError
from ..envs.observations import Count, cut, fits
from .compress_keys import Path as Keys
from .compress_keys import Shape, read_reply, unwrapped, written
from .compress_rules import Takers
from .documents import Document

PROMPTS: Final = Path(__file__).parent / "data" / "compress.toml"
SHOWN: Final = 1_000  # tokens of the example that a teacher is shown
LISTED: Final = 200  # keys that it is shown
DOCUMENT: Final = 6_000  # characters of the document that it is shown


@dataclass
class Subject:
    """One API whose keys are chosen.

    Attributes:
        document: as collected.
        shape: of its responses.
        prompt: what the teacher is asked.
        keys: those chosen.
        by: who chose: ``teacher``, ``fallback`` (its replies were nonsense), ``rules`` (no teacher
            was asked), or ``owed`` (rules, until the teacher answers).
        replies, nonsense, invented: replies so far; of these unusable; keys that do not exist.
    """

    document: Document
    shape: Shape
    prompt: Prompt | None = None
    keys: list[Keys] = field(default_factory=list)
    by: str = "owed"
    replies: int = 0
    nonsense: int = 0
    invented: int = 0

    def take(self, text: str) -> None:
        """Take a reply; the first that can be used decides."""
        said = read_reply(text, self.shape)
        self.replies += 1
        self.invented += said.invented
        if not said.sound:
            self.nonsense += 1
        elif self.by == "owed":
            self.keys, self.by = list(said.paths), "teacher"


class Prompts:
    """The texts that a teacher is asked with.

    Args:
        path: a TOML file in place of the built-in one.

    Raises:
        UsageError: it cannot be read, or lacks a text.
    """

    def __init__(self, path: Path | None = None) -> None:
        path = path or PROMPTS
        try:
            told = tomllib.loads(path.read_text("utf-8"))
            self._system, self._user = str(told["system"]).strip(), str(told["user"])
            self._examples = [
                {key: str(each[key]).strip() for key in ("document", "response", "keys", "reply")}
                for each in told.get("examples", [])
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"cannot read the prompts in {path}: {error!r}") from error

    def ask(self, subject: Subject, takers: Takers, count: Count) -> Prompt:
        """What a teacher is asked about an API."""
        messages = [Message("system", self._system)]
        for example in self._examples:
            messages.append(Message("user", self._filled(example)))
            messages.append(Message("assistant", example["reply"]))
        examples = subject.document.examples
        paths = [written(path) for path in subject.shape.keys]
        more = [f"({len(paths) - LISTED} more)"] if len(paths) > LISTED else []
        values = {
            "document": _document(subject.document, takers),
            "response": cut(examples[0], SHOWN, count) if examples else "(none is known)",
            "keys": "\n".join([*paths[:LISTED], *more]),
        }
        return Prompt([*messages, Message("user", self._filled(values))])

    def _filled(self, values: dict[str, str]) -> str:
        return Template(self._user).safe_substitute(values).strip()


def _document(document: Document, takers: Takers) -> str:
    api = document.api
    told: dict[str, Any] = {"name": api.name, "description": api.description}
    told["parameters"] = dict(api.parameters)
    if others := takers.of_tool(document):
        told["functions of the same tool take"] = others
    text = json.dumps(told, ensure_ascii=False)
    return text if len(text) <= DOCUMENT else f"{text[:DOCUMENT]}…"


def subjects(
    documents: Sequence[Document], limit: int, count: Count, *, every: bool = False
) -> tuple[list[Subject], Counter[str]]:
    """The APIs whose keys are to be chosen, and why others are not.

    Args:
        documents: the table.
        limit: tokens; an API is taken if one of its examples has more.
        count: tokens of a text.
        every: take all that have an example, or whose response's schema is known.

    Raises:
        UsageError: no API of the table has an example.
    """
    found, left = [], Counter[str]()
    for document in documents:
        known = bool(document.examples) or (every and document.returns is not None)
        if not known:
            left["no example"] += 1
        elif not every and all(fits(each, limit, count) for each in document.examples):
            left["within the limit"] += 1
        elif not (shape := shape_of(document)).keys:
            left["no keys"] += 1
        else:
            found.append(Subject(document, shape))
    if left["no example"] == len(documents):
        raise UsageError(
            "no API of the table has an example response: `toolgrove data probe` gets some"
            + (", or --all takes their schemas" if not every else "")
        )
    return found, left


def shape_of(document: Document) -> Shape:
    """What its examples say of the responses; without one, what ``returns`` says."""
    shape = Shape()
    for example in document.examples:
        with suppress(ValueError, RecursionError):
            shape.add(unwrapped(example))
    if not shape.leaves and document.returns is not None:
        shape.add(document.returns)
    return shape
