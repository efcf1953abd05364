"""The context window, looked at before a request is made: an error in words, or a visible cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from ..core import Completion, Message, Model, ModelError, Prompt, Request, UsageError
from .identity import counter_of, identity_of, innermost, name_of, reply_of, window_of
from .tokens import Tally, prompt_tokens, tally_of

REPLY: Final = 1024  # tokens kept for a reply of a model that does not say
KEPT: Final = 200  # characters of an observation that a cut leaves at least


class Guarded:
    """A model whose requests fit its context window: ``guarded:(openai:gpt-4o),context=trim``.

    A request is too long where its prompt and the longest reply are more than the window. With
    ``context=error`` it is not made, and the result is a ModelError of kind ``context``. With
    ``context=trim`` old observations are cut until it fits: the longest first, the last one
    only if that was not enough. A cut keeps the beginning and says how much is missing, as in
    ``[cut: 8,123 characters]``. No message is left out; system, user and assistant messages and
    hints are never touched. What cannot be made to fit is the same error.

    Args:
        model: the model behind it.
        context: ``error`` or ``trim``.
        window: tokens of prompt and reply together; else the model's own, or the price table's.
        reply: tokens kept for the reply; else the model's ``max_tokens``, or 1,024.
        prices: a price table of one's own to find the window in.

    Attributes:
        trimmed: requests that were cut so far.

    Raises:
        UsageError: no window is known.
    """

    main = "model"

    def __init__(
        self,
        model: Model,
        context: Literal["error", "trim"] = "error",
        window: int | None = None,
        reply: int | None = None,
        prices: Path | None = None,
    ) -> None:
        found = window if window is not None else window_of(model, prices)
        if found is None:
            named = name_of(model) or type(innermost(model)).__name__
            raise UsageError(f"no context window is known for {named}: give window=TOKENS")
        kept = reply if reply is not None else reply_of(model)
        self.model, self.context, self.window = model, context, found
        self.reply = REPLY if kept is None else kept
        if not 0 <= self.reply < self.window:
            raise ValueError(f"reply must be from 0 to less than the window, not {self.reply}")
        self.trimmed = 0
        if context == "trim" and hasattr(innermost(model), "identity"):  # it changes what is asked
            known = identity_of(model)
            fits = {"trimmed_to": self.window - self.reply}
            self.identity = {**known, "parameters": {**known["parameters"], **fits}}
        self._tally = tally_of(counter_of(model))
        self._encode = getattr(innermost(model), "encode", None)
        if (size := getattr(model, "max_batch", None)) is not None:
            self.max_batch = size
        if (bound := getattr(model, "bound", None)) is not None:
            self._bound, self.bound = bound, self._bounded

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One result a request, in order; those that do not fit are not made."""
        fitted = [self.fit(request) for request in requests]
        self.trimmed += sum(f is not r for f, r in zip(fitted, requests, strict=True)
                            if isinstance(f, Request))  # fmt: skip
        sent = [each for each in fitted if isinstance(each, Request)]
        made = list(await self.model.complete(sent)) if sent else []
        if len(made) != len(sent):
            text = f"{type(self.model).__name__} gave {len(made)} results for {len(sent)} requests"
            made = [ModelError(text, kind="contract") for _ in sent]
        results = iter(made)
        return [next(results) if isinstance(each, Request) else each for each in fitted]

    def fit(self, request: Request) -> Request | ModelError:
        """The request itself if it fits, else one that was cut, or the error."""
        size = self._size(request)
        room = self.window - self.reply
        if size <= room:
            return request
        if self.context == "trim":
            cut = trim(request.messages, self._tally, size - room)
            if cut is not None:
                return replace(request, prompt=Prompt(cut))
        return self._too_long(size)

    def _size(self, request: Request) -> int:
        """Tokens of a prompt: as the model makes them where it is here, else as they are told."""
        if self._encode is not None:
            return len(self._encode(request))
        return prompt_tokens(request, self._tally.counter)

    def _bounded(self, request: Request) -> tuple[int, float]:
        fitted = self.fit(request)
        if isinstance(fitted, ModelError):
            return 0, 0.0  # it will not be made
        tokens, usd = self._bound(fitted)
        return int(tokens), float(usd)

    def _too_long(self, size: int) -> ModelError:
        tally = self._tally.counter
        about = "" if tally.exact else f"about ({tally.name}) "
        named = name_of(self.model) or type(innermost(self.model)).__name__
        if self.context == "trim":
            do = "cutting old observations is not enough; offer fewer APIs"
        else:
            do = "context=trim cuts old observations"
        return ModelError(
            f"the prompt has {about}{size:,} tokens and the reply may have {self.reply:,}, but "
            f"{named} has a context window of {self.window:,}: {do}, or take a model with a "
            f"larger window",
            kind="context",
        )


def trim(messages: Sequence[Message], tally: Tally, excess: int) -> list[Message] | None:
    """The messages with observations cut so that they are so many tokens fewer, if they can be.

    Args:
        messages: a prompt's.
        tally: what counts.
        excess: tokens to lose.
    """
    cut = list(messages)
    tools = [i for i, message in enumerate(cut) if message.role == "tool"]
    kept = {i: len(cut[i].content or "") for i in tools}
    for some in (tools[:-1], tools[-1:]):
        while excess > 0:
            longest = max(some, key=lambda i: kept[i], default=None)  # the oldest of equal ones
            if longest is None or kept[longest] <= KEPT:
                break
            kept[longest] = max(KEPT, kept[longest] // 2)
            shorter = _cut(messages[longest], kept[longest])
            excess -= tally.message(cut[longest]) - tally.message(shorter)
            cut[longest] = shorter
    return cut if excess <= 0 else None


def _cut(message: Message, kept: int) -> Message:
    text = message.content or ""
    return message._replace(content=f"{text[:kept]}\n[cut: {len(text) - kept:,} characters]")
