"""The budget of a trial: reserved before an effect, settled after."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Final, Literal

from .errors import BudgetExhausted, UsageError

Counted = Literal["calls", "steps", "nodes"]
KINDS: Final = ("calls", "tokens", "usd", "steps", "nodes", "seconds")
_DUST: Final = 1e-9  # dollars that are lost or won by adding floating-point numbers


class Budget:
    """Caps on what a trial may spend; a cap of k is never overrun and can be used in full.

    Calls, steps and nodes are counted before they happen. Tokens and dollars are known after:
    where the model gives an upper bound of a request it is held meanwhile, and the cap is
    never overrun; without one, a request may start while anything is left, so the last one
    in flight may overrun it. ``seconds`` is the trial's own clock: waiting for replays of a
    journal does not count, time spent in an earlier life does.
    """

    def __init__(
        self,
        *,
        calls: float = math.inf,
        tokens: float = math.inf,
        usd: float = math.inf,
        steps: float = math.inf,
        nodes: float = math.inf,
        seconds: float = math.inf,
    ) -> None:
        self.calls, self.tokens, self.usd = calls, tokens, usd
        self.steps, self.nodes, self.seconds = steps, nodes, seconds
        for kind in KINDS:
            if not getattr(self, kind) >= 0:
                raise UsageError(f"a budget of {kind} must be 0 or more, not {getattr(self, kind)}")
        self.spent: dict[str, float] = dict.fromkeys(KINDS, 0)
        self._held_tokens = 0
        self._held_usd = 0.0
        self._base, self._since = 0.0, time.monotonic()

    @property
    def bounded(self) -> bool:
        """Whether tokens or dollars are capped."""
        return self.tokens < math.inf or self.usd < math.inf

    def caps(self) -> dict[str, float]:
        """The caps that are set."""
        return {kind: cap for kind in KINDS if (cap := getattr(self, kind)) < math.inf}

    def carry(self, spent: Mapping[str, float]) -> None:
        """Count what an earlier life spent, and start the clock from there."""
        for kind, amount in spent.items():
            self.spent[kind] += amount
        self._base, self._since = self.spent["seconds"], time.monotonic()

    def reserve(self, kind: Counted, n: int = 1) -> int:
        """Take up to n of a counted kind; how many there were.

        Raises:
            BudgetExhausted: there was none.
        """
        room = getattr(self, kind) - self.spent[kind]
        if room < n:
            if room < 1:
                raise BudgetExhausted(kind)
            n = int(room)
        self.spent[kind] += n
        return n

    def hold(self, tokens: int = 0, usd: float = 0.0) -> None:
        """Set aside a request's upper bound (0: none known).

        Raises:
            BudgetExhausted: nothing is left, or less than the bound.
        """
        left = self.tokens - self.spent["tokens"] - self._held_tokens
        if left < tokens or left <= 0:
            raise BudgetExhausted("tokens")
        money = self.usd - self.spent["usd"] - self._held_usd
        if money < usd - _DUST or money <= _DUST:
            raise BudgetExhausted("usd")
        self._held_tokens += tokens
        self._held_usd += usd

    def settle(self, tokens: int, usd: float, *, held: tuple[int, float] = (0, 0.0)) -> None:
        """Count what a request really cost, and free what was held for it."""
        self.spent["tokens"] += tokens
        self.spent["usd"] += usd
        self._held_tokens -= held[0]
        self._held_usd -= held[1]

    def elapsed(self) -> float:
        """Seconds on the trial's clock."""
        return self._base + time.monotonic() - self._since

    def tick(self, at: float | None = None) -> float:
        """Settle the clock after an effect: now, or when a replayed one says it happened."""
        if at is None:
            at = self.elapsed()
        else:
            self._base, self._since = max(self._base, at), time.monotonic()
        self.spent["seconds"] = max(self.spent["seconds"], at)
        return at
