"""Conversations as tokens: the very ones of inference, with a loss on what the model says.

A row's prompt is what :meth:`~toolgrove.models.hf.model.HFModel.encode` makes of the same
messages; the reply and the token that ends it follow. Where a template writes a turn that is over
as it was asked for (ChatML does), all turns of a path are one sequence. Where it does not (in
ToolLLaMA's format the prompt ends in ``Assistant:`` and a line's end, and history has a space and
no end token), each turn that is learnt is a sequence of its own: nothing is learnt that is never
asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...core import API, Message, Prompt, Request, UsageError
from ...models.context import trim
from ...models.tokens import Tally
from ..dataset import read_dataset

if TYPE_CHECKING:
    from ...models.hf.model import HFModel

IGNORED: Final = -100  # torch's label for a token without a loss


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


class Tokens(NamedTuple):
    """Tokens to train on.

    Attributes:
        ids: of the tokens.
        labels: the same where they are learnt, else ``IGNORED``.
        row: name of the row that they come from.
    """

    ids: list[int]
    labels: list[int]
    row: str


@dataclass
class Tokenised:
    """All rows as sequences, and what became of them.

    Attributes:
        sequences: in the order of the rows.
        rows: how many there were.
        dropped: rows that were too long.
        cut: rows whose observations were cut.
        tokens: of all sequences.
        learnt: tokens with a loss.
        longest: tokens of the longest row, as it was.
    """

    sequences: list[Tokens] = field(default_factory=list)
    rows: int = 0
    dropped: int = 0
    cut: int = 0
    tokens: int = 0
    learnt: int = 0
    longest: int = 0


class Tokeniser:
    """Turns rows into the tokens that a model sees and says.

    Args:
        model: as it will be asked; its weights are not loaded.
        ends: tokens at which the engine stops.
        context: tokens of a sequence, at most.
        overlong: ``drop`` or ``cut``.
    """

    def __init__(self, model: HFModel, ends: Sequence[int], context: int, overlong: str) -> None:
        self._model, self._context, self._overlong = model, context, overlong
        self._tokenizer, self._format = model._tokenizer, model._format
        self.end = self._end(ends)

    def all(self, rows: Rows) -> Tokenised:
        """All rows.

        Raises:
            UsageError: a row is broken, or none is left.
        """
        made = Tokenised()
        for row in rows:
            self._add(row, made)
        if not made.sequences:
            raise UsageError(
                f"none of the {made.rows:,} rows of {rows.path} fits the context of "
                f"{self._context:,} tokens (the longest has {made.longest:,}): give a longer "
                f"--context, or --overlong cut"
            )
        return made

    def row(self, row: Row) -> list[Tokens]:
        """The sequences of one row, however long."""
        made: list[Tokens] = []
        for place in row.learnt:
            request = Request(Prompt(row.messages[:place]), row.apis)
            prompt = self._model.encode(request)
            reply = [*self._reply(row.messages[place], request, prompt), self.end]
            before, labels = (made[-1].ids, made[-1].labels) if made else ([], [])
            if made and prompt[: len(before)] == before:
                made.pop()
            else:
                before, labels = [], []
            labels = [*labels, *[IGNORED] * (len(prompt) - len(before)), *reply]
            if not before and labels[0] != IGNORED:
                labels[0] = IGNORED  # nothing comes before it
            made.append(Tokens([*prompt, *reply], labels, row.id))
        return made

    def _add(self, row: Row, made: Tokenised) -> None:
        sequences = self.row(row)
        made.rows += 1
        size = max(len(s.ids) for s in sequences)
        made.longest = max(made.longest, size)
        if size > self._context and self._overlong == "cut":
            if (shorter := self._cut(row, size)) is None:
                made.dropped += 1
                return
            made.cut += 1
            sequences = shorter
        elif size > self._context:
            made.dropped += 1
            return
        made.sequences += sequences
        made.tokens += sum(len(s.ids) for s in sequences)
        made.learnt += sum(label != IGNORED for s in sequences for label in s.labels)

    def _cut(self, row: Row, size: int) -> list[Tokens] | None:
        """The row with observations cut as at inference, or None where that is not enough."""
        last = row.learnt[-1]
        tally, excess = Tally(self._model.counter), size - self._context
        for _ in range(8):  # the tally is about what the template makes of it
            cut = trim(row.messages[:last], tally, excess)
            if cut is None:
                return None
            made = self.row(row._replace(messages=[*cut, row.messages[last]]))
            if (over := max(len(s.ids) for s in made) - self._context) <= 0:
                return made
            excess += over
        return None

    def _reply(self, message: Message, request: Request, prompt: list[int]) -> list[int]:
        """A reply's tokens, as they follow the prompt's where the two do not grow together."""
        said = self._format.reply(message, request)
        whole = self._tokens(self._format.text(request) + said, special=self._format.special)
        if whole[: len(prompt)] == prompt:
            return whole[len(prompt) :]
        return self._tokens(said, special=False)

    def _tokens(self, text: str, special: bool) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=special)["input_ids"])

    def _end(self, ends: Sequence[int]) -> int:
        """The token that the template ends a turn with, of those that end a reply."""
        talk = [Message("user", "a"), Message("assistant", "b"), Message("user", "c")]
        asked = Request(Prompt(talk[:1]))
        told = self._model.encode(asked)
        said = [*told, *self._reply(talk[1], asked, told)]
        whole = self._model.encode(Request(Prompt(talk)))
        if whole[: len(said)] == said and whole[len(said)] in ends:
            return whole[len(said)]
        own = self._tokenizer.eos_token_id
        if own is None and not ends:
            raise UsageError(
                "the base model's tokenizer has no token that ends a reply (eos_token): nothing "
                "could stop it; set one in tokenizer_config.json"
            )
        return int(ends[0] if own is None else own)
