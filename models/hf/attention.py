"""Attention over keys and values that the engine keeps, for any model of transformers'.

A forward pass gets the tokens of several sequences in one row, without padding. The attention of
each layer lays their keys and values down with the sequence they belong to, and lets each
sequence see its own tokens only.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch.nn.functional import scaled_dot_product_attention

NAME: Final = "toolgrove"  # of the attention implementation, as transformers knows it
ROOM: Final = 128  # tokens that keys and values grow by
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
        self._masks: dict[int, torch.Tensor | None] = {}

    def mask(self, window: int, device: torch.device) -> torch.Tensor | None:
        """Which tokens each may see (new, all): those before it, within the window if it has one.

        None where each of them may see all.
        """
        if window not in self._masks:
            new, first = self.stop - self.start, self.kv.length
            seen: torch.Tensor | None = None
            if new > 1 or 0 < window <= first:
                query = torch.arange(first, first + new, device=device)[:, None]
                key = torch.arange(first + new, device=device)[None]
                seen = key <= query
                if window:
                    seen &= key > query - window
            self._masks[window] = seen
        return self._masks[window]


_NOW = threading.local()


class packed:
    """Within this block the attention of a forward pass reads these pieces."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def __enter__(self) -> None:
        _NOW.pieces = self._pieces

    def __exit__(self, *_: object) -> None:
        del _NOW.pieces


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
    layer = int(module.layer_idx)
    heads, tokens = query.shape[1], query.shape[2]
    out = query.new_empty(1, tokens, heads, value.shape[-1])
    easy = softcap is None and s_aux is None
    single: list[tuple[Piece, Pair]] = []
    for piece in _NOW.pieces:
        span = slice(piece.start, piece.stop)
        own = piece.kv.lay(layer, key[0, :, span], value[0, :, span])
        mask = piece.mask(sliding_window or 0, query.device)
        if easy and mask is None:
            single.append((piece, own))
            continue
        keys, values = piece.kv.whole(layer, own)
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
    if single:
        _next_tokens(layer, query, single, scaling, out)
    return out, None


def _next_tokens(
    layer: int,
    query: torch.Tensor,
    single: Sequence[tuple[Piece, Pair]],
    scaling: float | None,
    out: torch.Tensor,
) -> None:
    """Attention of sequences that add one token each: what several share is read once for all.

    Each run of keys gives a part of the softmax, and parts are put together by their maxima and
    sums, as in flash attention (Dao et al., 2022, section 3.1).
    """
    rows = [piece.start for piece, _ in single]
    groups: dict[tuple[int, int], tuple[Pair, int, list[int]]] = {}
    for i, (piece, own) in enumerate(single):
        for pair, n in (*piece.kv.shared(layer), (own, own[0].shape[1])):
            groups.setdefault((pair[0].data_ptr(), n), (pair, n, []))[2].append(i)
    some = single[0][1]
    few, width = some[0].shape[0], some[1].shape[2]
    times = query.shape[1] // few
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    asked = query[0][:, rows].reshape(few, times, len(rows), -1) * scale
    top = query.new_full((few, times, len(rows), 1), float("-inf"), dtype=torch.float32)
    total = torch.zeros_like(top)
    found = top.new_zeros(few, times, len(rows), width)
    for (keys, values), n, who in groups.values():
        mine = slice(None) if len(who) == len(rows) else who
        q = asked[:, :, mine].reshape(few, times * len(who), -1)
        scores = (q @ keys[:, :n].transpose(1, 2)).float()
        high = scores.amax(-1, keepdim=True)
        weights = torch.exp(scores - high)
        shape = (few, times, len(who), -1)
        part = (weights.to(values.dtype) @ values[:, :n]).float().view(shape)
        high, summed = high.view(shape), weights.sum(-1, keepdim=True).view(shape)
        before = top[:, :, mine]
        now = torch.maximum(before, high)
        old, new = torch.exp(before - now), torch.exp(high - now)
        found[:, :, mine] = found[:, :, mine] * old + part * new
        total[:, :, mine] = total[:, :, mine] * old + summed * new
        top[:, :, mine] = now
    seen = (found / total).to(out.dtype).reshape(few * times, len(rows), width)
    out[0, rows] = seen.transpose(0, 1)


def _plain(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float | None,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """The same, written out, for what torch's own has no argument for."""
    times = query.shape[0] // keys.shape[0]
    keys, values = keys.repeat_interleave(times, 0), values.repeat_interleave(times, 0)
    scores = query @ keys.transpose(1, 2) * (scaling or query.shape[-1] ** -0.5)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    scores = scores.float()
    if sinks is not None:
        sink = sinks.float().reshape(-1, 1, 1).expand(-1, scores.shape[1], 1)
        scores = torch.cat([scores, sink], -1).softmax(-1)[..., :-1]
    else:
        scores = scores.softmax(-1)
    return scores.to(values.dtype) @ values
