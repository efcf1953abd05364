"""The text around a request, and what a reply's text says: a chat template, or ToolLLaMA's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from ...core import API, FINISH, Message, ModelError, Request, ToolCall, UsageError
from .. import brief, chat, schema
from ..chat import sendable
from ..trained import Calls

THOUGHT, TEXT, ITEMS = 400, 1000, 20  # the longest strings and lists that a held reply may have
SPACED: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class Format(Protocol):
    """How a model is spoken to.

    Attributes:
        special: whether the tokenizer adds its own tokens, as one at the beginning.
    """

    special: bool

    def text(self, request: Request) -> str:
        """The whole prompt, up to where the reply begins."""

    def holds(self, request: Request) -> bool:
        """Whether the reply is held to a schema, and not free."""

    def schemas(self, request: Request) -> Iterator[Mapping[str, Any] | str]:
        """What a held reply is held to, the strictest first: JSON schemas, or grammars in Lark."""

    def complete(self, text: str, request: Request) -> bool:
        """Whether a free reply already has all that will be read of it."""

    def read(self, text: str, request: Request) -> tuple[str | None, tuple[ToolCall, ...]]:
        """Content and calls of a reply."""

    def reply(self, message: Message, request: Request) -> str:
        """What a model writes to say this message: what is learnt after :meth:`text`."""


class ChatFormat:
    """A chat template of the tokenizer's.

    Args:
        tokenizer: of transformers; its template may be replaced by ``template``.
        calls: ``schema`` tells the functions in the system message, and holds replies to one JSON
            object with a call; ``lines`` does, too, and tells each function in a line; ``brief``
            tells their names and holds replies to two lines (:mod:`..brief`); ``tools`` hands
            them to the template, and reads what comes.
        template: a Jinja template instead of the tokenizer's own.

    Raises:
        UsageError: there is no template, or it cannot render a conversation.
    """

    special = False

    def __init__(self, tokenizer: Any, calls: Calls = "schema", template: str | None = None):
        self._tokenizer, self.calls, self._template = tokenizer, calls, template
        if template is None and not tokenizer.chat_template:
            raise UsageError(
                "the model has no chat template: give template=FILE.jinja, or format=toolllama for "
                "a ToolLLaMA checkpoint"
            )
        self._system, self._mixed = True, True
        talk = [("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "v"), ("user", "w")]
        probe = [{"role": role, "content": content} for role, content in talk]
        if not self._renders(probe):
            self._mixed = False  # roles must take turns
            if not self._renders(probe):
                self._system = False  # and there is no system role
                self._render(probe)

    def text(self, request: Request) -> str:
        """The messages as the template renders them."""
        apis = request.tools
        if apis and self.calls == "tools":
            return self._render(_with_objects(chat.messages(request.messages)), chat.tools(apis))
        if self._brief(request):
            return self._render(brief.messages(request.messages, apis))
        lines = self.calls in ("lines", "brief")
        return self._render(schema.messages(request.messages, apis, lines=lines))

    def holds(self, request: Request) -> bool:
        """Where functions are offered, unless the template reads them itself."""
        return bool(request.tools) and self.calls != "tools"

    def schemas(self, request: Request) -> Iterator[Mapping[str, Any] | str]:
        """One JSON object with a call of a function that is offered, or two lines with one."""
        made = (reply_schema(request.tools, strict) for strict in (True, False))
        return map(_in_two_lines, made) if self._brief(request) else made

    def complete(self, text: str, request: Request) -> bool:
        """A call in a text policy's words, or one between the tags of a template."""
        if request.tools:
            return "</tool_call>" in text
        return ends_with_call(text)

    def read(self, text: str, request: Request) -> tuple[str | None, tuple[ToolCall, ...]]:
        """A reply's call, or the text as it is."""
        if self._brief(request) and (said := brief.read(text, request.tools)) is not None:
            return said
        if request.tools and (found := schema.read(text, request.tools)) is not None:
            return found
        return text or None, ()

    def reply(self, message: Message, request: Request) -> str:
        """What calls, or the text.

        Raises:
            UsageError: with ``calls=tools`` a call's words are the template's own.
        """
        if request.tools and self.calls == "tools" and message.calls:
            raise UsageError(
                "calls in a template's own words (calls=tools) cannot be learnt yet: train with "
                "calls=schema, which any model can be asked by"
            )
        told = brief if self._brief(request) else schema
        said: str = told.messages([message], request.tools)[-1]["content"]
        return said

    def _brief(self, request: Request) -> bool:
        return self.calls == "brief" and schema.one_call(request.tools)

    def _renders(self, messages: list[dict[str, Any]]) -> bool:
        try:
            self._render(messages)
        except UsageError:
            return False
        return True

    def _render(
        self, messages: Sequence[dict[str, Any]], tools: list[dict[str, Any]] | None = None
    ) -> str:
        if not self._mixed:
            messages = in_turns(messages, self._system)
        try:
            text: str = self._tokenizer.apply_chat_template(
                list(messages),
                tools=tools,
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,  # for templates that know it: replies begin with a call
            )
        except Exception as error:  # Jinja's, and whatever a template raises
            raise UsageError(f"the chat template cannot render a conversation: {error}") from error
        return text


class ToolLLaMAFormat:
    """FastChat's ``tool-llama-single-round``, as ToolBench's inference writes it.

    Each message is a line ``Role: content``, and the reply begins after ``Assistant:``. The words
    are the policy ``toolllama``'s. ToolBench's own loop leaves a model's former actions out of the
    history (issue 304 there); here they stay, as in the training data.
    """

    special = True
    roles: Final = {
        "system": "System",
        "user": "User",
        "tool": "Function",
        "function": "Function",
        "assistant": "Assistant",
    }

    def text(self, request: Request) -> str:
        """A line a message, then ``Assistant:``."""
        lines = [f"{self.roles[m.role]}: {sendable(m.content or '')}\n" for m in request.prompt]
        return "".join(lines) + "Assistant:\n"

    def holds(self, request: Request) -> bool:
        """Never: the reply is free text."""
        return False

    def schemas(self, request: Request) -> Iterator[Mapping[str, Any]]:
        """None."""
        return iter(())

    def complete(self, text: str, request: Request) -> bool:
        """Whether Action Input has its whole object, or the model began to play other roles."""
        return ends_with_call(text) or any(f"\n{role}: " in text for role in self.roles.values())

    def read(self, text: str, request: Request) -> tuple[str | None, tuple[ToolCall, ...]]:
        """The text without other roles' lines; the policy reads it."""
        for role in self.roles.values():
            text = text.split(f"\n{role}: ", 1)[0]
        return text.strip() or None, ()

    def reply(self, message: Message, request: Request) -> str:
        """The message, from its first word: the prompt has the line's end."""
        return sendable(message.content or "").strip()


_INPUT = re.compile(r"(?:^|\n)[ \t]{0,8}Action Input\s{0,8}:\s{0,8}")


def ends_with_call(text: str) -> bool:
    """Whether a ReACT turn has its Action Input's whole JSON object."""
    found = None
    if text.rstrip().endswith("}"):
        found = _INPUT.search(text)
    if found is None:
        return False
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, found.end())
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def reply_schema(apis: Sequence[API], strict: bool) -> dict[str, Any]:
    """The JSON schema of a reply with a call; see :mod:`..schema`.

    Args:
        apis: the functions offered.
        strict: arguments with all that their schemas say, and strings and lists that end; else
            with what every grammar takes.
    """
    found: dict[str, Any] = schema.response_format(apis)["json_schema"]["schema"]
    found = bounded(found)
    found["properties"]["thought"]["maxLength"] = THOUGHT
    if not strict:
        return found
    calls = found["properties"].get("call") or found["properties"]["calls"]["items"]
    branches = calls.get("anyOf", [calls])
    for branch, api in zip(branches, apis, strict=True):
        given = {"properties": {}, **bounded(api.parameters), "type": "object"}
        given.setdefault("additionalProperties", False)
        branch["properties"]["arguments"] = given
    return found


def _in_two_lines(reply: Mapping[str, Any]) -> str:
    """The grammar of a brief reply, from the schema of one in JSON."""
    call = reply["properties"]["call"]
    schemas = {}
    for branch in call.get("anyOf", [call]):
        given = branch["properties"]["arguments"]
        schemas[branch["properties"]["name"]["enum"][0]] = {**given, "x-guidance": SPACED}
    return brief.grammar(schemas, THOUGHT)


def bounded(value: Any) -> Any:
    """A schema whose strings and lists end: a small model may never end one by itself."""
    if isinstance(value, list | tuple):
        return [bounded(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    made = {key: bounded(item) for key, item in value.items()}
    ends = ("enum", "const", "pattern", "format", "maxLength")
    if made.get("type") == "string" and not any(key in made for key in ends):
        made["maxLength"] = max(TEXT, made.get("minLength", 0))
    if made.get("type") == "array" and "maxItems" not in made:
        made["maxItems"] = max(ITEMS, made.get("minItems", 0))
    return made


def in_turns(messages: Sequence[Mapping[str, Any]], system: bool) -> list[dict[str, Any]]:
    """Messages joined where a template wants roles to take turns, the system's told by the user."""
    joined: list[dict[str, Any]] = []
    for message in messages:
        role = message["role"]
        if role == "system" and not system:
            role = "user"
        if joined and joined[-1]["role"] == role and not message.get("tool_calls"):
            joined[-1]["content"] = f"{joined[-1]['content']}\n\n{message['content']}"
        else:
            joined.append({**message, "role": role})
    return joined


def _with_objects(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Calls with their arguments as objects, as templates want them."""
    shown = []
    for message in messages:
        made = dict(message)
        if calls := made.get("tool_calls"):
            functions = [dict(call["function"]) for call in calls]
            for function in functions:
                function["arguments"] = json.loads(function["arguments"])
            made["tool_calls"] = [{"type": "function", "function": f} for f in functions]
            made["content"] = made["content"] or ""
        shown.append(made)
    return shown


def refuse_functions(request: Request) -> ModelError:
    """The error where functions are offered to a format that has none."""
    named = ", ".join(api.name for api in request.tools if api.name != FINISH)[:80]
    return ModelError(
        f"ToolLLaMA's format has no field for functions ({named}): use --policy toolllama, which "
        f"tells them in the system message",
        kind="contract",
    )
