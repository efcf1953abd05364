"""Replies held to a grammar while they are sampled, by llguidance.

Chosen for its coverage of JSON Schema (ranges, lengths, patterns, formats), for masks that are
computed as they are needed (no table for each grammar and vocabulary, as agents offer other
functions in each task), and because it says which tokens are forced: those are not sampled.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer

from .formats import SPACED

KEPT: Final = 512  # compiled grammars


class Constraint:
    """The state of one reply in its grammar."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    @property
    def done(self) -> bool:
        """The reply is complete: nothing may follow."""
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        """The tokens that must come next; they count as taken."""
        tokens = list(self._matcher.compute_ff_tokens())
        if tokens:
            self._take(tokens)
        return tokens

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits (vocabulary) with all tokens that may not come next at minus infinity."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            raise RuntimeError(f"the grammar failed: {self._matcher.get_error()}")
        allowed = torch.from_numpy(np.unpackbits(bits, bitorder="little")[: len(logits)]).bool()
        masked = torch.full_like(logits, float("-inf"))
        masked[: len(allowed)] = torch.where(allowed, logits[: len(allowed)], float("-inf"))
        return masked

    def take(self, token: int) -> None:
        """A token was sampled."""
        self._take([token])

    def _take(self, tokens: Sequence[int]) -> None:
        if not self._matcher.consume_tokens(list(tokens)):
            raise RuntimeError(f"the grammar failed: {self._matcher.get_error()}")


class Grammars:
    """Compiled grammars of JSON schemas for one tokenizer.

    Args:
        tokenizer: a fast tokenizer of transformers'.
        vocabulary: the number of logits.
        ends: tokens that end a reply.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Sequence[int]) -> None:
        from llguidance.hf import from_tokenizer

        self._tokenizer: LLTokenizer = from_tokenizer(tokenizer, vocabulary, list(ends) or None)
        self._compiled: OrderedDict[Hashable, LLMatcher] = OrderedDict()

    def of(self, name: Hashable, choices: Iterable[Mapping[str, Any] | str]) -> Constraint:
        """What holds a reply to the first of these schemas that can be compiled.

        Args:
            name: what tells the choices from others; they are looked at once for each.
            choices: JSON schemas, or grammars in Lark.

        Raises:
            ValueError: none can.
        """
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = self._first(choices)
            if len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(name)
        return Constraint(found.deep_copy())

    def _first(self, choices: Iterable[Mapping[str, Any] | str]) -> LLMatcher:
        wrong = "there is no schema"
        for choice in choices:
            found = self._compile(choice)
            if not found.is_error():
                return found
            wrong = found.get_error()
        raise ValueError(wrong)

    def _compile(self, choice: Mapping[str, Any] | str) -> LLMatcher:
        if isinstance(choice, str):
            grammar = LLMatcher.grammar_from_lark(choice)
        else:
            schema = json.dumps(choice, ensure_ascii=False)
            grammar = LLMatcher.grammar_from_json_schema(schema, defaults=SPACED)
        return LLMatcher(self._tokenizer, grammar, log_level=0)
