"""What a Python function takes, as JSON Schema: from its type hints and its docstring."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple, Optional

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticUndefined, to_jsonable_python

from ..core import BadArguments, UsageError

SHOWN: Final = 3  # mistakes that are told at once
LONGEST: Final = 200  # characters of each


class Signature:
    """A function's parameters, checked as pydantic does in its lax mode.

    Lax, because models write ``"5"`` for 5 as often as not, and because LangChain and MCP's own
    servers take it so: a text that reads as a number is one, a text in ISO 8601 is a date. A
    number is no text, and 2.5 no integer. An argument that there is not is refused.

    Args:
        function: what is described.
        bound: its first parameter is the instance that it is a method of.

    Attributes:
        description: the docstring without its sections on parameters; what it returns is kept.
        parameters: JSON Schema 2020-12 of an object.

    Raises:
        UsageError: a parameter has no type hint, or one that no JSON fits.
    """

    def __init__(self, function: Callable[..., Any], *, bound: bool = False) -> None:
        where = getattr(function, "__qualname__", repr(function))
        found = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
        hints = _hints(function, where)
        told = _docstring(function)
        self.description = told.description
        self._names = [parameter.name for parameter in found]
        self._kinds = [parameter.kind for parameter in found]
        fields: dict[str, Any] = {}
        for i, parameter in enumerate(found):
            fields[f"p{i}"] = _field(parameter, hints, told.parameters, where)
        config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        try:
            self._model: type[BaseModel] = create_model("Arguments", __config__=config, **fields)
            schema = self._model.model_json_schema(schema_generator=_Untitled)
        except (PydanticUserError, TypeError) as error:
            raise UsageError(f"{where}: a type hint has no JSON Schema: {error}") from error
        schema.pop("title", None)
        self.parameters: dict[str, Any] = {"type": "object", "properties": {}, **schema}

    def bind(self, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as Python's values: by position, and by name.

        What was not given is left out, so that the function's own defaults hold.

        Raises:
            BadArguments: they do not fit; the text names each argument that does not.
        """
        try:
            model = self._model.model_validate(dict(arguments))
        except ValidationError as error:
            raise BadArguments(self._said(error)) from None
        except (RecursionError, ValueError, TypeError) as error:
            raise BadArguments(f"the arguments do not fit: {error!s:.{LONGEST}}") from None
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        skipped = False
        for i, (name, kind) in enumerate(zip(self._names, self._kinds, strict=True)):
            if f"p{i}" not in model.model_fields_set:
                if kind is inspect.Parameter.POSITIONAL_ONLY:
                    skipped = True  # those after it have defaults, too
                continue
            value = getattr(model, f"p{i}")
            if kind is inspect.Parameter.POSITIONAL_ONLY:
                if skipped:
                    before = self._names[len(args)]
                    raise BadArguments(f"argument {name!r} needs {before!r} before it")
                args.append(value)
            else:
                kwargs[name] = value
        return args, kwargs

    def _said(self, error: ValidationError) -> str:
        said = []
        for each in error.errors(include_url=False, include_context=False)[:SHOWN]:
            where = ".".join(str(part) for part in each["loc"])
            if each["type"] == "missing":
                said.append(f"argument {where!r} is missing")
            elif each["type"] == "extra_forbidden":
                there = ", ".join(self._names) or "none"
                said.append(f"there is no argument {where[:LONGEST]!r}; there are: {there}")
            else:
                given = f"{each['input']!r:.80}"
                said.append(f"argument {where!r}: {each['msg'][:LONGEST]} (given {given})")
        more = error.error_count() - SHOWN
        return "; ".join(said) + (f" (and {more} more)" if more > 0 else "")


class _Untitled(GenerateJsonSchema):
    """Without the titles that pydantic makes of names: they tell a model nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class _Told(NamedTuple):
    description: str
    parameters: Mapping[str, str]


def _hints(function: Callable[..., Any], where: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except Exception as error:  # a hint is any expression
        raise UsageError(
            f"{where}: its type hints cannot be read: {type(error).__name__}: {error} (what a hint "
            f"names must be there when the file is loaded, not under TYPE_CHECKING)"
        ) from error


def _field(
    parameter: inspect.Parameter, hints: Mapping[str, Any], told: Mapping[str, str], where: str
) -> tuple[Any, Any]:
    """The field of a model that stands for a parameter."""
    name = parameter.name
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        raise UsageError(
            f"{where}: {star}{name} has no schema that a model could follow: name each parameter, "
            f"or take one list or dict"
        )
    if name not in hints:
        raise UsageError(
            f"{where}: parameter {name!r} has no type hint: say which it is, as in {name}: str "
            f"(Any takes everything)"
        )
    hint = hints[name]
    own = [m for m in getattr(hint, "__metadata__", ()) if isinstance(m, FieldInfo | str)]
    described = any(isinstance(m, FieldInfo) and m.description for m in own)
    words = next((m for m in own if isinstance(m, str)), told.get(name))
    if parameter.default is None:  # models write null for what they leave out
        hint = Optional[hint]  # noqa: UP045 - `|` does not take every hint
    about: dict[str, Any] = {"alias": name}
    if words and not described:
        about["description"] = words
    if parameter.default is parameter.empty:
        return Annotated[hint, Field(**about)], ...
    # A default is shown, not used: the function has it. pydantic needs one all the same.
    shown = _default(hint, parameter.default)
    if shown is PydanticUndefined:
        return Annotated[hint, Field(**about)], Field(default_factory=lambda: None, alias=name)
    about["json_schema_extra"] = {"default": shown}
    return Annotated[hint, Field(**about)], Field(default_factory=lambda: None, alias=name)


def _default(hint: Any, value: Any) -> Any:
    """A default as JSON, if it can be written so and fits its own hint."""
    try:
        TypeAdapter(hint).validate_python(value)
        return to_jsonable_python(value, inf_nan_mode="strings")
    except (ValueError, TypeError, PydanticUserError, RecursionError):
        return PydanticUndefined


def _docstring(function: Callable[..., Any]) -> _Told:
    """A docstring in Google's, NumPy's, Sphinx's or Epydoc's style."""
    from docstring_parser import ParseError, parse

    text = inspect.getdoc(function) or ""
    try:
        found = parse(text)
    except (ParseError, ValueError, IndexError):
        return _Told(text, {})
    parts = [found.short_description or "", found.long_description or ""]
    if found.returns is not None and found.returns.description:
        parts.append(f"Returns: {found.returns.description}")
    parameters = {p.arg_name: p.description for p in found.params if p.description}
    return _Told("\n\n".join(part.strip() for part in parts if part.strip()), parameters)
