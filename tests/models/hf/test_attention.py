"""Attention over shared runs: the same as torch's over each sequence's whole keys and values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra hf is not installed")

from toolgrove.models.hf.attention import KV, Chain, Piece, attend, joined, packed

FEW, TIMES, WIDTH = 2, 3, 8
LAYER: Any = SimpleNamespace(layer_idx=0)


def run(tokens: int, seed: int) -> KV:
    torch.manual_seed(seed)
    kv = KV()
    kv.lay(0, torch.randn(FEW, tokens, WIDTH), torch.randn(FEW, tokens, WIDTH), 0)
    kv.length = tokens
    return kv


def chains() -> list[Chain]:
    """Siblings below one run, one of them deeper and one with a part of it; and one alone."""
    trunk, branch = run(40, 1), run(7, 2)
    made = [
        Chain([(trunk, 40)]),
        Chain([(trunk, 40)]),
        Chain([(trunk, 40), (branch, 7)]),
        Chain([(trunk, 25)]),
        Chain(),
    ]
    for i, chain in enumerate(made):
        own = run(3 + i, 10 + i)
        chain.own = own
    return made


@pytest.mark.parametrize("new", [[1, 1, 1, 1, 1], [1, 4, 1, 2, 1], [5, 1, 3, 1, 1]])
@pytest.mark.parametrize("window", [None, 6])
def test_it_is_plain_attention(new: list[int], window: int | None) -> None:
    made = chains()
    torch.manual_seed(5)
    total = sum(new)
    query = torch.randn(1, FEW * TIMES, total, WIDTH)
    key, value = torch.randn(2, 1, FEW, total, WIDTH)
    starts = [sum(new[:i]) for i in range(len(new))]
    told = []
    for chain, start, n in zip(made, starts, new, strict=True):
        before = chain.part(0, chain.length)
        keys, values = (t[:, : chain.length] for t in before.layers[0])
        span = slice(start, start + n)
        keys = torch.cat([keys, key[0, :, span]], 1).repeat_interleave(TIMES, 0)
        values = torch.cat([values, value[0, :, span]], 1).repeat_interleave(TIMES, 0)
        at = torch.arange(chain.length, chain.length + n)[:, None]
        seen = torch.arange(chain.length + n)[None]
        mask = seen <= at
        if window:
            mask &= seen > at - window
        scores = query[0, :, span] @ keys.transpose(1, 2) * WIDTH**-0.5
        weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
        told.append((weights @ values).transpose(0, 1))
    pieces = [Piece(c, s, s + n) for c, s, n in zip(made, starts, new, strict=True)]
    with packed(pieces):
        out, _ = attend(LAYER, query, key, value, sliding_window=window)
    assert torch.allclose(out[0], torch.cat(told), atol=1e-5)


def test_what_is_shared_is_one_memory_and_parts_are_copies() -> None:
    made = chains()
    assert made[0].runs[0][0] is made[1].runs[0][0]
    whole = made[2].part(0, made[2].length)
    assert whole.length == made[2].length == 52
    again = joined([made[2].part(0, 41), made[2].part(41, 49), made[2].part(49, 52)])
    for a, b in zip(whole.layers[0], again.layers[0], strict=True):
        assert torch.equal(a[:, :52], b)
    part = made[0].part(0, 40)
    part.layers[0][0].zero_()
    assert made[1].runs[0][0].layers[0][0][:, :40].abs().sum() > 0


def test_a_sequence_grows_without_losing_what_it_has() -> None:
    chain, kept = Chain([(run(5, 1), 5)]), []
    for i in range(300):
        keys = torch.full((FEW, 1, WIDTH), float(i))
        own, _ = chain.lay(0, keys, keys)
        chain.own.length += 1
        kept.append(float(i))
        assert own.shape[1] == i + 1
    assert own[0, :, 0].tolist() == kept and chain.length == 305
