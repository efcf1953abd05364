"""Conversations as tokens: the very ones of inference, with a loss on what the model says.

A row's prompt is what :meth:`~toolgrove.models.hf.model.HFModel.encode` makes of the same
messages; the reply and the token that ends it follow. Where a template writes a turn that is over
as it was asked for (ChatML does), all turns of a path are one sequence. Where it does not (in
ToolLLaMA's format the prompt ends in ``Assistant:`` and a line's end, and history has a space and
no end token), each turn that is learnt is a sequence of its own: nothing is learnt that is never
asked.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from ...core import Message, Prompt, Request, UsageError
from ...models.context import trim
from ...models.tokens import Tally
from .rows import Row, Rows

if TYPE_CHECKING:
    from ...models.hf.model import HFModel

IGNORED: Final = -100  # torch's label for a token without a loss


class Tokens(NamedTuple):
    """Tokens to train on, in four bytes each.

    Attributes:
        ids: of the tokens.
        learnt: where what is learnt begins and ends, in turns: ``[from, to, from, to, ..]``.
        row: name of the row that they come from.
        task: what its user asks for first; rows of one task have one.
    """

    ids: array[int]
    learnt: array[int]
    row: str
    task: str = ""

    @classmethod
    def of(cls, ids: Sequence[int], labels: Sequence[int], row: str, task: str = "") -> Tokens:
        """From labels as torch wants them: the token where it is learnt, else ``IGNORED``."""
        marks = [False, *(label != IGNORED for label in labels), False]
        edges = [i for i in range(len(labels) + 1) if marks[i] != marks[i + 1]]
        return cls(array("i", ids), array("i", edges), row, task)

    @property
    def spans(self) -> Iterator[tuple[int, int]]:
        """Where what is learnt begins and ends."""
        return zip(self.learnt[::2], self.learnt[1::2], strict=True)

    @property
    def labels(self) -> list[int]:
        """The tokens that are learnt, ``IGNORED`` elsewhere."""
        labels = [IGNORED] * len(self.ids)
        for start, end in self.spans:
            labels[start:end] = self.ids[start:end]
        return labels

    @property
    def targets(self) -> int:
        """How many tokens are learnt."""
        return sum(end - start for start, end in self.spans)


@dataclass
class Tokenised:
    """All rows as sequences, and what became of them.

    Attributes:
        sequences: in the order of the rows.
        rows: how many there were.
        dropped: rows that were too long.
        partly: rows of which some turns were too long, and the others are there.
        cut: rows whose observations were cut.
        tokens: of all sequences.
        learnt: tokens with a loss.
        longest: tokens of the longest row, as it was.
    """

    sequences: list[Tokens] = field(default_factory=list)
    rows: int = 0
    dropped: int = 0
    partly: int = 0
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
        return [tokens for tokens, _ in self._sequences(row)]

    def _sequences(self, row: Row) -> list[tuple[Tokens, list[int]]]:
        """The sequences of one row, each with the places of the messages that it learns."""
        made: list[tuple[list[int], list[int], list[int]]] = []
        for place in row.learnt:
            request = Request(Prompt(row.messages[:place]), row.apis)
            prompt = self._model.encode(request)
            reply = [*self._reply(row.messages[place], request, prompt), self.end]
            before, labels, places = made[-1] if made else ([], [], [])
            if made and prompt[: len(before)] == before:
                made.pop()
            else:
                before, labels, places = [], [], []
            labels = [*labels, *[IGNORED] * (len(prompt) - len(before)), *reply]
            if not before and labels[0] != IGNORED:
                labels[0] = IGNORED  # nothing comes before it
            made.append(([*prompt, *reply], labels, [*places, place]))
        task = next((m.content or "" for m in row.messages if m.role == "user"), "")
        return [(Tokens.of(ids, labels, row.id, task), places) for ids, labels, places in made]

    def _add(self, row: Row, made: Tokenised) -> None:
        """Add a row; where its turns are sequences of their own, those that are too long go."""
        kept: list[Tokens] = []
        lost = cut = 0
        for tokens, places in self._sequences(row):
            size = len(tokens.ids)
            made.longest = max(made.longest, size)
            fits: list[Tokens] | None = [tokens]
            if size > self._context:
                wanted = row._replace(learnt=tuple(places))
                fits = self._cut(wanted, size) if self._overlong == "cut" else None
                cut += fits is not None
            lost += fits is None
            kept += fits or []
        made.rows += 1
        made.dropped += not kept
        made.partly += bool(kept and lost)
        made.cut += bool(cut)
        made.sequences += kept
        made.tokens += sum(len(s.ids) for s in kept)
        made.learnt += sum(s.targets for s in kept)

    def _cut(self, row: Row, size: int) -> list[Tokens] | None:
        """What is learnt, observations cut as at inference; None where that is not enough."""
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


def mark_of(sequences: Sequence[Tokens]) -> str:
    """A hash of tokens and of which are learnt: equal ones train the same."""
    state = blake2b(digest_size=16)
    for sequence in sequences:
        for part in (sequence.ids, sequence.learnt):
            state.update(len(part).to_bytes(4))
            state.update(part)
    return state.hexdigest()
