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


class KV:
    """Keys and values of a run of tokens: for each layer two tensors (heads, tokens, width).

    Attributes:
        length: tokens whose keys and values are there in all layers.
    """

    def __init__(self) -> None:
        self.length = 0
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    @property
    def nbytes(self) -> int:
        """Its size in memory."""
        return sum(t.nbytes for pair in self._layers.values() for t in pair)

    def lay(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor, at: int, room: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write keys and values of tokens ``at`` and on; all up to there come back."""
        stop = at + keys.shape[1]
        pair = self._layers.get(layer)
        if pair is None or pair[0].shape[1] < stop:
            grown = (_grown(keys, pair and pair[0], at, stop + room),
                     _grown(values, pair and pair[1], at, stop + room))  # fmt: skip
            pair = self._layers[layer] = grown
        pair[0][:, at:stop] = keys
        pair[1][:, at:stop] = values
        return pair[0][:, :stop], pair[1][:, :stop]

    def load(self, runs: Sequence[tuple[KV, int]], room: int) -> None:
        """Begin with copies of the first tokens of runs, one after another."""
        for run, n in runs:
            for layer, (keys, values) in run._layers.items():
                self.lay(layer, keys[:, :n], values[:, :n], self.length, room)
            self.length += n

    def part(self, start: int, stop: int) -> KV:
        """A copy of some tokens'."""
        kv = KV()
        kv._layers = {
            layer: (keys[:, start:stop].clone(), values[:, start:stop].clone())
            for layer, (keys, values) in self._layers.items()
        }
        kv.length = stop - start
        return kv


def _grown(like: torch.Tensor, old: torch.Tensor | None, at: int, room: int) -> torch.Tensor:
    made = like.new_empty(like.shape[0], room + ROOM, like.shape[2])
    if old is not None:
        made[:, :at] = old[:, :at]
    return made


class Piece:
    """The tokens of one sequence in a packed row.

    Args:
        kv: where its keys and values are.
        start, stop: its place in the row.
    """

    def __init__(self, kv: KV, start: int, stop: int) -> None:
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
    heads, tokens = query.shape[1:3]
    out = query.new_empty(1, tokens, heads, value.shape[-1])
    for piece in _NOW.pieces:
        span = slice(piece.start, piece.stop)
        keys, values = piece.kv.lay(layer, key[0, :, span], value[0, :, span], piece.kv.length)
        mask = piece.mask(sliding_window or 0, query.device)
        if softcap is None and s_aux is None:
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
