"""Whether arguments fit a function's schema, and what to tell a model where they do not."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from ...core import BadArguments

SHOWN: Final = 3  # mistakes that are told at once
LONGEST: Final = 200  # characters of each


def _additional(validator: Any, rule: Any, instance: Any, schema: Any) -> Any:
    """As JSON Schema has it, but where names are told by patterns the server decides."""
    if "patternProperties" not in schema:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](
            validator, rule, instance, schema
        )


def _left_to_the_server(*_: Any) -> None:
    return None


# A pattern is shown to the model and checked by the server: Python's expressions are not ECMA's,
# and one of a document can take for ever. Of oneOf one has to fit, but not only one: documents
# write it for "any of these" and tell them apart by their discriminator.
_Checker: Final[Any] = extend(
    Draft202012Validator,
    {
        "pattern": _left_to_the_server,
        "patternProperties": _left_to_the_server,
        "unevaluatedProperties": _left_to_the_server,
        "additionalProperties": _additional,
        "oneOf": Draft202012Validator.VALIDATORS["anyOf"],
    },
)


class Validator:
    """Checks the arguments of one function.

    Args:
        schema: JSON Schema 2020-12 of an object.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._checker = _Checker(dict(schema))

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Accept them, or say which argument is wrong and what is expected.

        An argument that there is not is refused rather than dropped: a misspelt optional one
        would change the answer, and neither the model nor a reader would know.

        Raises:
            BadArguments: they do not fit, or cannot be written as JSON.
        """
        try:
            json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, TypeError, RecursionError) as error:
            raise BadArguments(f"the arguments cannot be sent as JSON: {error!s:.100}") from None
        try:
            found = list(self._checker.iter_errors(dict(arguments)))
        except RecursionError:
            raise BadArguments("the arguments are nested too deeply") from None
        if not found:
            return
        found.sort(key=lambda error: [str(part) for part in error.absolute_path])
        said = [self._said(error) for error in found[:SHOWN]]
        more = f" (and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
        raise BadArguments("; ".join(said) + more)

    def _said(self, error: ValidationError) -> str:
        if error.context and len(list(error.absolute_path)) > 0:
            deeper = best_match(iter([error]))
            error = deeper if isinstance(deeper, ValidationError) else error
        where = ".".join(str(part) for part in error.absolute_path)
        name = f"argument {where!r}" if where else "the arguments"
        value, rule = error.instance, error.validator_value
        if error.validator == "required" and isinstance(rule, list):
            missing = [key for key in rule if key not in value]
            listed = ", ".join(repr(f"{where}.{key}" if where else key) for key in missing)
            return f"argument {listed} is missing" if missing else error.message[:LONGEST]
        if error.validator == "additionalProperties" and rule is False:
            return self._unknown(error, where)
        if error.validator == "type":
            kinds = rule if isinstance(rule, list) else [rule]
            return f"{name}: expected {' or '.join(map(str, kinds))}, not {_short(value)}"
        if error.validator == "enum":
            return f"{name}: expected one of {_short(rule)}, not {_short(value)}"
        message = error.message
        return f"{name}: {message if len(message) <= LONGEST else message[:LONGEST] + '…'}"

    def _unknown(self, error: ValidationError, where: str) -> str:
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        there = list(schema.get("properties", {}))
        extra = [key for key in error.instance if key not in there]
        near = difflib.get_close_matches(str(extra[0]) if extra else "", there, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        listed = ", ".join(_short(key) for key in extra[:SHOWN])
        of = f" of {where!r}" if where else ""
        known = ", ".join(there[:20]) or "none"
        return f"there is no argument {listed}{of}{hint}; there are: {known}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
