"""Near-duplicates in time linear in their number: MinHash and locality-sensitive hashing."""

from __future__ import annotations

import re
from typing import Any, Final

from ...core import UsageError

WORDS: Final = 3  # of a shingle
THRESHOLD: Final = 0.7
PERMUTATIONS: Final = 128
# 32 bands of 4: a pair at .7 is looked at with probability .9998, one at .6 with .988.
BANDS: Final = (32, 4)


def shingles(text: str) -> frozenset[str]:
    """All runs of three words, in lower case; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.lower())
    if len(words) <= WORDS:
        return frozenset([" ".join(words)])
    return frozenset(" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared shingles over all of both."""
    return len(one & other) / len(one | other)


class Near:
    """Texts that were kept, and whether a new one is near one of them.

    LSH gives the texts worth comparing; these are then compared exactly, so nothing is dropped
    that is not near, and the same texts in the same order always give the same answer.

    Args:
        threshold: the Jaccard index from which two texts are near.

    Raises:
        UsageError: datasketch is not installed.
    """

    def __init__(self, threshold: float = THRESHOLD) -> None:
        try:
            from datasketch import MinHash, MinHashLSH
        except ImportError as error:
            raise UsageError(
                f"near-duplicates need {error.name}: pip install 'toolgrove[instruct]'"
            ) from None
        self.threshold, self._minhash = threshold, MinHash
        self._index: Any = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS)
        self._kept: dict[str, frozenset[str]] = {}

    def find(self, text: str, name: str) -> str | None:
        """The name of the nearest text that this one is near; without one it is kept."""
        own = shingles(text)
        sketch = self._minhash(num_perm=PERMUTATIONS, seed=1)
        sketch.update_batch([shingle.encode() for shingle in sorted(own)])
        near = [(jaccard(own, self._kept[other]), other) for other in self._index.query(sketch)]
        close = [pair for pair in near if pair[0] >= self.threshold]
        if close:
            nearest: str = max(close)[1]
            return nearest
        self._index.insert(name, sketch)
        self._kept[name] = own
        return None
