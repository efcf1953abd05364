"""Conversations to train on: a data set's rows, or a file's, as messages and functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...core import API, Message, UsageError
from ..dataset import read_dataset


class Row(NamedTuple):
    """A conversation: its name, messages, functions, and which messages are learnt."""

    id: str
    messages: list[Message]
    apis: tuple[API, ...]
    learnt: tuple[int, ...]


@dataclass(frozen=True)
class Rows:
    """Conversations to train on; iterate it.

    Attributes:
        path: the folder or file.
        shape: ``toolllama`` or ``chat``.
        sha256: of the rows, in hex.
        info: what ``data.json`` says; {} of a file.
    """

    path: Path
    shape: str
    sha256: str
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def policy(self) -> str:
        """The spec of the policy that worded them; "" where nothing says."""
        told = self.info.get("policy", {})
        return str(told.get("spec", "")) if isinstance(told, Mapping) else str(told)

    def __iter__(self) -> Iterator[Row]:
        if self.info:
            dataset = read_dataset(self.path)
            for raw in dataset:
                yield read_row(raw, self.shape, dataset.learnt(raw), str(raw.get("id", "")))
            return
        for number, raw in _lines(self.path):
            yield read_row(raw, self.shape, None, str(raw.get("id", f"line {number}")))


def open_rows(path: Path) -> Rows:
    """A folder of ``toolgrove export --format sft``, or a file of JSON lines.

    Raises:
        UsageError: it is neither, it was changed since it was written, or a line is torn.
    """
    if not path.is_file():
        found = read_dataset(path)
        if found.format != "sft":
            raise UsageError(
                f"{path} holds preference pairs ({found.format}): `toolgrove export RUN --format "
                f"sft` makes rows to fine-tune on"
            )
        return Rows(path, found.shape, found.fingerprint, found.info)
    shape = ""
    for number, raw in _lines(path):
        own = "toolllama" if "conversations" in raw else "chat" if "messages" in raw else ""
        if not own or own != (shape or own):
            raise UsageError(
                f"{path}:{number} is no row: each has conversations, or each has messages"
            )
        shape = own
    if not shape:
        raise UsageError(f"{path} has no rows")
    with path.open("rb") as file:
        return Rows(path, shape, file_digest(file, "sha256").hexdigest())


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    raw = json.loads(line)
                    if not isinstance(raw, dict):
                        raise ValueError("it is no object")
                except (ValueError, RecursionError) as error:
                    raise UsageError(
                        f"{path}:{number} is torn or no JSON ({error}): write the file anew"
                    ) from None
                yield number, raw
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def read_row(raw: Mapping[str, Any], shape: str, learnt: Sequence[int] | None, id: str) -> Row:
    """A row in one of the two shapes.

    Args:
        raw: as it was written.
        shape: ``toolllama`` or ``chat``.
        learnt: places of the messages that are learnt; None: all the assistant's but those with
            ``"weight": 0``.
        id: to call it by.

    Raises:
        UsageError: it is no such row, or the assistant says nothing in it.
    """
    try:
        given = raw["conversations" if shape == "toolllama" else "messages"]
        messages = _said(given) if shape == "toolllama" else _chat(given)
        apis = tuple(_api(tool["function"]) for tool in raw.get("tools") or ())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"row {id!r} is none of shape {shape} ({type(error).__name__}: {error})"
        ) from None
    turns = [
        i for i, m in enumerate(given) if messages[i].role == "assistant" and m.get("weight", 1)
    ]
    wanted = turns if learnt is None else [i for i in learnt if i in turns]
    if not wanted:
        raise UsageError(f"row {id!r} has no turn of the assistant's to learn: leave it out")
    return Row(id, messages, apis, tuple(wanted))


_ROLES: Final = {"system": "system", "user": "user", "assistant": "assistant", "function": "tool"}


def _said(given: Sequence[Mapping[str, Any]]) -> list[Message]:
    return [Message(_ROLES[m["from"]], str(m["value"])) for m in given]


def _chat(given: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The inverse of :func:`toolgrove.models.chat.messages`."""
    messages: list[Message] = []
    names: dict[str, str] = {}
    for m in given:
        calls = [(c["id"], c["function"]["name"], c["function"]["arguments"])
                 for c in m.get("tool_calls") or ()]  # fmt: skip
        names.update({id: name for id, name, _ in calls})
        role, content = _ROLES.get(m["role"], m["role"]), m.get("content")
        if role not in ("system", "user", "assistant", "tool"):
            raise ValueError(f"no role {role!r}")
        name = names.get(m.get("tool_call_id", ""), m.get("name", "")) if role == "tool" else ""
        made = tuple((name, arguments) for _, name, arguments in calls)
        messages.append(Message(role, None if content is None else str(content), made, name))
    return messages


def _api(function: Mapping[str, Any]) -> API:
    return API(function["name"], function.get("description", ""), function.get("parameters", {}))
