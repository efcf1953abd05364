"""Simulated APIs: a model answers calls as the documented API might, after recorded examples.

The idea is StableToolBench's (Guo et al., 2024, arXiv:2403.07714), the shape of the prompt that of
its MirrorAPI (2025, arXiv:2503.20527): the API's document and recorded calls in the system message,
the request in the user's, and a reply ``{"error": ..., "response": ...}``. An answer is the
model's, never the API's: every step says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import tomllib
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final, Literal, get_args

from ..core import (
    API,
    BadArguments,
    CallWorld,
    Completion,
    Message,
    Model,
    Prompt,
    Request,
    Status,
    Step,
    StepInfo,
    ToolError,
    UsageError,
    World,
)
from ..core.contracts import Fork
from ..core.deadline import Overdue, within
from .recorded import call_key
from .simulated_examples import Examples, cut, nearest, read_examples
from .simulated_reply import read_envelope

log = logging.getLogger("toolgrove")

Check = Literal["none", "required", "schema"]

REMEMBERED: Final = 10_000  # calls whose answers a world keeps
ARGUMENTS: Final = 20_000  # characters of the arguments of one call
DOCUMENT: Final = 20_000  # characters of an API's document


class SimulatedWorld(CallWorld):
    """APIs whose responses a model makes up.

    Equal calls get equal requests (the seed is made of the prompt), and within one world one
    answer. What the model writes is read as JSON, slips repaired; what is not in the envelope then
    is status ``error``, never an answer. A model that fails is ``unavailable``.

    Args:
        model: who answers; set its temperature in its own spec.
        env: another world, whose functions are simulated; it is never called. Without it, the
            functions are those of each task.
        examples: how many recorded calls the model is shown, at most.
        examples_file: a JSONL file of recorded calls.
        texts: a TOML file in place of the built-in texts (envs/data/simulated.toml).
        check: what is refused without asking the model: ``required``, calls that lack a required
            argument; ``schema``, all that do not fit the API's schema; or ``none``.
        seed: another one gives other answers, if the model takes seeds.
        timeout: seconds for one answer.
        recorded: recorded calls from elsewhere: a function that gives an API's, as pairs of
            arguments and observation. They come before the file's.

    Raises:
        UsageError: a file is missing or wrong, or a number is out of range.
    """

    main = "model"
    fork: Fork = "free"

    def __init__(
        self,
        model: Model,
        env: World | None = None,
        examples: int = 5,
        examples_file: Path | None = None,
        texts: Path | None = None,
        check: Check = "required",
        seed: int = 0,
        timeout: float = 55.0,
        recorded: Examples | None = None,
    ) -> None:
        if examples < 0:
            raise UsageError(f"examples={examples}: it is a number from 0")
        if not 0 < timeout < float("inf"):
            raise UsageError(f"timeout={timeout:g}: seconds must be more than 0, and finite")
        if check not in get_args(Check):
            raise UsageError(f"check={check!r}: it is one of {', '.join(get_args(Check))}")
        if check == "schema":
            _validator({})
        self._model, self._inner, self._count = model, env, examples
        self._file, self._check, self._seed, self._timeout = examples_file, check, seed, timeout
        self._recorded = [recorded] if recorded is not None else []
        if examples_file is not None:
            self._recorded.append(read_examples(examples_file))
        self._texts = load_texts(texts)
        self.apis = env.apis if env is not None else ()
        self._known: OrderedDict[tuple[str, str], Step] = OrderedDict()
        self._asked: dict[tuple[str, str], asyncio.Task[Step]] = {}

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """What the model says that the API would answer; provenance ``simulated``.

        Raises:
            BadArguments: they do not fit, as far as that is checked.
            ToolError: the model failed (``unavailable``) or took too long (``timeout``).
        """
        text = _canonical(arguments)
        self._checked(api, arguments)
        key = (api.digest, call_key(api.name, text))
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        asking = self._asked.get(key)
        if asking is None or asking.get_loop() is not asyncio.get_running_loop():
            asking = asyncio.ensure_future(self._ask(api, arguments, text, key))
            self._asked[key] = asking
            asking.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(asking)

    def fingerprints(self) -> Mapping[str, str]:
        """The texts, the file of examples and the model."""
        behind = {} if self._inner is None else dict(self._inner.fingerprints())
        told = {"simulator": _mark(self._texts), "simulator_model": _mark(identity_of(self._model))}
        if self._file is not None:
            told["simulator_examples"] = blake2b(self._file.read_bytes(), digest_size=8).hexdigest()
        return {**behind, **told}

    async def close(self) -> None:
        """Ask no more, and close what stands behind."""
        loop = asyncio.get_running_loop()
        asking = [task for task in self._asked.values() if task.get_loop() is loop]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        self._asked.clear()
        if self._inner is not None:
            await self._inner.close()

    def prompt(self, api: API, arguments: Mapping[str, Any]) -> Prompt:
        """What the model is asked for a call."""
        calls = [call for source in self._recorded for call in source(api)]
        shown = nearest(calls, arguments, self._count)
        listed = [self._say("example", arguments=a, response=r) for a, r in shown]
        examples = self._say("examples", examples="\n".join(listed)) if listed else ""
        document = cut(json.dumps(_document(api), ensure_ascii=False, indent=1), DOCUMENT)
        return Prompt(
            [
                Message("system", self._say("system", documentation=document, examples=examples)),
                Message("user", self._say("user", arguments=_canonical(arguments))),
            ]
        )

    def _say(self, name: str, **values: str) -> str:
        """A text of the file filled in; its first line break is the file's layout."""
        return Template(self._texts[name].removeprefix("\n")).safe_substitute(values)

    def _checked(self, api: API, arguments: Mapping[str, Any]) -> None:
        if self._check == "none":
            return
        required = api.parameters.get("required")
        if isinstance(required, list):
            missing = [repr(name) for name in required if name not in arguments]
            if missing:
                raise BadArguments(f"argument {', '.join(missing)} is missing")
        if self._check == "schema":
            _fits(api.parameters, arguments)

    async def _ask(
        self, api: API, arguments: Mapping[str, Any], text: str, key: tuple[str, str]
    ) -> Step:
        prompt = self.prompt(api, json.loads(text))
        mark = blake2b(prompt.digest + b"%d" % self._seed, digest_size=8).digest()
        seed = int.from_bytes(mark[:4], "big") & 0x7FFFFFFF
        request = Request(prompt, (), 0, seed, "0", 0, "ask.simulate")
        try:
            [reply] = await within(self._timeout, _complete(self._model, request))
        except Overdue:
            words = f"the simulator of {api.name} did not answer within {self._timeout:g} s"
            raise ToolError(words, "timeout") from None
        except Exception as error:
            raise _unavailable(api, error) from error
        if not isinstance(reply, Completion):
            raise _unavailable(api, reply)
        step = self._read(api, reply, prompt)
        self._known[key] = step
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return step

    def _read(self, api: API, reply: Completion, prompt: Prompt) -> Step:
        envelope, repaired = read_envelope(reply.content or "")
        told = identity_of(self._model)
        detail: dict[str, Any] = {
            "simulator": {key: told[key] for key in ("provider", "model") if key in told},
            "prompt": prompt.digest.hex(),
            "tokens": reply.tokens,
        }
        if reply.usd:
            detail["usd"] = reply.usd
        if repaired:
            detail["repaired"] = True
        status: Status = "ok"
        if envelope is None:
            status, detail["unread"] = "error", True
            envelope = {
                "error": f"the simulator of {api.name} failed: its reply is not the JSON object "
                f"that was asked for",
                "response": "",
            }
        elif envelope["error"]:
            status = "error"
        body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        body = body.encode("utf-8", "replace").decode()  # a model may write half a character
        return Step(body, 0.0, False, False, StepInfo(status, "simulated", 0.0, detail))

    def _forget(self, key: tuple[str, str], done: asyncio.Task[Step]) -> None:
        if self._asked.get(key) is done:
            del self._asked[key]
        if not done.cancelled():
            done.exception()  # whoever asked may be gone


def load_texts(path: Path | None = None) -> dict[str, str]:
    """The texts, or those of a TOML file; what the file leaves out is as built in.

    Raises:
        UsageError: it cannot be read, or has other texts.
    """
    source = (files("toolgrove.envs") / "data" / "simulated.toml").read_text("utf-8")
    texts: dict[str, str] = tomllib.loads(source)
    if path is None:
        return texts
    try:
        own = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the texts {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    for key, value in own.items():
        if key not in texts:
            raise UsageError(f"{path}: no text is called {key!r}; there are: {', '.join(texts)}")
        if not isinstance(value, str):
            raise UsageError(f"{path}: {key} must be a text, not {type(value).__name__}")
    return {**texts, **own}


def identity_of(model: Model) -> Mapping[str, Any]:
    """What a model says that it is, that of a wrapper's model where the wrapper says nothing."""
    while not isinstance(found := getattr(model, "identity", None), Mapping):
        inner = getattr(model, "model", None)
        if inner is None or not hasattr(inner, "complete"):
            return {"model": type(model).__name__}
        model = inner
    return found


async def _complete(model: Model, request: Request) -> Any:
    return await model.complete([request])


def _unavailable(api: API, error: BaseException) -> ToolError:
    return ToolError(f"the simulator of {api.name} failed: {error!s:.500}", "unavailable")


def _canonical(arguments: Mapping[str, Any]) -> str:
    """One text for equal arguments.

    Raises:
        BadArguments: they cannot be written as JSON, or are very long.
    """
    try:
        text = json.dumps(_plain(arguments), ensure_ascii=False, sort_keys=True, allow_nan=False)
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise BadArguments(f"the arguments are not valid JSON: {error!s:.100}") from None
    if len(text) > ARGUMENTS:
        raise BadArguments(f"the arguments have {len(text)} characters, more than {ARGUMENTS}")
    return text


def _plain(value: Any) -> Any:
    """25.0 as 25, as in recorded calls."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _document(api: API) -> dict[str, Any]:
    """An API as its simulator reads it."""
    told = {
        "category": api.category,
        "tool": api.tool,
        "api": api.api or api.name,
        "description": api.description,
        "parameters": dict(api.parameters),
    }
    return {key: value for key, value in told.items() if value}


def _fits(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Check arguments against a schema, unless it is none or points elsewhere.

    Raises:
        BadArguments: they do not fit.
    """
    if re.search(r'"\$(ref|dynamicRef)": "[^#]', json.dumps(schema, default=str)):
        return  # a reference into another document: nothing is fetched for it
    try:
        _validator(schema).check(arguments)
    except BadArguments:
        raise
    except Exception as error:  # documents hold all sorts of schemas
        log.debug("not checked, for its schema is none: %s", error)


def _validator(schema: Mapping[str, Any]) -> Any:
    try:
        from .openapi.arguments import Validator
    except ImportError as error:
        raise UsageError(
            f"check=schema needs a library ({error.name}): pip install 'toolgrove[openapi]', or "
            f"say check=required"
        ) from None
    return Validator(schema)


def _mark(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, default=str)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
