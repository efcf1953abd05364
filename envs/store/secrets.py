"""Secrets in calls and answers: replaced before anything is hashed or kept, and looked for after.

Two things are secrets: what the environment's variables hold under a name like ``.._API_KEY``,
wherever it shows; and what is given for an argument with a name like ``api_key``. Either becomes
one fixed text, so a call recorded with one person's key is found again with another's. Formats of
well-known keys are searched for by ``store verify``, and ``store export`` refuses on a finding.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

REPLACED: Final = "<secret>"
SHORTEST: Final = 8  # characters; a shorter value of a variable is too likely an ordinary word

_VARIABLE: Final = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.I)
_ARGUMENTS: Final = frozenset(
    {
        "accesskey", "accesstoken", "apikey", "apisecret", "apitoken", "appid", "appkey", "authkey",
        "authorization", "authtoken", "bearertoken", "clientsecret", "passwd", "password",
        "privatekey", "rapidapikey", "refreshtoken", "secret", "secretkey", "sessiontoken",
        "toolbenchkey", "toolbenchrapidapikey", "xapikey", "xrapidapikey",
    }
)  # fmt: skip


class Format(NamedTuple):
    """A well-known format of secrets: texts that each one holds, and what they look like."""

    marks: tuple[str, ...]
    pattern: re.Pattern[str]


# Formats that a provider documents, or that secret scanners agree on. A text without any of the
# marks is not searched any further, which makes the search many times faster.
FORMATS: Final[Mapping[str, Format]] = {
    "AWS access key": Format(("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    "GitHub token": Format(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})"),
    ),
    "GitLab token": Format(("glpat-",), re.compile(r"\bglpat-[\w-]{20,}")),
    "Google API key": Format(("AIza",), re.compile(r"\bAIza[\w-]{35}\b")),
    "Hugging Face token": Format(("hf_",), re.compile(r"\bhf_[A-Za-z]{34}\b")),
    "OpenAI or Anthropic key": Format(
        ("sk-",), re.compile(r"\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,}")
    ),
    "private key": Format(
        ("PRIVATE KEY-----",),
        re.compile(
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[\s\S]{0,8000}?-----END [A-Z ]*KEY-----)?"
        ),
    ),
    "RapidAPI key": Format(
        ("msh",), re.compile(r"\b[0-9a-f]{10}msh[0-9a-f]{15}p1[0-9a-f]{5}jsn[0-9a-f]{12}\b")
    ),
    "Slack token": Format(("xox",), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    "Stripe key": Format(
        ("k_live_", "k_test_"), re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}")
    ),
    "JSON web token": Format(("eyJ",), re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
}


class Finding(NamedTuple):
    """Something that looks like a secret: what, and enough of it to be found, not to be used."""

    what: str
    hint: str


class Secrets:
    """What must not be kept.

    Args:
        known: texts that are secrets, wherever they show.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = sorted({k for k in known if len(k) >= SHORTEST}, key=len, reverse=True)
        shown = "|".join(re.escape(k) for k in self._known)
        self._shown = re.compile(shown) if shown else None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Secrets:
        """Those in the variables whose names say so."""
        there = os.environ if environment is None else environment
        return cls(value for name, value in there.items() if _VARIABLE.search(name))

    def without(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments with every secret replaced."""
        found: dict[str, Any] = self._replaced(arguments)
        return found

    def blotted(self, text: str) -> str:
        """The text with every known secret replaced."""
        return text if self._shown is None else self._shown.sub(REPLACED, text)

    def scan(self, text: str) -> Iterator[Finding]:
        """What looks like a secret in a text."""
        if self._shown is not None and self._shown.search(text):
            yield Finding("a value of this environment's variables", "")
        for what, (marks, pattern) in FORMATS.items():
            if any(mark in text for mark in marks):
                for match in pattern.finditer(text):
                    yield Finding(what, f"{match[0][:6]}…")

    def redacted(self, text: str) -> str:
        """The text with everything that :meth:`scan` finds replaced."""
        text = self.blotted(text)
        for marks, pattern in FORMATS.values():
            if any(mark in text for mark in marks):
                text = pattern.sub(REPLACED, text)
        return text

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.blotted(value)
        if isinstance(value, Mapping):
            return {
                self.blotted(key): REPLACED
                if each not in (None, "") and _plain(key) in _ARGUMENTS
                else self._replaced(each)
                for key, each in value.items()
            }
        return [self._replaced(each) for each in value] if isinstance(value, list) else value


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
