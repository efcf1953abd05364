"""Append-only prompts: a child's prompt is its parent's and what the step added.

Nothing is copied: a prompt holds its parent and its own messages, so siblings share a
byte-identical prefix, a tree of n nodes holds each message once, and the digest of a prompt
costs what was added, not its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple


class Message(NamedTuple):
    """One chat message.

    Attributes:
        role: ``system``, ``user``, ``assistant`` or ``tool``.
        content: its text; None where an assistant message is only a call.
        calls: (name, arguments) pairs that an assistant message makes.
        name: for a tool message, the function that it answers.

    An assistant message makes at most one call and the next message answers it, so call ids, where
    a provider wants them, follow from the order.
    """

    role: str
    content: str | None
    calls: tuple[tuple[str, str], ...] = ()
    name: str = ""


class Prompt:
    """A persistent list of messages."""

    __slots__ = ("parent", "added", "digest", "length")

    def __init__(self, added: Sequence[Message], parent: Prompt | None = None) -> None:
        self.parent = parent
        self.digest: bytes
        self.length: int
        self.added = tuple(added)
        state = blake2b(b"" if parent is None else parent.digest, digest_size=16)
        for role, content, calls, name in self.added:
            size = None if content is None else len(content)
            state.update(repr((role, size, calls, name)).encode())
            if content:  # its length stands before it, so nothing can be read two ways
                state.update(content.encode("utf-8", "surrogatepass"))
        self.digest = state.digest()
        self.length = len(self.added) + (0 if parent is None else parent.length)

    def then(self, added: Sequence[Message]) -> Prompt:
        """This prompt and some more messages (itself if there are none)."""
        return Prompt(added, self) if added else self

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Message]:
        parts: list[tuple[Message, ...]] = []
        prompt: Prompt | None = self
        while prompt is not None:
            parts.append(prompt.added)
            prompt = prompt.parent
        for part in reversed(parts):
            yield from part
