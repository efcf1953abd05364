"""Facts in words: what a person would ask, who knows names and no codes."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...envs.hub.entities import ENTITIES
from .expressions import Element, Fact, Input, Seed

FRAMES: Final = (
    "What is {0}?",
    "Tell me {0}.",
    "I'd like to know {0}.",
    "Please find out {0}.",
    "Could you look up {0} for me?",
    "I need {0}.",
    "Can you tell me {0}?",
)
# What cannot stand after "What is": clauses, and plurals.
NO_WHAT_IS: Final = (
    r"whether\b|the (?:minutes|hours|days|seconds|letters|digits|notes|women|people)\b"
)
WHETHER: Final = (
    "Tell me {0}.",
    "I'd like to know {0}.",
    "Please find out {0}.",
    "Can you tell me {0}?",
)
EACH: Final = {
    "country_code": "that country",
    "city_name": "that city",
    "iata": "that airport",
    "icao": "that airport",
    "us_iata": "that airport",
    "us_state": "that state",
    "airline_code": "that airline",
    "timezone": "that time zone",
    "date": "that date",
    "currency_code": "that currency",
    "language_code": "that language",
    "person": "that person",
    "movie_title": "that film",
}


@dataclass
class Speaker:
    """Words for facts.

    Attributes:
        rng: chooses among phrasings.
        literals: the names of seeds as they were said: a paraphrase must keep them.
    """

    rng: random.Random
    literals: list[str] = field(default_factory=list)
    said: dict[Seed, str] = field(default_factory=dict)

    def name(self, seed: Seed) -> str:
        """What a person calls the value, the same each time."""
        if seed not in self.said:
            self.said[seed] = self.rng.choice(names_of(seed.type, seed.value))
            self.literals.append(self.said[seed])
        return self.said[seed]

    def phrase(self, fact: Fact, filler: dict[str, str] | None = None) -> str:
        """A noun phrase for the fact's value.

        Args:
            fact: the fact.
            filler: words for some parameters, in place of what their inputs would be called.
        """
        return self._fill(self.rng.choice(fact.endpoint.returns[fact.key].phrases), fact, filler)

    def question(self, fact: Fact) -> str:
        """A whole question."""
        gives = fact.endpoint.returns[fact.key]
        if gives.questions and self.rng.random() < 0.6:
            return capital(self._fill(self.rng.choice(gives.questions), fact))
        phrase = self.phrase(fact)
        frames = WHETHER if re.match(NO_WHAT_IS, phrase) else FRAMES
        return self.rng.choice(frames).format(phrase)

    def thing(self, each: Input) -> str:
        """The thing that a value stands for, inside a longer phrase."""
        if isinstance(each, Seed):
            return self.name(each)
        if isinstance(each, Element):
            return EACH.get(each.of.type.items, "that one")
        gives = each.endpoint.returns[each.key]
        return self._fill(gives.entity or gives.phrases[0], each)

    def place(self, latitude: Fact) -> str:
        """The place whose latitude the fact is."""
        phrase = latitude.endpoint.returns[latitude.key].phrases[0]
        return self._fill(phrase.partition("latitude of ")[2], latitude)

    def _fill(self, template: str, fact: Fact, filler: dict[str, str] | None = None) -> str:
        words = dict(filler or {})
        inputs = fact.inputs
        for lat, each in inputs.items():
            if isinstance(each, Fact) and each.type.name == "latitude" and lat not in words:
                lon = next(
                    n for n, other in inputs.items()
                    if isinstance(other, Fact) and other.inputs == each.inputs
                    and other.type.name == "longitude" and other.endpoint is each.endpoint
                )  # fmt: skip
                template, n = re.subn(POINT.format(lat, lon), "{" + lat + "}", template)
                if not n:
                    raise Unsayable(f"{fact.endpoint.id}.{fact.key}: no point in {template!r}")
                words[lat], words[lon] = self.place(each), ""
        for name, each in inputs.items():
            if name not in words:
                words[name] = self.thing(each)
        return re.sub(r"\{(\w+)\}", lambda m: words[m[1]], template)


LONGEST: Final = 320  # characters of an instruction
POINT: Final = (
    r"(?:the (?:point|coordinates?|position|place|location) (?:at )?)?"
    r"\(?(?:latitude )?\{{{0}\}}°?(?: north)?(?:,? and |, ?| / ?| )"
    r"(?:longitude )?\{{{1}\}}°?(?: east)?\)?"
)


class Unsayable(Exception):
    """The fact has no words for what it rests on."""


def names_of(type: str, value: Any) -> Sequence[str]:
    """The ways to name a value."""
    known = ENTITIES.get(type)
    return (str(value),) if known is None else tuple(known.says(value)) or (str(value),)


def smooth(text: str) -> str:
    """The text without the stumbles of nesting: "the BIC the BIC of" is "the BIC of"."""
    text = re.sub(r"(?:the )?\b((?:[\w-]+ ){1,4})the \1", r"the \1", text)
    return re.sub(r"\bthe (\w+) called the (\1|one)\b", r"the \1", text)


def readable(text: str) -> bool:
    """Whether a person would get through it: not too long, nothing said twice in a row."""
    return len(text) <= LONGEST and re.search(r"\b(\S.{2,60}?),? \1\b", text) is None


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def enumerate_words(words: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]
