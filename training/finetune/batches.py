"""The order of sequences: grouped by length, or packed; the same for the same seed."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch.utils.data import Sampler

from .tokens import IGNORED, Tokens

GROUP: Final = 32  # batches that are sorted by length together

Pack = list[Tokens]


def packed(sequences: Sequence[Tokens], context: int) -> list[Pack]:
    """Sequences in bins of ``context`` tokens: best fit, the longest first (Johnson, 1973).

    No sequence is cut, and each stands in one bin. Of bins with equal room the oldest is taken.
    """
    bins: list[Pack] = []
    rooms: list[tuple[int, int]] = []  # room and number of each bin, sorted
    for sequence in sorted(sequences, key=lambda s: -len(s.ids)):
        size = len(sequence.ids)
        at = bisect_left(rooms, (size, -1))
        if at < len(rooms):
            room, number = rooms.pop(at)
            bins[number].append(sequence)
        else:
            room, number = context, len(bins)
            bins.append([sequence])
        insort(rooms, (room - size, number))
    return bins


def columns(packs: Sequence[Pack]) -> dict[str, Any]:
    """Packs as Arrow's lists of 32-bit numbers, the tokens as trl names them.

    ``input_ids``; ``learnt``, where that begins and ends, in turns; ``seq_lengths``, of the
    sequences of each. Labels would take as much again as the tokens: :func:`collate` makes them.
    """
    ids = ((s.ids for s in pack) for pack in packs)
    sizes = ([[len(s.ids) for s in pack]] for pack in packs)
    return {
        "input_ids": _lists(ids),
        "learnt": _lists([_edges(pack)] for pack in packs),
        "seq_lengths": _lists(sizes),
    }


def _edges(pack: Pack) -> list[int]:
    """Where what is learnt begins and ends in a pack."""
    found, at = [], 0
    for sequence in pack:
        found += [at + edge for edge in sequence.learnt]
        at += len(sequence.ids)
    return found


def _lists(rows: Iterable[Iterable[Iterable[int]]]) -> Any:
    """Each row's parts as one list of Arrow's: no Python number stays for each token."""
    import pyarrow

    values, ends = array("i"), array("q", [0])
    for parts in rows:
        for part in parts:
            values.extend(part)
        ends.append(len(values))
    made = pyarrow.Array.from_buffers(
        pyarrow.int32(), len(values), [None, pyarrow.py_buffer(values)]
    )
    return pyarrow.LargeListArray.from_arrays(pyarrow.array(ends, pyarrow.int64()), made)


class ByLength(Sampler[int]):  # type: ignore[misc]
    """Batches of about equal length in a random order, drawn from (seed, epoch) alone.

    So a resumed epoch has the order of the one that was stopped, whatever was drawn since.

    Args:
        lengths: of all items.
        batch: items of a batch.
        seed: of the order.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed, self._epoch = lengths, batch, seed, 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(len(self._lengths), generator=draw).tolist()
        size = self._batch * GROUP
        batches: list[list[int]] = []
        for start in range(0, len(order), size):
            group = sorted(order[start : start + size], key=lambda i: -self._lengths[i])
            batches += [group[i : i + self._batch] for i in range(0, len(group), self._batch)]
        # A batch that is not full comes last, else it would shift the ones after it.
        whole = [b for b in batches if len(b) == self._batch]
        rest = [i for b in batches if len(b) < self._batch for i in b]
        for at in torch.randperm(len(whole), generator=draw).tolist():
            yield from whole[at]
        yield from rest


def collate(items: Sequence[Mapping[str, Any]], pad: int) -> dict[str, Any]:
    """A batch of tensors.

    A pack of several sequences has positions that begin anew in each, and the batch no mask: then
    transformers lets no token see another sequence's. Padding is sequences of one token.

    Args:
        items: rows of what :func:`columns` makes.
        pad: the token to fill up with.
    """
    several = any(len(item["seq_lengths"]) > 1 for item in items)
    shape = len(items), max(len(item["input_ids"]) for item in items)
    ids, labels = torch.full(shape, pad), torch.full(shape, IGNORED)
    positions, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for i, item in enumerate(items):
        size = len(item["input_ids"])
        ids[i, :size] = torch.tensor(item["input_ids"])
        for start, end in zip(item["learnt"][::2], item["learnt"][1::2], strict=True):
            labels[i, start:end] = ids[i, start:end]
        positions[i, :size] = torch.cat([torch.arange(n) for n in item["seq_lengths"]])
        mask[i, :size] = 1
    made = {"input_ids": ids, "labels": labels}
    return {**made, "position_ids": positions} if several else {**made, "attention_mask": mask}
