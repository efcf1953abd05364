"""Many requests as one: packed forward passes, each prompt's known prefix left out.

Requests join and leave between passes (continuous batching). A pass has the next tokens of every
reply that is under way, and as many tokens of waiting prompts as there is room for, all in one
row without padding. A request whose prompt begins as another's that is being read now waits for
it, so a wave of siblings reads what they share once.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import torch

from .attention import KV, Chain, Piece, packed
from .trie import PrefixTrie, Tokens, common

WORTH: Final = 32  # tokens that another prompt must share with ours before we wait for it


class Held(Protocol):
    """What holds a reply to a form; see :class:`.grammar.Constraint`."""

    @property
    def done(self) -> bool:
        """Whether the reply is complete."""

    def forced(self) -> list[int]:
        """The tokens that must come next."""

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits, minus infinity where a token may not come next."""

    def take(self, token: int) -> None:
        """A token was sampled."""


@dataclass
class Wanted:
    """One reply to be generated.

    Attributes:
        prompt: its tokens, at least one.
        most: tokens of the reply, at most.
        temperature: 0 takes the likeliest token.
        top_p: only the likeliest tokens that together have this probability.
        seed: of the sampling.
        held: what holds the reply to a form.
        finished: whether the reply is complete, from its tokens so far.
    """

    prompt: Sequence[int]
    most: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    held: Held | None = None
    finished: Callable[[Sequence[int]], bool] | None = None


@dataclass(frozen=True)
class Generated:
    """A reply.

    Attributes:
        tokens: without the token that ended it.
        reused: tokens of the prompt whose keys and values were there.
        logprob: of the sampled tokens together, at temperature 1, given the form they are held to.
        ended: by its own end, and not by the limit.
    """

    tokens: list[int]
    reused: int
    logprob: float
    ended: bool


@dataclass
class Counts:
    """What the engine has done so far, in tokens.

    Attributes:
        requests: replies generated.
        prefilled: of prompts, computed.
        reused: of prompts, not computed.
        generated: of replies; ``forced`` of them followed from the grammar and were not sampled.
        passes: forward passes.
        seconds: in forward passes.
    """

    requests: int = 0
    prefilled: int = 0
    reused: int = 0
    generated: int = 0
    forced: int = 0
    passes: int = 0
    seconds: float = 0.0


@dataclass(eq=False)
class _Row:
    """A request under way."""

    wanted: Wanted
    future: Future[Generated]
    prompt: Tokens
    kv: Chain = field(default_factory=Chain)
    reply: list[int] = field(default_factory=list)
    reused: int = 0
    logprob: float = 0.0
    generator: torch.Generator | None = None
    own: Any = None  # what a model with a cache of its own left

    @property
    def reading(self) -> bool:
        """Its prompt is not read yet."""
        return self.kv.length < len(self.prompt)

    def pending(self) -> Sequence[int] | Tokens:
        """The tokens that no pass has had."""
        if self.reading:
            return np.concatenate([self.prompt[self.kv.length :], self.reply])
        return self.reply[self.kv.length - len(self.prompt) :]


class Engine:
    """Generates replies with one model, in a thread of its own while there is work.

    Args:
        model: a causal language model with this package's attention.
        ends: tokens that end a reply.
        batch: replies under way at once, at most.
        chunk: tokens of a pass, about at most; long prompts take several.
        keep: bytes of keys and values kept for later prompts; 0 shares nothing.

    Attributes:
        counts: what it has done.
        trie: what it has kept.
    """

    def __init__(
        self,
        model: Any,
        ends: Collection[int],
        *,
        batch: int = 16,
        chunk: int = 512,
        keep: int = 2 << 30,
    ) -> None:
        self.model, self.ends = model, frozenset(ends)
        self.batch, self.chunk = batch, chunk
        self.trie: PrefixTrie[KV] = PrefixTrie(keep)
        self.counts = Counts()
        self._lock = threading.Lock()
        self._waiting: deque[_Row] = deque()
        self._active: list[_Row] = []
        self._running = self._leaving = False
        self._thread: threading.Thread | None = None
        atexit.register(_leave, weakref.ref(self))

    @property
    def vocabulary(self) -> int:
        """The number of logits."""
        return int(self.model.get_output_embeddings().weight.shape[0])

    def submit(self, wanted: Wanted) -> Future[Generated]:
        """Ask for a reply; cancelling the future drops it before the next pass."""
        if not len(wanted.prompt):
            raise ValueError("the prompt has no tokens")
        row = _Row(wanted, Future(), np.asarray(wanted.prompt, dtype=np.int64))
        with self._lock:
            self._waiting.append(row)
            if not self._running:
                self._running = True
                self._thread = threading.Thread(target=self._run, name="toolgrove-hf", daemon=True)
                self._thread.start()
        return row.future

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while True:
            with self._lock:
                self._active = [row for row in self._active if not row.future.cancelled()]
                arrived = [row for row in self._waiting if not row.future.cancelled()]
                self._waiting.clear()
                if self._leaving or (not arrived and not self._active):
                    self._running = False
                    return
            try:
                left = self._admit(arrived)
                with self._lock:
                    self._waiting.extendleft(reversed(left))
                self._pass()
            except Exception as error:  # out of memory, a grammar that fails: nobody waits for ever
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        failed, self._active = self._active, []
        for row in failed:
            _settle(row.future, error)

    def _admit(self, arrived: Sequence[_Row]) -> list[_Row]:
        """Take in what there is room for; those that had better wait come back."""
        left = []
        for row in arrived:
            if len(self._active) >= self.batch or self._worth_waiting(row):
                left.append(row)
                continue
            try:
                self._begin(row)
            except Exception as error:  # its own: a grammar that fails, no memory for its keys
                _settle(row.future, error)
            else:
                self._active.append(row)
        return left

    def _worth_waiting(self, row: _Row) -> bool:
        if self.trie.capacity <= 0:
            return False
        known = self.trie.known(row.prompt[:-1])
        return any(
            other.reading and common(other.prompt, row.prompt[:-1]) >= known + WORTH
            for other in self._active
        )

    def _begin(self, row: _Row) -> None:
        runs = self.trie.find(row.prompt[:-1])  # the last token is read anew, for its logits
        row.kv = Chain(runs)
        row.reused = row.kv.length
        wanted = row.wanted
        if wanted.temperature > 0:
            row.generator = torch.Generator().manual_seed(wanted.seed & (2**63 - 1))
        if wanted.held is not None:
            self._force(row, wanted.held)

    def _force(self, row: _Row, held: Held) -> None:
        forced = [token for token in held.forced() if token not in self.ends]
        row.reply += forced
        self.counts.forced += len(forced)

    def _pass(self) -> None:
        """One forward pass: the next tokens of all rows, as far as they fit."""
        if not self._active:
            return
        taken: list[tuple[_Row, Sequence[int] | Tokens, bool]] = []
        room = self.chunk
        for row in sorted(self._active, key=lambda row: row.reading):
            pending = row.pending()
            n = min(len(pending), room) if row.reading else len(pending)
            if n:
                taken.append((row, pending[:n], n == len(pending)))
                room = max(0, room - n)
        logits = self._forward(taken)
        which = iter(logits)
        for row, tokens, whole in taken:
            before = row.kv.length
            row.kv.own.length += len(tokens)
            read = min(row.kv.length, len(row.prompt)) - before
            if read > 0:
                self.counts.prefilled += read
                if not row.reading:  # siblings that wait for it may begin
                    self.trie.insert(row.prompt, row.kv.part)
            if whole:
                self._next(row, next(which))

    def _forward(self, taken: Sequence[tuple[_Row, Sequence[int] | Tokens, bool]]) -> torch.Tensor:
        """The logits after each row that is read to its end, on the CPU: (rows, vocabulary)."""
        device = self.model.device
        pieces, tokens, positions, last = [], [], [], []
        at = 0
        for row, new, whole in taken:
            pieces.append(Piece(row.kv, at, at + len(new)))
            tokens.append(np.asarray(new, dtype=np.int64))
            positions.append(np.arange(row.kv.length, row.kv.length + len(new)))
            at += len(new)
            if whole:
                last.append(at - 1)
        start = time.perf_counter()
        with torch.inference_mode(), packed(pieces):
            out = self.model(
                input_ids=torch.from_numpy(np.concatenate(tokens))[None].to(device),
                position_ids=torch.from_numpy(np.concatenate(positions))[None].to(device),
                logits_to_keep=torch.tensor(last, dtype=torch.int64, device=device),
                use_cache=False,
            )
            logits: torch.Tensor = out.logits[0].float().cpu()
        self.counts.passes += 1
        self.counts.seconds += time.perf_counter() - start
        return logits

    def _next(self, row: _Row, logits: torch.Tensor) -> None:
        """Take the next token of a row, and those that it forces; settle what is complete."""
        wanted, held = row.wanted, row.wanted.held
        try:
            if held is not None:
                logits = held.mask(logits)
            token, logprob = choose(logits, wanted.temperature, wanted.top_p, row.generator)
            row.logprob += logprob
            ended = token in self.ends
            if not ended:
                row.reply.append(token)
            if held is not None:
                held.take(token)
                if not held.done:
                    self._force(row, held)
                ended = ended or held.done
            if not ended and wanted.finished is not None:
                ended = wanted.finished(row.reply)
        except Exception as error:
            self._active.remove(row)
            _settle(row.future, error)
            return
        if ended or len(row.reply) >= wanted.most:
            self._active.remove(row)
            self._done(row, ended)

    def _done(self, row: _Row, ended: bool) -> None:
        reply = row.reply[: row.wanted.most]
        self.counts.requests += 1
        self.counts.reused += row.reused
        self.counts.generated += len(reply)
        read = row.kv.length - len(row.prompt)  # the last token was never read
        self.trie.insert(np.concatenate([row.prompt, row.reply[:read]]), row.kv.part)
        _settle(row.future, Generated(reply, row.reused, row.logprob, ended))


class OwnCache(Engine):
    """For models whose layers are not all attention: each row alone, with the model's own cache.

    Nothing is shared and nothing is batched, but it works for any causal model.
    """

    def _forward(self, taken: Sequence[tuple[_Row, Sequence[int] | Tokens, bool]]) -> torch.Tensor:
        start, logits = time.perf_counter(), []
        for row, new, whole in taken:
            tokens = torch.from_numpy(np.asarray(new, dtype=np.int64))[None]
            with torch.inference_mode():
                out = self.model(
                    input_ids=tokens.to(self.model.device),
                    use_cache=True,
                    **self._cached(row),
                )
            row.own = out
            if whole:
                logits.append(out.logits[0, -1].float().cpu())
        self.counts.passes += 1
        self.counts.seconds += time.perf_counter() - start
        return torch.stack(logits) if logits else torch.empty(0)

    @staticmethod
    def _cached(row: _Row) -> dict[str, Any]:
        """What the last pass of this row left: by transformers' two names for it."""
        names = ("past_key_values", "cache_params")
        found = {n: v for n in names if (v := getattr(row.own, n, None)) is not None}
        row.own = None
        return found


def choose(
    logits: torch.Tensor, temperature: float, top_p: float, generator: torch.Generator | None
) -> tuple[int, float]:
    """A token of these logits (vocabulary), and its log-probability at temperature 1."""
    told = torch.log_softmax(logits, -1)
    if temperature <= 0:
        token = int(told.argmax())
        return token, float(told[token])
    chances = torch.softmax(logits / temperature, -1)
    if top_p < 1:
        ordered, which = chances.sort(descending=True)
        beyond = ordered.cumsum(-1) - ordered >= top_p  # the likeliest one always stays
        chances = torch.zeros_like(chances).scatter(-1, which, ordered.masked_fill(beyond, 0.0))
    token = int(torch.multinomial(chances, 1, generator=generator))
    return token, float(told[token])


def _leave(made: weakref.ref[Engine]) -> None:
    """Before the interpreter goes, let the pass that runs now end: torch may not be cut off."""
    if (engine := made()) is not None and (thread := engine._thread) is not None:
        engine._leaving = True
        thread.join()


def _settle(future: Future[Generated], result: Generated | Exception) -> None:
    if future.set_running_or_notify_cancel():
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
