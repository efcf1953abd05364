"""A file of JSON or YAML as JSON values: bounded, and without YAML's surprises.

OpenAPI asks for the JSON part of YAML 1.2. So ``no`` and ``on`` are texts, a date is a text, keys
are texts, and merge keys (``<<``) are refused. Aliases are kept shared in memory, and a document
that would be too large with every alias written out is refused before anything walks over it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ...core import UsageError

LARGEST: Final = 40_000_000  # bytes; the largest public documents have about 35 MB
MOST: Final = 5_000_000  # values, with every alias written out
DEEPEST: Final = 200  # levels; the metaschemas of published documents stay under 60


def read(path: Path) -> Any:
    """The values in a file: dicts with text keys, lists, texts, numbers, booleans, None.

    Raises:
        UsageError: it is no file, too large, or neither JSON nor YAML.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UsageError(
                f"{path}: {size / 1e6:.0f} MB; a document may have {LARGEST / 1e6:.0f} MB: "
                f"cut it to the paths you need"
            )
        with path.open("rb") as file:  # a pipe has no size
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UsageError(f"{path}: more than {LARGEST / 1e6:.0f} MB")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start})") from None
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _checked(json.loads(text), path)
        except ValueError as error:
            said = str(error)  # it may be YAML's flow style all the same
        except RecursionError:
            raise UsageError(f"{path} is nested too deeply") from None
        if path.suffix.lower() == ".json":
            raise UsageError(f"{path} is not JSON: {said}")
    return _checked(_yaml(text, path), path)


def _yaml(text: str, path: Path) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise UsageError(f"{path} is not YAML{where}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is not YAML: {said}") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply") from None


@lru_cache(maxsize=1)
def _loader() -> Any:
    """PyYAML's safe loader (libyaml's where it is there) with the scalars of YAML 1.2's core."""
    try:
        import yaml
    except ImportError as error:
        raise UsageError("YAML needs PyYAML: pip install 'toolgrove[openapi]'") from error

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                if not isinstance(key_node, yaml.ScalarNode):
                    raise yaml.constructor.ConstructorError(
                        None, None, "a key that is not a text", key_node.start_mark
                    )
                key = key_node.value
                if key == "<<" and key_node.style not in ("'", '"'):
                    raise yaml.constructor.ConstructorError(
                        None, None, "merge keys (<<) are no part of OpenAPI", key_node.start_mark
                    )
                if key in found:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} is given twice", key_node.start_mark
                    )
                found[key] = self.construct_object(value_node, deep=deep)
            return found

    def scalar(tag: str, pattern: str, first: str, make: Any) -> None:
        name = f"tag:yaml.org,2002:{tag}"
        Loader.add_implicit_resolver(name, re.compile(pattern), list(first) or [""])
        Loader.add_constructor(name, lambda loader, node: make(node.value))

    scalar("null", r"^(?:~|null|Null|NULL|)$", "~nN", lambda text: None)
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])
    scalar("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF", lambda t: t.lower() == "true")
    scalar("int", r"^[-+]?[0-9]{1,4000}$", "-+0123456789", int)
    scalar(
        "float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+0123456789.",
        float,
    )
    for tag in ("timestamp", "binary", "set", "omap", "pairs"):  # written out: !!timestamp
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", _refused)
    return Loader


def _refused(loader: Any, node: Any) -> Hashable:
    import yaml

    raise yaml.constructor.ConstructorError(
        None, None, f"the tag {node.tag} is no part of OpenAPI", node.start_mark
    )


def _checked(value: Any, path: Path) -> Any:
    """The value, if it is a tree of bounded size and depth."""
    sizes: dict[int, tuple[int, int]] = {}  # of each container: values in it, levels
    open_: set[int] = set()
    stack: list[tuple[Any, bool]] = [(value, False)]
    while stack:
        at, done = stack.pop()
        if isinstance(at, float) and not math.isfinite(at):
            raise UsageError(f"{path}: {at} is no number of JSON")
        if not isinstance(at, dict | list) or (not done and id(at) in sizes):
            continue
        children = list(at.values()) if isinstance(at, dict) else at
        if not done:
            if id(at) in open_:
                raise UsageError(f"{path}: a YAML alias holds itself")
            open_.add(id(at))
            stack.append((at, True))
            stack.extend((child, False) for child in children)
            continue
        open_.discard(id(at))
        inner = [sizes[id(c)] for c in children if isinstance(c, dict | list)]
        size = 1 + len(children) + sum(s for s, _ in inner)
        depth = 1 + max((d for _, d in inner), default=0)
        if size > MOST:
            raise UsageError(
                f"{path}: more than {MOST:,} values once its aliases are written out; "
                f"cut it to the paths you need"
            )
        if depth > DEEPEST:
            raise UsageError(f"{path} is nested too deeply (more than {DEEPEST} levels)")
        sizes[id(at)] = size, depth
    return value
