"""What a probe may do and what it asks of an API: the thresholds of ``data/probe.toml``."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..core import UsageError
from ..core.status import CODES

DEFAULTS: Final = Path(__file__).parent / "data" / "probe.toml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Calls(_Section):
    """How APIs are called; data/probe.toml says what each value means."""

    per_api: int = Field(ge=1, le=100)
    concurrency: int = Field(ge=1, le=1000)
    per_host: int = Field(ge=1, le=1000)
    rate: float = Field(ge=0)
    timeout: float = Field(gt=0)
    attempts: int = Field(ge=1, le=100)
    patience: float = Field(gt=0)
    seed: int
    again: tuple[str, ...]


class Stop(_Section):
    """When an API is asked no more."""

    statuses: tuple[str, ...]
    timeouts: int = Field(ge=0)
    broken: int = Field(ge=1)


class Filter(_Section):
    """What an API must reach to pass."""

    works: float = Field(ge=0, le=1)
    p50: float = Field(gt=0)
    p95: float = Field(gt=0)
    good: float = Field(ge=0, le=1)
    shared: int = Field(ge=0)
    apis: int = Field(ge=1)


class Quality(_Section):
    """What is a bad answer under status ok."""

    longest: int = Field(ge=1)
    shortest_shared: int = Field(ge=1)
    examples: int = Field(ge=0)
    kept: int = Field(ge=0)
    error_keys: tuple[str, ...]
    failing: tuple[str, ...]
    message_keys: tuple[str, ...]
    phrases: tuple[str, ...]
    begins: tuple[str, ...]
    message: int = Field(ge=0)


class ProbeConfig(_Section):
    """All of it."""

    calls: Calls
    stop: Stop
    filter: Filter
    quality: Quality


def read_config(path: Path | None = None, **calls: Any) -> ProbeConfig:
    """The defaults, then what a file says, then the command line's word on calls.

    Args:
        path: a TOML file with some of the values; None for none.
        calls: values of section ``calls``; None says nothing.

    Raises:
        UsageError: it cannot be read, or a value is unknown or makes no sense; the text says which.
    """
    values = {name: dict(section) for name, section in _defaults().items()}
    if path is not None:
        for name, section in _read(path).items():
            if not isinstance(section, dict):
                raise UsageError(f"{path}: {name!r} stands outside of a section")
            values.setdefault(name, {}).update(section)
    values["calls"].update({key: value for key, value in calls.items() if value is not None})
    try:
        config = ProbeConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        where = "the command line" if path is None else str(path)
        raise UsageError(f"{where}: {place}: {first['msg']}") from None
    for key, said in (("stop.statuses", config.stop.statuses), ("calls.again", config.calls.again)):
        if unknown := sorted(set(said) - set(CODES)):
            known = ", ".join(CODES)
            raise UsageError(f"{path}: {key}: no status {unknown[0]!r}; there are: {known}")
    return config


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    return _read(DEFAULTS)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
