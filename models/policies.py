"""Policies: a node in, messages out; a completion in, actions out. All wording lives here.

The words stand in ``data/*.toml`` and can be replaced by a file of one's own. Two shapes:
function calling (OpenAI's tools), and ToolLLaMA's Thought / Action / Action Input text.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b
from importlib.resources import files
from json.encoder import encode_basestring, encode_basestring_ascii
from pathlib import Path
from typing import Any, ClassVar

from ..core import (
    API,
    FINISH,
    Action,
    Completion,
    Conclude,
    Hint,
    Message,
    Node,
    Reflections,
    Reply,
    Siblings,
    Task,
    UsageError,
    WholePlan,
)

BUILTIN_TEXTS = ("toolgrove", "short", "toolbench", "text")


def load_texts(name: str, rest: str = "toolgrove", above: tuple[str, ...] = ()) -> dict[str, str]:
    """The texts of that name, or of a TOML file.

    What a file leaves out is as in ``rest``, or in the texts that its own ``rest = "NAME"`` names.

    Args:
        name: which.
        rest: where it names none itself.
        above: the files whose rest this is.

    Raises:
        UsageError: there is no such file, it is no table of strings, or it stands on itself.
    """
    if name in BUILTIN_TEXTS:
        source = (files("toolgrove.models") / "data" / f"{name}.toml").read_text("utf-8")
        return _whole(tomllib.loads(source), "")
    path = Path(name)
    if not path.is_file():
        builtin = ", ".join(BUILTIN_TEXTS)
        raise UsageError(f"no texts {name!r}: give a TOML file, or one of {builtin}")
    try:
        own = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is not TOML: {error}") from error
    known = dict.fromkeys(key for builtin in BUILTIN_TEXTS for key in load_texts(builtin))
    for key, value in own.items():
        if not isinstance(value, str):
            raise UsageError(f"{name}: {key} must be a text, not {type(value).__name__}")
        if key not in known and key != "rest" and not key.startswith("ask_"):
            raise UsageError(f"{name}: no text is called {key!r}; there are: {', '.join(known)}")
    if not own.get("rest", rest):
        raise UsageError(f"{name}: rest names no texts: leave it out, or name some")
    if (place := str(path.resolve())) in above:
        raise UsageError(f"{name}: its rest leads back to it: have it end at {BUILTIN_TEXTS[0]}")
    return _whole(own, rest, (*above, place))


def _whole(own: Mapping[str, str], rest: str, above: tuple[str, ...] = ()) -> dict[str, str]:
    told = {key: text for key, text in own.items() if key != "rest"}
    rest = own.get("rest", rest)
    return {**load_texts(rest, above=above), **told} if rest else told


class FunctionPolicy:
    """Function calling: OpenAI's tools shape; works for any chat model that has it.

    Args:
        texts: ``toolgrove``, ``short`` (for small models), ``toolbench`` (its words, for models
            that were trained on them), or a TOML file.
        shown: characters of a result that a hint on earlier attempts repeats; 0: all.
    """

    name = "functions"
    rest: ClassVar[str] = "toolgrove"  # the texts that a file of one's own stands on

    def __init__(self, texts: str = "toolgrove", shown: int = 0) -> None:
        if shown < 0:
            raise ValueError(f"shown must be 0 or more, not {shown}")
        self.texts, self.shown = load_texts(texts, self.rest), shown

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the shape and all texts."""
        own = [type(self).__name__, sorted(self.texts.items())]
        content = json.dumps([*own, self.shown] if self.shown else own)
        return blake2b(content.encode(), digest_size=8).hexdigest()

    def start(self, task: Task, apis: Sequence[API], observation: str) -> list[Message]:
        """System and user message."""
        user = self._say("user", instruction=task.instruction)
        if observation:
            user += self._say("observation", observation=observation)
        return [Message("system", self._system(task, apis)), Message("user", user)]

    def extend(self, node: Node) -> list[Message]:
        """The assistant's turn and the observation that answered it."""
        action = node.action
        if action is None:
            thought = node.thought
            return [] if thought is None or node.failed else [Message("assistant", thought)]
        name = self._name(node)
        call = ((name, action.arguments),)
        said = Message("assistant", node.thought, call)
        return [said, Message("tool", node.observation, (), name)]

    def hint(self, hint: Hint, node: Node) -> list[Message]:
        """The hint as one last user message; none where there is nothing to say."""
        if isinstance(hint, Siblings):
            tried = [a for n in hint.nodes if (a := self._attempt(n)) is not None]
            if not tried:
                return []
            again = ""
            if node.observation and "again" in self.texts:
                again = self._say("again", observation=node.observation)
            attempts = listed(tried, ascii_only="again" in self.texts)
            return [Message("user", self._say("attempts", attempts=attempts, again=again))]
        if isinstance(hint, WholePlan):
            return [Message("user", self._say("whole_plan"))]
        if isinstance(hint, Conclude):
            return [Message("user", self._say("conclude"))]
        if isinstance(hint, Reflections) and hint.texts:
            lessons = "\n".join(f"- {text}" for text in hint.texts)
            return [Message("user", self._say("reflections", reflections=lessons))]
        return []

    def tools(self, apis: tuple[API, ...], hint: Hint | None) -> tuple[API, ...]:
        """All that is offered; only Finish to conclude, and all but Finish to plan."""
        if isinstance(hint, Conclude):
            return tuple(api for api in apis if api.name == FINISH)
        if isinstance(hint, WholePlan):
            return tuple(api for api in apis if api.name != FINISH)
        return apis

    def read(self, completion: Completion, hint: Hint | None) -> Reply:
        """Calls as they are; a plan may also be written as a JSON list."""
        thought = completion.content
        calls = [
            Action(call.name, call.arguments, thought if i == 0 else None)
            for i, call in enumerate(completion.calls)
        ]
        if not calls and isinstance(hint, WholePlan):
            calls = read_plan(thought or "")
        return Reply(thought, tuple(calls))

    def ask(self, topic: str, nodes: Sequence[Node], task: Task) -> list[Message]:
        """A question about nodes; the words are the text ``ask_TOPIC``."""
        if f"ask_{topic}" not in self.texts:
            raise UsageError(f"the policy has no text 'ask_{topic}'")
        told = {chr(ord("a") + i): self.describe(node) for i, node in enumerate(nodes[:26])}
        question = self._say(f"ask_{topic}", instruction=task.instruction, **told)
        return [Message("user", question)]

    def describe(self, node: Node) -> str:
        """A path in words, for questions about it."""
        lines = []
        for step in node.path()[1:]:
            if step.thought:
                lines.append(f"Thought: {step.thought}")
            if step.action is not None:
                lines.append(f"Call: {step.action.api}({step.action.arguments})")
                lines.append(f"Result: {step.observation}")
        return "\n".join(lines) or "(nothing yet)"

    def _say(self, key: str, **values: str) -> str:
        return fill(self.texts[key], values)

    def _system(self, task: Task, apis: Sequence[API]) -> str:
        return self._say("system", tools=tool_list(task), format="")

    def _name(self, node: Node) -> str:
        """The function's name as the prompt shows it; an invented one is not repeated."""
        assert node.action is not None
        if node.step is not None and node.step.info.status == "no_such_api":
            return self.texts["hallucinated"]
        return node.action.api

    def _attempt(self, node: Node) -> dict[str, Any] | None:
        if node.action is None:
            return {"text": node.thought} if node.thought and not node.failed else None
        tried: dict[str, Any] = {
            "name": node.action.api,
            "arguments": node.action.arguments,
            "function_output": shortened(node.observation, self.shown),
        }
        if "again" in self.texts:
            tried["mento-carlo-action-value"] = 0.0  # so spelt in the traces models learnt from
        return tried


def shortened(text: str, length: int) -> str:
    """A text cut to so many characters, three dots at the end among them; 0: as it is."""
    return text if not length or len(text) <= length else text[: max(0, length - 1)] + "…"


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its ``$names`` filled in; ``$$`` is a dollar sign, unknown names stay."""
    return "".join(
        [values.get(p, f"${p}") if i % 2 and p != "$" else p for i, p in enumerate(_parts(text))]
    )


@lru_cache(maxsize=256)
def _parts(text: str) -> list[str]:
    """A text cut at its names: literals and names in turns."""
    return re.split(r"\$([A-Za-z_]\w*|\$)", text)


def listed(objects: Sequence[Mapping[str, Any]], *, ascii_only: bool) -> str:
    """Flat objects as ``json.dumps(.., indent=2)`` writes them, at the string encoder's speed."""
    encode = encode_basestring_ascii if ascii_only else encode_basestring

    def line(key: str, value: Any) -> str:
        return (
            f"    {encode(key)}: {encode(value) if isinstance(value, str) else json.dumps(value)}"
        )

    rows = [",\n".join([line(key, value) for key, value in each.items()]) for each in objects]
    return "[\n" + ",\n".join([f"  {{\n{row}\n  }}" for row in rows]) + "\n]"


class ToolLLaMAPolicy(FunctionPolicy):
    """ToolLLaMA's text shape: functions in the system message, Thought / Action / Action Input.

    For models without function calling, and the published ToolLLaMA checkpoints.
    """

    name = "toolllama"

    def __init__(self, texts: str = "toolbench") -> None:
        super().__init__(texts)

    def extend(self, node: Node) -> list[Message]:
        """The turn as text, and the observation as a function's message."""
        action = node.action
        if action is None:
            return super().extend(node)
        name = self._name(node)
        text = f"\nThought: {node.thought or ''}\nAction: {name}\nAction Input: {action.arguments}"
        return [Message("assistant", text), Message("tool", node.observation, (), name)]

    def tools(self, apis: tuple[API, ...], hint: Hint | None) -> tuple[API, ...]:
        """None: they stand in the system message."""
        return ()

    def read(self, completion: Completion, hint: Hint | None) -> Reply:
        """Thought, Action and Action Input; without an action all of it is a thought."""
        if completion.calls:
            return super().read(completion, hint)
        text = completion.content or ""
        if isinstance(hint, WholePlan):
            return Reply(text, tuple(read_plan(text)))
        return read_text(text)

    def _system(self, task: Task, apis: Sequence[API]) -> str:
        docs = [
            {"name": a.name, "description": a.description, "parameters": dict(a.parameters)}
            for a in apis
        ]
        text = self._say("system", tools=tool_list(task), format=self.texts.get("format", ""))
        return text + fill(self.texts.get("functions", "\n$functions"), {"functions": str(docs)})


# Blanks but no newline before the words: with \s* a flood of newlines takes quadratic time.
_ACTION = re.compile(r"(?:^|\n)[^\S\n]*Action\s*:[ \t]*(?P<name>[^\n]*)")
_INPUT = re.compile(r"(?:^|\n)[^\S\n]*Action Input\s*:[ \t]*")


def read_text(text: str) -> Reply:
    """Read Thought / Action / Action Input; what comes after the first call is dropped."""
    head = _ACTION.search(text)
    before = text if head is None else text[: head.start()]
    thought = before.strip().removeprefix("Thought:").strip()
    if head is None:
        return Reply(thought or None)
    name = head["name"].strip()
    body = _INPUT.search(text, head.end())
    arguments = "{}"
    if body is not None:
        rest = text[body.end() :]
        for stop in ("\nObservation:", "\nThought:", "\nAction:"):
            rest = rest.split(stop, 1)[0]
        arguments = rest.strip() or "{}"
    if not name:
        return Reply(thought or None)
    return Reply(thought, (Action(name, arguments, thought),))


def read_plan(text: str) -> list[Action]:
    """The first JSON list of ``{"api", "arguments"}`` in a text; [] if there is none."""
    decoder = json.JSONDecoder()
    start, tried = text.find("["), 0
    while start >= 0 and (tried := tried + 1) <= 200:  # a flood of brackets is no plan
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list):
            calls = [c for item in value if (c := _planned(item)) is not None]
            if calls:
                return calls
        start = text.find("[", start + 1)
    return []


def _planned(item: object) -> Action | None:
    if not isinstance(item, Mapping):
        return None
    name = item.get("api", item.get("name"))
    if not isinstance(name, str) or not name:
        return None
    arguments = item.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return Action(name, arguments)


def tool_list(task: Task) -> str:
    """The numbered list of tools that ToolBench's system message ends with."""
    told = task.extra.get("tools")
    if isinstance(told, str):
        return told
    tools = dict.fromkeys(api.tool for api in task.apis if api.tool)
    return "\n".join(f"{i}.{tool}" for i, tool in enumerate(tools, 1))
