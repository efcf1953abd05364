"""The evaluator ``self_consistency``: what many samples agree on scores high; no calls.

Wang et al., Self-Consistency Improves Chain of Thought Reasoning in Language Models, ICLR 2023
(section 2): the majority over sampled answers. ToolChain* (section 3) counts calls likewise.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...core import BadArguments, Node, Session


@dataclass(frozen=True)
class SelfConsistency:
    """The share of the nodes that say the same.

    Answers agree if they are equal but for case, spaces and the marks around words. Other nodes
    agree if they made the same call. The scores compare nodes that were scored together, and no
    others.
    """

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """Count."""
        said = [claim(node) for node in nodes]
        counts = Counter(said)
        return [counts[each] / len(nodes) for each in said]


def claim(node: Node) -> tuple[str, str]:
    """What a node says: its answer, or its call, in one form."""
    if node.answer is not None:
        words = re.findall(r"\w+(?:[.,:/-]\w+)*", node.answer.casefold())
        return "answer", " ".join(words)
    if node.action is None:
        return "thought", node.thought or ""
    try:
        arguments = json.dumps(node.action.kwargs(), sort_keys=True)
    except BadArguments:
        arguments = node.action.arguments
    return node.action.api, arguments
