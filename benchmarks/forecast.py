"""What a plan may cost at most, said before it runs; and budgets that would never end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core import Message, Model, Prompt, Request, UsageError
from ..core.finish import API_DOC
from ..models.identity import name_of, reply_of, window_of
from .plan import Parts, Plan


@dataclass(frozen=True)
class Forecast:
    """Upper bounds for all trials of a plan.

    Attributes:
        at_most: by kind, where there is a bound.
        says: where the bounds come from, how loose they are, and what is missing for others.
    """

    at_most: Mapping[str, float] = field(default_factory=dict)
    says: str = ""


def forecast(plan: Plan, parts: Parts) -> Forecast:
    """What the plan's trials may cost at most: its caps, and calls times the dearest call."""
    keys, caps = plan.keys(), dict(plan.budget)
    at_most = {kind: cap * len(keys) for kind, cap in caps.items()}
    if "calls" not in caps:
        return Forecast(at_most, "no cap on calls: give --budget calls=")
    tokens, usd = 0.0, 0.0
    notes: list[str] = []
    for suite in plan.suites:
        model = parts.of_suite(suite.name).model
        share = sum(key.suite == suite.name for key in keys) * caps["calls"]
        call = dearest(model)
        if call is None:
            named = name_of(model) or plan.spec("model", suite)
            return Forecast(at_most, f"calls only: {lacking(model, named)}")
        tokens, usd = tokens + share * call.tokens, usd + share * call.usd
        if call.says not in notes:
            notes.append(call.says)
    for kind, bound in (("tokens", int(tokens)), ("usd", round(usd, 6))):
        at_most[kind] = min(at_most.get(kind, bound), bound)
    if not usd:
        notes.append("no price is known: dollars count 0; give prices=FILE")
    return Forecast(at_most, "; ".join(notes))


@dataclass(frozen=True)
class Call:
    """The dearest call of a model, and in words what was assumed of it."""

    tokens: int
    usd: float
    says: str


def dearest(model: Model) -> Call | None:
    """A call that fills the model's context window; None where it has no bound or no window."""
    bound, window = getattr(model, "bound", None), window_of(model)
    if bound is None or window is None:
        return None

    def bounded(words: int) -> tuple[int, float]:
        prompt = Prompt([Message("user", "a " * words)])  # a token a word, in any encoding
        tokens, usd = bound(Request(prompt, (API_DOC,)))
        return int(tokens), float(usd)

    tokens, _ = bounded(max(1, window - (reply_of(model) or 0)))
    # The longest reply leaves room for a prompt; where tokens are estimated, a full one may not.
    least, usd = bounded(1)
    more, dearer = bounded(max(2, window // 8))
    if more > least:
        usd += (dearer - usd) / (more - least) * max(0, tokens - least)
    says = f"every call fills the context window ({window:,} tokens): loose, as few prompts do"
    return Call(tokens, max(usd, dearer), says)


def lacking(model: Model, named: str) -> str:
    """Why there is no bound of tokens and dollars."""
    if getattr(model, "bound", None) is None:
        return f"{named} has no bound of a call's tokens and dollars"
    return f"no context window is known for {named}: give prices=FILE with its window"


def check_budget(plan: Plan, parts: Parts) -> None:
    """See to it that a budget of dollars can end.

    Raises:
        UsageError: the model knows what its calls cost at most, and says nothing, always.
    """
    if "usd" not in plan.budget and plan.match != "usd":
        return
    for suite in plan.suites:
        model = parts.of_suite(suite.name).model
        bound = getattr(model, "bound", None)
        if bound is not None:
            tokens, usd = bound(Request(Prompt([Message("user", "hello")])))
            if tokens and not usd:
                named = name_of(model) or plan.spec("model", suite)
                raise UsageError(
                    f"no price is known for {named}, so a budget of dollars would never end: give "
                    f"prices=FILE (docs/models.md), or a budget of calls or tokens"
                )
