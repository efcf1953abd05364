"""A simulated teacher: for tests and for trying the pipeline, and no source of real instructions.

It reads the documentation in the prompt as a model would, and builds instructions from the
descriptions and the example values that it finds there. A share of its work is flawed in the ways
that real teachers' is: an API that does not exist, an API named, the same request twice, no value
where one is needed, a reply that is not JSON.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...core import Completion, ModelError, Request

_DOCUMENTS: Final = re.compile(r"<documentation>\n(.*?)\n</documentation>", re.DOTALL)
_COUNT: Final = re.compile(r"exactly (\d+) objects")
FLAWS: Final = ("unknown", "named", "twice", "blank")
_WORDS: Final = ("Lisbon", "Kyoto", "Amelia Hart", "Rosenthal", "Tamarind", "Quebec", "Orion")
_WHO: Final = (
    "My sister and I are settling a bet", "I am preparing a lesson for Monday",
    "Our club needs this for its newsletter", "A customer asked me this morning",
    "I am filling in a form", "We are planning the summer", "For a quiz at the office",
    "My neighbour would like to know", "I am writing a small report", "There is a trip ahead of us",
    "I am sorting out an old folder", "The children want to know", "I am checking a friend's claim",
    "A colleague left me a note", "I have an hour before the meeting",
)  # fmt: skip
_ASK: Final = (
    "could you find out", "please tell me", "I need to know", "can you look up", "what I want is",
    "I would like to have", "help me with", "show me",
)  # fmt: skip
_ALSO: Final = ("After that I also need", "Beside that, give me", "And please add", "Then tell me")
_END: Final = (
    "A short answer will do.", "Please be exact.", "I have to pass it on tonight.",
    "Say so if there is none.", "Thank you!", "", "It is for people who know little of this.",
)  # fmt: skip


class SimulatedTeacher:
    """Answers prompts for instructions; deterministic in (seed, messages, sample index).

    Args:
        flaws: share of instructions that have a flaw, 0 to 1; a quarter as many replies are
            no JSON at all.
        seed: another seed is another teacher.
        usd: what it says that a call costs, for trying out caps.
    """

    main = "flaws"

    def __init__(self, flaws: float = 0.2, seed: int = 0, usd: float = 0.0) -> None:
        if not 0 <= flaws <= 1:
            raise ValueError("flaws must be between 0 and 1")
        if usd < 0:
            raise ValueError("usd must be 0 or more")
        self.flaws, self.seed, self.usd = flaws, seed, usd

    @property
    def identity(self) -> dict[str, Any]:
        """It is simulated, and says so."""
        parameters = {"flaws": self.flaws, "seed": self.seed}
        return {"provider": "toolgrove", "base_url": None, "model": "simulated-teacher",
                "parameters": parameters}  # fmt: skip

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One reply a request."""
        return [self._reply(request) for request in requests]

    def _reply(self, request: Request) -> Completion | ModelError:
        text = "\n".join(message.content or "" for message in request.messages)
        found, wanted = _DOCUMENTS.findall(text), _COUNT.findall(text)
        if not found or not wanted:
            return ModelError(
                "the simulated teacher writes instructions for documented APIs and nothing else",
                kind="contract",
            )
        rng = random.Random(
            f"{self.seed}/{request.seed}/{request.sample}/{request.prompt.digest!r}"
        )
        tools = json.loads(found[-1])
        if rng.random() < self.flaws / 4:
            content = "Certainly! These are lovely tools, and people could do a lot with them."
        else:
            content = json.dumps(self._items(tools, int(wanted[-1]), rng), ensure_ascii=False)
        return Completion(content, (), len(text) // 4, len(content) // 4, self.usd)

    def _items(self, tools: list[dict[str, Any]], count: int, rng: random.Random) -> list[Any]:
        functions = [(tool["tool"], each) for tool in tools for each in tool["functions"]]
        items: list[dict[str, Any]] = []
        for number in range(count):
            first = functions[number % len(functions)]
            others = [each for each in functions if each[0] != first[0]]
            if len(tools) == 1:
                others = [each for each in functions if each is not first and rng.random() < 0.3]
            chosen = [first, *([rng.choice(others)] if others else [])]
            flaw = rng.choice(FLAWS) if rng.random() < self.flaws else ""
            if flaw == "twice" and items:
                items.append(dict(rng.choice(items)))
                continue
            items.append(_item(chosen, flaw, rng))
        return items


def _item(
    chosen: Sequence[tuple[str, Mapping[str, Any]]], flaw: str, rng: random.Random
) -> dict[str, Any]:
    parts = []
    for place, (_, function) in enumerate(chosen):
        wish = _wish(function) + ("" if flaw == "blank" else _values(function, rng))
        lead = f"{rng.choice(_WHO)}: {rng.choice(_ASK)}" if not place else rng.choice(_ALSO)
        parts.append(f"{lead} {wish}.")
    if flaw == "named":
        tool, function = chosen[0]
        parts.append(f"Use the function {function['function']} of the tool {tool}.")
    parts.append(rng.choice(_END))
    pairs = [[tool, function["function"]] for tool, function in chosen]
    if flaw == "unknown":
        pairs.append([chosen[0][0], "does_not_exist"])
    return {"instruction": " ".join(filter(None, parts)), "relevant APIs": pairs}


def _wish(function: Mapping[str, Any]) -> str:
    """The first sentence of a description, as something to wish for."""
    about = re.split(r"(?<=\w)[.;:](?:\s|$)|\n", str(function.get("description") or "").strip())[0]
    words = " ".join(about.split()[:24]) or "what there is"
    return words[0].lower() + words[1:] if words[1:2].islower() or words[1:2] == " " else words


def _values(function: Mapping[str, Any], rng: random.Random) -> str:
    """Values of the required parameters, with the words of their names."""
    said = []
    for parameter in function.get("parameters") or ():
        if parameter.get("required"):
            name = re.sub(r"[_\W]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", parameter["name"]))
            said.append(f"{name.lower().strip()} {_value(parameter, rng)}")
    return f" for {' and '.join(said)}" if said else ""


def _value(parameter: Mapping[str, Any], rng: random.Random) -> str:
    if choices := parameter.get("enum"):
        return json.dumps(rng.choice(choices), ensure_ascii=False)
    for key in ("example_value", "default"):
        if parameter.get(key) not in (None, ""):
            return json.dumps(parameter[key], ensure_ascii=False)
    kind = parameter.get("type")
    if kind in ("integer", "number"):
        return str(rng.randint(2, 900))
    return "yes" if kind == "boolean" else json.dumps(rng.choice(_WORDS))
