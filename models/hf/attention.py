"""Attention over keys and values that the engine keeps, for any model of transformers'.

A forward pass gets the tokens of several sequences in one row, without padding. The attention of
each layer lays their keys and values down with the sequence they belong to, and lets each
sequence see its own tokens only.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.nn.functional import scaled_dot_product_attention

NAME: Final = "toolgrove"  # of the attention implementation, as transformers knows it
ROOM: Final = 128  # tokens that keys and values grow by
FEW: Final = 32  # new tokens of a sequence, at most, to be read together with others
Pair = tuple[torch.Tensor, torch.Tensor]  # keys and values


class KV:
    """Keys and values of a run of tokens: for each layer two tensors (heads, tokens, width).

    Attributes:
        length: tokens whose keys and values are there in all layers.
        layers: keys and values; their tensors may have room for more tokens.
    """

    def __init__(self) -> None:
        self.length = 0
        self.layers: dict[int, Pair] = {}

    @property
    def nbytes(self) -> int:
        """Its size in memory."""
        return sum(t.nbytes for pair in self.layers.values() for t in pair)

    def lay(self, layer: int, keys: torch.Tensor, values: torch.Tensor, at: int) -> Pair:
        """Write keys and values of tokens ``at`` and on; all up to there come back."""
        stop = at + keys.shape[1]
        pair = self.layers.get(layer)
        if pair is None or pair[0].shape[1] < stop:
            old = (None, None) if pair is None else pair
            pair = _grown(keys, old[0], at, stop), _grown(values, old[1], at, stop)
            self.layers[layer] = pair
        pair[0][:, at:stop] = keys
        pair[1][:, at:stop] = values
        return pair[0][:, :stop], pair[1][:, :stop]

    def part(self, start: int, stop: int) -> KV:
        """A copy of some tokens'."""
        kv = KV()
        kv.layers = {
            layer: (keys[:, start:stop].clone(), values[:, start:stop].clone())
            for layer, (keys, values) in self.layers.items()
        }
        kv.length = stop - start
        return kv


def _grown(like: torch.Tensor, old: torch.Tensor | None, at: int, room: int) -> torch.Tensor:
    made = like.new_empty(like.shape[0], room + ROOM, like.shape[2])
    if old is not None:
        made[:, :at] = old[:, :at]
    return made


class Chain:
    """The keys and values of one sequence: runs that it shares with others, then its own.

    Shared runs are never written to, so any number of sequences read the same memory.

    Args:
        runs: what its first tokens have, with how many of each run belong to it.

    Attributes:
        base: tokens in the shared runs.
        own: of the tokens after those.
    """

    def __init__(self, runs: Sequence[tuple[KV, int]] = ()) -> None:
        self.runs, self.own = tuple(runs), KV()
        self.base = sum(n for _, n in runs)

    @property
    def length(self) -> int:
        """Tokens whose keys and values are there in all layers."""
        return self.base + self.own.length

    def lay(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> Pair:
        """Write keys and values of the next tokens; all of its own come back."""
        return self.own.lay(layer, keys, values, self.own.length)

    def whole(self, layer: int, own: Pair) -> Pair:
        """Keys and values of all tokens in one."""
        if not self.runs:
            return own
        parts = [(k[:, :n], v[:, :n]) for (k, v), n in self.shared(layer)] + [own]
        keys, values = zip(*parts, strict=True)
        return torch.cat(keys, 1), torch.cat(values, 1)

    def shared(self, layer: int) -> list[tuple[Pair, int]]:
        """Keys and values of the shared runs, with how many tokens of each count."""
        return [(run.layers[layer], n) for run, n in self.runs]

    def part(self, start: int, stop: int) -> KV:
        """A copy of some tokens'."""
        found, at = [], 0
        for run, n in (*self.runs, (self.own, self.own.length)):
            first, last = max(start, at), min(stop, at + n)
            if first < last:
                found.append(run.part(first - at, last - at))
            at += n
        return found[0] if len(found) == 1 else joined(found)


def joined(parts: Sequence[KV]) -> KV:
    """Keys and values of runs one after another, in one."""
    kv = KV()
    for layer in parts[0].layers if parts else ():
        keys, values = zip(*[part.layers[layer] for part in parts], strict=True)
        kv.layers[layer] = torch.cat(keys, 1), torch.cat(values, 1)
    kv.length = sum(part.length for part in parts)
    return kv


class Piece:
    """The tokens of one sequence in a packed row.

    Args:
        kv: its keys and values.
        start, stop: its place in the row.
    """

    def __init__(self, kv: Chain, start: int, stop: int) -> None:
        self.kv, self.start, self.stop = kv, start, stop
        self._masks: dict[int, torch.Tensor] = {}

    @property
    def new(self) -> int:
        """How many tokens."""
        return self.stop - self.start

    def few(self, window: int) -> bool:
        """Whether it adds few tokens, which see all that is before them."""
        return self.new <= FEW and (not window or self.kv.length + self.new <= window)

    def mask(self, window: int, device: torch.device) -> torch.Tensor:
        """Which tokens each may see (new, all): those before it, in the window if it has one."""
        if window not in self._masks:
            first = self.kv.length
            query = torch.arange(first, first + self.new, device=device)[:, None]
            key = torch.arange(first + self.new, device=device)[None]
            seen = key <= query
            if window:
                seen &= key > query - window
            self._masks[window] = seen
        return self._masks[window]


@dataclass
class Read:
    """Keys that some queries read: queries ``first`` to ``last``, scores from ``column`` on."""

    kv: KV
    n: int
    first: int
    last: int
    column: int


class Together:
    """Sequences that add few tokens each: what several of them share is read once for all.

    In their order here those that share a run lie side by side. All scores of a query lie in one
    row, so that one softmax serves all; which scores lie where is the same in every layer.

    Args:
        pieces: the sequences.
        device: of the tensors.
    """

    def __init__(self, pieces: Sequence[Piece], device: torch.device) -> None:
        self.pieces = sorted(pieces, key=lambda p: [(id(run), n) for run, n in p.kv.runs])
        places = [at for piece in self.pieces for at in range(piece.start, piece.stop)]
        self.rows = torch.tensor(places, device=device)
        self.shared: list[Read] = []
        self.own: list[Read] = []
        last_with: dict[tuple[int, int, int], Read] = {}
        first = 0
        for piece in self.pieces:
            last, column = first + piece.new, 0
            for run, n in piece.kv.runs:
                read = last_with.get((id(run), n, column))
                if read is not None and read.last == first:
                    read.last = last
                else:
                    read = last_with[id(run), n, column] = Read(run, n, first, last, column)
                    self.shared.append(read)
                column += n
            own = piece.kv.own
            self.own.append(Read(own, own.length + piece.new, first, last, column))
            first = last
        self.width = max(read.column + read.n for read in self.own)
        self._scores: torch.Tensor | None = None
        self._later: dict[tuple[int, int], torch.Tensor] = {}

    def attend(
        self, layer: int, query: torch.Tensor, scaling: float | None, out: torch.Tensor
    ) -> None:
        """Write the attention of these sequences' tokens, whose keys and values are laid down."""
        few = self.own[0].kv.layers[layer][0].shape[0]
        times = query.shape[1] // few
        rows = len(self.rows)
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        asked = (query[0][:, self.rows] * scale).view(few, times, rows, -1)
        asked = asked.transpose(1, 2).reshape(few, rows * times, -1)
        scores = self._scores
        if scores is None or scores.shape[:2] != asked.shape[:2]:
            scores = torch.full((*asked.shape[:2], self.width), float("-inf"), device=query.device)
            self._scores = scores
        reads = []
        for read in (*self.shared, *self.own):
            keys, values = read.kv.layers[layer]
            mine = slice(read.first * times, read.last * times)
            across = slice(read.column, read.column + read.n)
            scores[:, mine, across] = asked[:, mine] @ keys[:, : read.n].transpose(1, 2)
            reads.append((mine, across, values[:, : read.n]))
        for read, (mine, across, _) in zip(self.own, reads[len(self.shared) :], strict=True):
            if (new := read.last - read.first) > 1:
                among = slice(across.stop - new, across.stop)
                scores[:, mine, among].masked_fill_(self._after(new, times), float("-inf"))
        weights = scores.softmax(-1).to(query.dtype)
        found = torch.zeros(*asked.shape[:2], out.shape[-1], device=query.device)
        for mine, across, values in reads:
            found[:, mine] += weights[:, mine, across] @ values
        found = found.view(few, rows, times, -1).transpose(1, 2).reshape(few * times, rows, -1)
        out[0, self.rows] = found.transpose(0, 1).to(out.dtype)

    def _after(self, new: int, times: int) -> torch.Tensor:
        """Which of some new tokens come after each query among them (new * times, new)."""
        if (new, times) not in self._later:
            ones = torch.ones(new, new, dtype=torch.bool, device=self.rows.device)
            self._later[new, times] = ones.triu(1).repeat_interleave(times, 0)
        return self._later[new, times]


_NOW = threading.local()


class packed:
    """Within this block the attention of a forward pass reads these pieces."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._split: dict[int, tuple[Together | None, list[Piece]]] = {}

    def __enter__(self) -> None:
        _NOW.packed = self

    def __exit__(self, *_: object) -> None:
        del _NOW.packed

    def split(self, window: int, device: torch.device) -> tuple[Together | None, list[Piece]]:
        """The pieces to be read together where tokens see so many, and those one by one."""
        if window not in self._split:
            few = [piece for piece in self._pieces if piece.few(window)]
            many = [piece for piece in self._pieces if not piece.few(window)]
            self._split[window] = Together(few, device) if few else None, many
        return self._split[window]

    @property
    def pieces(self) -> Sequence[Piece]:
        """All of them."""
        return self._pieces


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function of transformers' interface.

    Args:
        module: the layer; its ``layer_idx`` names the keys and values.
        query: (1, heads, tokens, width), of all pieces in one row.
        key: (1, as many heads or fewer, tokens, width).
        value: as ``key``.
        attention_mask: not looked at: what a token sees follows from its piece.
        scaling: of the scores.
        sliding_window: tokens that a token sees, at most.
        softcap: a bound on scores (Gemma 2).
        s_aux: a sink for each head (gpt-oss).

    Returns:
        (1, tokens, heads, width), and no weights.
    """
    layer, window = int(module.layer_idx), sliding_window or 0
    heads, tokens = query.shape[1], query.shape[2]
    out = query.new_empty(1, tokens, heads, value.shape[-1])
    now: packed = _NOW.packed
    easy = softcap is None and s_aux is None
    together, alone = now.split(window, query.device) if easy else (None, now.pieces)
    for piece in together.pieces if together else ():
        span = slice(piece.start, piece.stop)
        piece.kv.lay(layer, key[0, :, span], value[0, :, span])
    if together:
        together.attend(layer, query, scaling, out)
    for piece in alone:
        span = slice(piece.start, piece.stop)
        own = piece.kv.lay(layer, key[0, :, span], value[0, :, span])
        keys, values = piece.kv.whole(layer, own)
        mask = piece.mask(window, query.device)
        if easy:
            seen = scaled_dot_product_attention(
                query[:, :, span],
                keys[None],
                values[None],
                attn_mask=mask,
                scale=scaling,
                enable_gqa=keys.shape[0] != heads,
            )[0]
        else:
            seen = _plain(query[0, :, span], keys, values, mask, scaling, softcap, s_aux)
        out[0, span] = seen.transpose(0, 1)
    return out, None


def _plain(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor,
    scaling: float | None,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """The same, written out, for what torch's own has no argument for."""
    times = query.shape[0] // keys.shape[0]
    keys, values = keys.repeat_interleave(times, 0), values.repeat_interleave(times, 0)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = query @ keys.transpose(1, 2) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores.masked_fill(~mask, float("-inf")).float()
    if sinks is not None:
        sink = sinks.float().reshape(-1, 1, 1).expand(-1, scores.shape[1], 1)
        scores = torch.cat([scores, sink], -1).softmax(-1)[..., :-1]
    else:
        scores = scores.softmax(-1)
    return scores.to(values.dtype) @ values
