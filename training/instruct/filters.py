"""What makes an instruction unfit: each reason a check, each check counted with one example.

ToolLLM (section 2.2) drops instructions whose relevant APIs do not exist. The rest is ours.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from ...core import API
from ...envs.toolbench import standardize
from .candidates import Candidate
from .near import Near

WORDS: Final = (5, 200)  # of an instruction
_WORDS_OF: Final = tomllib.loads(
    (files("toolgrove.training.instruct") / "data" / "words.toml").read_text("utf-8")
)
_COMMON: Final = frozenset(_WORDS_OF["english"].split())
_FOREIGN: Final = frozenset(_WORDS_OF["others"].split())
_PLACEHOLDER: Final = re.compile(
    r"<[a-z][\w .'-]*>|\{[^{}]*\}|\[[a-z][\w .'-]*\]|\b(?:XYZ|XXX+|your_\w+|insert \w+ here)\b"
    r"|\b(?:[Ff]oo|[Bb]ar)\s?[Bb]az\b"
)
_QUOTED: Final = re.compile(r"\"[^\"]+\"|“[^”]+”|‘[^’]+’|(?<!\w)'[^']+'(?!\w)|`[^`]+`")
_NAMED: Final = r"(?:api|apis|tool|tools|endpoint|function|functions)"


@dataclass
class Report:
    """Counts of each filter, and the first thing that each dropped.

    Attributes:
        seen: instructions that came in; ``kept``: those that passed.
        dropped: by reason.
        examples: by reason: the instruction, and what was found in it.
    """

    seen: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "dropped": {name: self.dropped[name] for name in CHECKS}}


class Filters:
    """All checks in their order: the first that an instruction fails counts it.

    Args:
        known: all (tool, API) pairs of the table, standardised.
        threshold: Jaccard index of near-duplicates.
    """

    def __init__(self, known: Container[tuple[str, str]], threshold: float = 0.7) -> None:
        self._known, self._near = known, Near(threshold)
        self.report = Report()
        self._checks: Mapping[str, Callable[[Candidate], str]] = {
            "unknown_api": self._unknown,
            "not_offered": self._not_offered,
            "few_tools": few_tools,
            "length": lambda c: length(c.instruction),
            "language": lambda c: foreign(c.instruction),
            "named": lambda c: named(c.instruction, c.sample.apis),
            "literals": literals,
            "duplicate": lambda c: self._near.find(c.instruction, c.id) or "",
        }

    def passes(self, candidate: Candidate) -> bool:
        """Whether it is fit; counts it."""
        self.report.seen += 1
        for name, check in self._checks.items():
            if found := check(candidate):
                self.report.dropped[name] += 1
                self.report.examples.setdefault(
                    name, {"id": candidate.id, "instruction": candidate.instruction, "why": found}
                )
                return False
        self.report.kept += 1
        return True

    def _unknown(self, candidate: Candidate) -> str:
        for (tool, api), found in zip(candidate.item.pairs, candidate.relevant, strict=True):
            if found is None and (standardize(tool), standardize(api)) not in self._known:
                return f"the table has no API [{tool}, {api}]"
        return ""

    def _not_offered(self, candidate: Candidate) -> str:
        for pair, found in zip(candidate.item.pairs, candidate.relevant, strict=True):
            if found is None:
                return f"[{pair[0]}, {pair[1]}] is not among the APIs that were shown"
        return ""


CHECKS: Final = (
    "unknown_api", "not_offered", "few_tools", "length", "language", "named", "literals",
    "duplicate",
)  # fmt: skip


def few_tools(candidate: Candidate) -> str:
    """I2 and I3 are about several tools: an instruction for one is dropped."""
    tools = {(d.api.category, d.api.tool or d.api.name) for d in candidate.needed}
    if candidate.sample.level == "I1" or len(tools) > 1:
        return ""
    return f"{candidate.sample.level} needs two tools, and this one"


def length(text: str) -> str:
    """5 to 200 words."""
    count = len(text.split())
    return "" if WORDS[0] <= count <= WORDS[1] else f"{count} words"


def foreign(text: str) -> str:
    """Whether a text is not English.

    Outside quotations nine letters of ten must be Latin without accents; of its words one in
    twelve must be among 100 common English ones, and these more than common words of seven other
    languages (data/words.toml). It knows a text of five words or more; names and quotations in
    other languages may stand in it.
    """
    own = _QUOTED.sub(" ", text)
    letters = [c for c in own if c.isalpha()]
    if sum(c.isascii() for c in letters) < 0.9 * len(letters):
        return "letters that are not English"
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", own.lower())
    english = sum(word in _COMMON for word in words)
    others = sum(word in _FOREIGN for word in words)
    if english <= others or english < len(words) / 12:
        return f"{english} of {len(words)} words are common in English, {others} in others"
    return ""


def named(text: str, apis: Iterable[API]) -> str:
    """A tool, API or function that the instruction names; "" where it names none.

    A name counts where it stands as whole words and cannot be plain English: it is written like
    code (``country_profile``, ``getNFTs``, ``CountryAtlas``), or as a title of two words or more
    in just that writing (``Current Weather``), or a word such as "API" or "tool" stands beside
    it. "the current weather" names nothing, whatever an API is called.
    """
    lowered = text.lower()
    for api in apis:
        for name in dict.fromkeys((api.tool, api.api, api.name)):
            if len(name) < 2:
                continue
            plain = name.lower()
            if plain not in lowered:
                continue
            whole = rf"(?<!\w){re.escape(name)}(?!\w)"
            if _is_code(name) and re.search(whole, text, re.IGNORECASE):
                return name
            if _is_title(name) and re.search(whole, text):
                return name
            beside = (
                rf"(?<!\w)[\"'`“]?{re.escape(plain)}[\"'`”]?\s+{_NAMED}\b"
                rf"|\b{_NAMED}\s+(?:called\s+|named\s+)?[\"'`“]?{re.escape(plain)}(?!\w)"
            )
            if re.search(beside, lowered):
                return name
    return ""


def _is_code(name: str) -> bool:
    """Whether a name is written as no English words are."""
    if " " in name.strip():
        return False
    inner = re.search(r"[a-z][A-Z]|[a-zA-Z]\d|\d[a-zA-Z]", name) is not None
    return inner or re.search(r"\w[_./]\w", name) is not None


def _is_title(name: str) -> bool:
    """Whether a name is two words or more with a capital, "I" aside."""
    words = name.split()
    return len(words) > 1 and any(word != word.lower() for word in words if word != "I")


def literals(candidate: Candidate) -> str:
    """Whether values are missing that calls need.

    An API needs a value if a parameter is required, is a text or a number, and has neither a
    default nor a list of choices. Where at least one relevant API needs none, its answer may
    hold what the others need; where all need one, the instruction must have a literal: a
    number, something quoted, a capitalised word inside a sentence, a link, a code. A blank
    ("<city>", "XYZ") is never fit.
    """
    text = candidate.instruction
    if blank := _PLACEHOLDER.search(_QUOTED.sub(" ", text)):
        return f"a blank: {blank[0]}"
    needs = [needed(document.api) for document in candidate.needed]
    if not all(needs) or has_literal(text):
        return ""
    return f"no value for {', '.join(dict.fromkeys(name for names in needs for name in names))}"


def needed(api: API) -> list[str]:
    """The parameters of an API that a value must be found for."""
    listed = api.parameters.get("required")
    properties = api.parameters.get("properties")
    if not isinstance(listed, list) or not isinstance(properties, Mapping):
        return []
    names = []
    for name in map(str, listed):
        schema = properties.get(name)
        if isinstance(schema, Mapping) and not {"default", "enum", "const"} & set(schema):
            kind = schema.get("type", "string")
            if kind in ("string", "number", "integer", "array"):
                names.append(name)
    return names


def has_literal(text: str) -> bool:
    """Whether a text has a value: see :func:`literals`."""
    if re.search(r"\d", text) or _QUOTED.search(text) or re.search(r"\w[@/]\w|https?:", text):
        return True
    for sentence in re.split(r"(?:[.!?:]\s+|\n)", text):
        for word in sentence.split()[1:]:
            bare = word.strip("\"'()[],;.!?“”‘’")
            if bare[:1].isupper() and re.match(r"I(?:$|['’])", bare) is None:
                return True
    return False
