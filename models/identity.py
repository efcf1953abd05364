"""What tells one model from another: the part of a reply's cause that is not in the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

from ..core import Model, UsageError
from .tokens import Counter, counter, window

PIECE: Final = 1 << 20  # bytes of either end of a file that tell it from others


class Identified(Protocol):
    """A model that says what it is.

    ``identity`` has ``provider``, ``base_url``, ``model`` and ``parameters``: plain data, all
    that decides a reply beside the request, and never a key.
    """

    @property
    def identity(self) -> Mapping[str, Any]:
        """Provider, base URL, model and parameters."""


def identity_of(model: Model) -> Mapping[str, Any]:
    """The model's identity, that of a wrapper's model where the wrapper changes nothing.

    Raises:
        UsageError: it has none, so its replies cannot be told from another model's.
    """
    while not isinstance(found := getattr(model, "identity", None), Mapping):
        inner = getattr(model, "model", None)
        if inner is None or not hasattr(inner, "complete"):
            raise UsageError(
                f"{type(model).__name__} has no `identity` (provider, base_url, model, "
                f"parameters): nothing tells its replies from another model's"
            )
        model = inner
    return found


def weights_mark(files: Sequence[Path]) -> str:
    """What tells files of weights from others: names, sizes, and both ends of each."""
    stats = [(path, path.stat()) for path in files]
    return _mark(tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats))


@lru_cache(64)
def _mark(files: tuple[tuple[str, int, int], ...]) -> str:
    state = blake2b(digest_size=16)
    for name, size, _ in files:
        state.update(f"{Path(name).name} {size}\n".encode())
        with open(name, "rb") as file:
            state.update(file.read(PIECE))
            file.seek(max(0, size - PIECE))
            state.update(file.read())
    return state.hexdigest()


def innermost(model: Model) -> Model:
    """The model behind wrappers, which hold theirs as ``model``."""
    while (inner := getattr(model, "model", None)) is not None and hasattr(inner, "complete"):
        model = inner
    return model


def name_of(model: Model) -> str:
    """The model's name at its provider; "" where it has none."""
    inner = innermost(model)
    identity = getattr(inner, "identity", None)
    named = identity.get("model") if isinstance(identity, Mapping) else None
    name = named or getattr(inner, "model", None)
    return name if isinstance(name, str) else ""


def counter_of(model: Model) -> Counter:
    """What counts the model's tokens: its own tokenizer where it has one at hand."""
    own: Counter | None = getattr(innermost(model), "counter", None)
    return counter(name_of(model)) if own is None else own


def window_of(model: Model, prices: Path | None = None) -> int | None:
    """The context window in tokens: what the model was told, else what the price table has."""
    for told in (getattr(model, "window", None), getattr(innermost(model), "context", None)):
        if isinstance(told, int):
            return told
    return window(name_of(model), prices)


def reply_of(model: Model) -> int | None:
    """The most tokens of a reply, where the model says."""
    inner = innermost(model)
    identity = getattr(inner, "identity", None)
    parameters = identity.get("parameters") if isinstance(identity, Mapping) else None
    told = parameters.get("max_tokens") if isinstance(parameters, Mapping) else None
    told = told if told is not None else getattr(inner, "max_tokens", None)
    return told if isinstance(told, int) else None
