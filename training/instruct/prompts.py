"""What a teacher is told: the task, the documents of the sampled APIs, three examples.

Source: ToolLLM (arXiv 2307.16789), appendix A.7: a general description of the task, comprehensive
documentation of each API, and three in-context examples drawn from a pool of 12 (one tool) or 36
(several tools). The wording and the examples are our own: data/instruct.toml, data/seeds.toml.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

from ...core import Message, UsageError
from ...core.prompt import Prompt
from ..documents import Document
from .sampling import Sample

EXAMPLES: Final = 3  # of the pool, in each prompt
_CUT: Final = 600  # characters of a description, and of a response


@dataclass(frozen=True)
class Seed:
    """An example of a good instruction.

    Attributes:
        offered: [tool, API] pairs that it was written for.
        instruction: the text.
        relevant: the pairs that serve it.
    """

    offered: tuple[tuple[str, str], ...]
    instruction: str
    relevant: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Wording:
    """All that prompts are made of.

    Attributes:
        texts: by name, as in data/instruct.toml.
        single: examples of one tool; ``several``: of several.
    """

    texts: Mapping[str, str]
    single: tuple[Seed, ...]
    several: tuple[Seed, ...]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all texts and examples."""
        told = repr((sorted(self.texts.items()), self.single, self.several))
        return blake2b(told.encode(), digest_size=8).hexdigest()

    def prompt(self, sample: Sample, count: int, seed: int, again: bool = False) -> Prompt:
        """The messages for one call.

        Args:
            sample: the APIs.
            count: how many instructions.
            seed: of the examples drawn.
            again: the reply before could not be read.
        """
        rng = random.Random(f"{seed}/{sample.key}/examples")
        pool = self.single if sample.level == "I1" else self.several
        drawn = rng.sample(pool, min(EXAMPLES, len(pool)))
        documents = json.dumps(documentation(sample.documents), ensure_ascii=False, indent=1)
        values = {
            "count": str(count),
            "documentation": documents,
            "examples": "\n".join(self._example(each) for each in drawn),
        }
        names = ["documentation", "examples", "format", *(["again"] if again else [])]
        return Prompt(
            [
                Message("system", self._said([sample.level, "rules"], values)),
                Message("user", self._said(names, values)),
            ]
        )

    def _said(self, names: Sequence[str], values: Mapping[str, str]) -> str:
        parts = [Template(self.texts[name]).safe_substitute(values).strip() for name in names]
        return "\n\n".join(parts)

    def _example(self, seed: Seed) -> str:
        values = {
            "offered": json.dumps(seed.offered),
            "instruction": json.dumps(seed.instruction),
            "relevant": json.dumps(seed.relevant),
        }
        return Template(self.texts["example"]).safe_substitute(values).strip()


def read_wording(texts: Path | None = None, seeds: Path | None = None) -> Wording:
    """The built-in texts and examples, or those of TOML files in their place.

    Raises:
        UsageError: a file cannot be read, or has other texts, or examples that are none.
    """
    data = files("toolgrove.training.instruct") / "data"
    own: dict[str, str] = tomllib.loads((data / "instruct.toml").read_text("utf-8"))
    if texts is not None:
        for key, value in _toml(texts).items():
            if key not in own or not isinstance(value, str):
                raise UsageError(f"{texts}: {key} is no text here; there are: {', '.join(own)}")
            own[key] = value
    pools: Mapping[str, Any]
    if seeds is None:
        pools = tomllib.loads((data / "seeds.toml").read_text("utf-8"))
    else:
        pools = _toml(seeds)
    where = str(seeds or "data/seeds.toml")
    return Wording(own, _pool(pools, "single", where), _pool(pools, "several", where))


def documentation(documents: Sequence[Document]) -> list[dict[str, Any]]:
    """The tools and their functions, as the teacher reads them."""
    tools: dict[tuple[str, str], dict[str, Any]] = {}
    for document in documents:
        api = document.api
        tool = tools.setdefault(
            (api.category, api.tool or api.name),
            {"tool": api.tool or api.name, "category": api.category, "functions": []},
        )
        if about := document.extra.get("tool_description"):
            tool.setdefault("description", str(about)[:_CUT])
        tool["functions"].append(_function(document))
    return list(tools.values())


def about(document: Document) -> str:
    """What its provider says of an API, without words that others put before it."""
    return str(document.extra.get("api_description") or document.api.description)


def _function(document: Document) -> dict[str, Any]:
    api = document.api
    told: dict[str, Any] = {"function": api.api or api.name, "description": about(document)[:_CUT]}
    required = api.parameters.get("required")
    needed = set(required) if isinstance(required, list) else set()
    properties = api.parameters.get("properties")
    if isinstance(properties, Mapping) and properties:
        told["parameters"] = [
            {"name": name, "required": name in needed, **_parameter(schema)}
            for name, schema in properties.items()
        ]
    if document.examples:
        told["response"] = document.examples[0][:_CUT]
    elif document.returns is not None:
        told["response"] = json.dumps(document.returns, ensure_ascii=False)[:_CUT]
    return told


def _parameter(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        return {}
    shown = ("type", "description", "enum", "default", "example_value", "format")
    return {key: schema[key] for key in shown if key in schema}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None


def _pool(pools: Mapping[str, Any], name: str, where: str) -> tuple[Seed, ...]:
    try:
        found = tuple(
            Seed(_pairs(each["offered"]), str(each["instruction"]), _pairs(each["relevant"]))
            for each in pools[name]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{where}: [[{name}]] has an example that is none: {error!r}") from None
    if not found:
        raise UsageError(f"{where} has no [[{name}]] examples")
    return found


def _pairs(listed: Any) -> tuple[tuple[str, str], ...]:
    """``{Tool = ["api", ..]}`` as pairs."""
    return tuple((str(tool), str(api)) for tool, apis in listed.items() for api in apis)
