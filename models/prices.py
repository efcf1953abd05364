"""What tokens cost: a table with dates and sources, which a file of one's own overrides.

The table is ``data/prices.toml``. Over it lie ``~/.config/toolgrove/prices.toml``, where it is
there, and a file that is named (``prices=FILE``); each needs only the models that it changes.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ..core import UsageError

MILLION: Final = 1_000_000
# What may follow a model's name: a snapshot's date or its alias. Anything else is another model.
_SNAPSHOT = re.compile(r"[-@](?:\d{4}|\d{8}|\d{4}-\d{2}-\d{2}|latest)")


@dataclass(frozen=True)
class Price:
    """What a model charges, in US dollars per million tokens.

    Attributes:
        model: the entry's name.
        input, output: prompt and completion tokens.
        cached: prompt tokens that the provider had in its prefix cache; None: as ``input``.
        window: the context window in tokens, prompt and reply together, where known.
        date, source: when and where the price was read.
    """

    model: str
    input: float
    output: float
    cached: float | None = None
    window: int | None = None
    date: date | None = None
    source: str = ""

    def cost(self, prompt_tokens: int, completion_tokens: int, cached: int = 0) -> float:
        """Dollars for one call.

        Args:
            prompt_tokens: all of the prompt, the cached tokens included.
            completion_tokens: the reply, hidden thinking included.
            cached: how many of the prompt's tokens the provider had in its cache.
        """
        cached = max(0, min(cached, prompt_tokens))
        less = self.input if self.cached is None else self.cached
        fresh = (prompt_tokens - cached) * self.input
        return (fresh + cached * less + completion_tokens * self.output) / MILLION


def find(model: str, file: Path | None = None) -> Price | None:
    """The price of a model: its own entry, or that of the model it is a dated snapshot of.

    ``gpt-4o-2024-08-06`` and ``claude-haiku-4-5-20251001`` are found by their models' names,
    ``gpt-4o-audio-preview`` is not: another model would get a wrong price without a word.

    Raises:
        UsageError: a price file cannot be read, or an entry in it is wrong.
    """
    table = _table(file)
    if model in table:
        return table[model]
    names = [n for n in table if model.startswith(n) and _SNAPSHOT.fullmatch(model[len(n) :])]
    return table[max(names, key=len)] if names else None


def own_file() -> Path:
    """Where the user's prices are: ``$XDG_CONFIG_HOME`` or ``~/.config``, toolgrove/prices.toml."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "toolgrove" / "prices.toml"


def _table(file: Path | None) -> dict[str, Price]:
    """Built in, then the user's, then the file named: the last that has a model counts."""
    own = own_file()
    table = dict(_builtin())
    if own.is_file():
        table |= read(own)
    if file is not None:
        table |= read(file)
    return table


@lru_cache(maxsize=1)
def _builtin() -> Mapping[str, Price]:
    source = files("toolgrove.models") / "data" / "prices.toml"
    return _entries(tomllib.loads(source.read_text("utf-8")), "prices.toml")


def read(path: Path) -> Mapping[str, Price]:
    """The prices in a file.

    Raises:
        UsageError: it cannot be read, or an entry is wrong; the text names entry and field.
    """
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise UsageError(f"cannot read the prices {path}: {error.strerror}") from error


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, size: int) -> Mapping[str, Price]:
    """A version of a file, read once."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    return _entries(data, str(path))


def _entries(data: Mapping[str, Any], where: str) -> dict[str, Price]:
    known = [f.name for f in fields(Price) if f.name != "model"]
    table = {}
    for model, entry in data.items():
        if not isinstance(entry, dict):
            wrong = f'{model} must be a table, as ["{model}"], not {type(entry).__name__}'
            raise UsageError(f"{where}: {wrong}")
        at = f'{where}, ["{model}"]'
        for key, value in entry.items():
            if isinstance(value, dict):
                raise UsageError(f'{at}: {key} is a table; a name with dots is quoted, ["a.b"]')
            if key not in known:
                raise UsageError(f"{at}: no field is called {key!r}; there are: {', '.join(known)}")
            _check(at, key, value)
        for key in ("input", "output"):
            if key not in entry:
                raise UsageError(f"{at} lacks {key}: US dollars per million tokens")
        table[model] = Price(model, **entry)
    return table


def _check(at: str, key: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key in ("input", "output", "cached"):
        if not (number and 0 <= float(value) < float("inf")):  # type: ignore[arg-type]
            raise UsageError(f"{at}: {key} must be dollars per million tokens, not {value!r}")
    elif key == "window":
        if not (number and isinstance(value, int) and value > 0):
            raise UsageError(f"{at}: window must be a number of tokens from 1, not {value!r}")
    elif key == "date":
        if type(value) is not date:
            raise UsageError(f"{at}: date must be a day, as 2026-11-25, not {value!r}")
    elif not isinstance(value, str):
        raise UsageError(f"{at}: {key} must be a text, not {type(value).__name__}")
