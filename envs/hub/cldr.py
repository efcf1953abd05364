"""Locales of the CLDR by babel, each with data of its own.

Babel keeps what it resolves of a locale (its stand-alone month names, say) in tables that locales
share, so that after Japanese the months of Dutch can be Japanese (babel 2.18, ``LocaleDataDict``).
An API of the hub must answer alike whatever was called before: here nothing is kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .registry import HubError


@lru_cache(maxsize=512)
def locale(name: str) -> Any:
    """A babel ``Locale``.

    Args:
        name: language, and perhaps script and territory, as ``pt_BR`` or ``pt-br``.

    Raises:
        HubError: there is no such locale; 404.
    """
    from babel import Locale
    from babel.localedata import load

    language, *rest = name.replace("-", "_").split("_")
    parts = [part.title() if len(part) == 4 else part.upper() for part in rest]
    wanted = "_".join((language.lower(), *parts))
    if wanted not in identifiers():
        raise HubError(f"locale {name} not found")
    found = Locale.parse(wanted)
    # babel has no public way to hand a locale its data
    found._Locale__data = _resolving()(load(wanted))
    return found


@lru_cache(maxsize=1)
def identifiers() -> frozenset[str]:
    """The locales that there are."""
    from babel.localedata import locale_identifiers

    return frozenset(locale_identifiers())


@lru_cache(maxsize=1)
def _resolving() -> Any:
    from babel.localedata import Alias, LocaleDataDict, merge

    class Resolving(LocaleDataDict):  # type: ignore[misc]
        """Locale data whose aliases are resolved anew each time, and never written back."""

        def __getitem__(self, key: Any) -> Any:
            value = self._data[key]
            if isinstance(value, Alias):
                value = value.resolve(self.base)
            if isinstance(value, tuple):
                alias, own = value
                value = dict(alias.resolve(self.base))
                merge(value, own)
            return Resolving(value, base=self.base) if isinstance(value, dict) else value

    return Resolving
