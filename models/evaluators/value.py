"""The evaluator ``value``: the model scores each node on its own.

Yao et al., Tree of Thoughts, NeurIPS 2023 (section 3, "value each state independently"): a number,
or sure / likely / impossible, which count 20, 1 and 0.001 there (its code for the Game of 24).
LATS (Zhou et al. 2023, section 4) and Koh et al. 2024 ask for a number, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from ...core import Node, Session
from .asking import described, question, read_score, texts

WORDS: Final = {"sure": 1.0, "likely": 1 / 20, "impossible": 0.001 / 20}


@dataclass(frozen=True)
class Value:
    """A score from 0 to 1 for each node, the mean of its samples; n calls a node.

    Args:
        scale: ``number`` asks for 0 to 10; ``words`` for sure, likely or impossible, worth 1,
            1/20 and 1/20,000, as in Tree of Thoughts.
        n: samples a node.
        texts: a TOML file with words of one's own.

    A reply that says no value counts 0, as in Tree of Thoughts.
    """

    scale: Literal["number", "words"] = "number"
    n: int = 1
    texts: Path | None = None

    def __post_init__(self) -> None:
        if self.n < 1 or self.scale not in ("number", "words"):
            raise ValueError(f"n must be 1 or more and scale number or words, not {self}")
        _ = self.words

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Its texts."""
        return texts("value", self.texts)

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """All nodes at once."""
        return await s.gather(*[self.score(s, node) for node in nodes])

    async def score(self, s: Session, node: Node) -> float:
        """One node."""
        asked = question(self.words[self.scale], s, path=described(node))
        replies = await s.poll("value", (node,), self.n, messages=asked)
        read = read_score if self.scale == "number" else read_word
        return sum(read(reply) or 0.0 for reply in replies) / len(replies)


def read_word(reply: str) -> float | None:
    """What the last of the three words in a reply is worth; None where there is none."""
    found = re.findall(r"\b(sure|likely|impossible)\b", reply.lower())
    return WORDS[found[-1]] if found else None
