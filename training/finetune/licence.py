"""Under which licence a tuned model stands, as far as its base and its data say."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...models.hf.model import HFModel

UNKNOWN: Final = "unknown: that of the base model"
_FRONT: Final = re.compile(r"\s*---\r?\n(.*?)\r?\n---", re.S)
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9.+-]{1,60}")


def licence_of(model: HFModel) -> str:
    """What a base says: its card's front matter, its config.json or its GGUF; "" where none does.

    A name on the hub is not looked up.
    """
    if model._place:
        return _of_gguf(Path(model._folder) / model._place["gguf_file"])
    folder = Path(model._folder)
    if (folder / "README.md").is_file():
        text = (folder / "README.md").read_text("utf-8", "replace")
        if said := _of_card(text):
            return said
    return _said(getattr(model._config, "license", ""))


def _of_card(text: str) -> str:
    """The ``license`` of a model card's front matter; the name of one that is ``other``."""
    import yaml

    found = _FRONT.match(text)
    try:
        front = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, ValueError, RecursionError):  # a stranger wrote it: no date, no end
        return ""
    if not isinstance(front, Mapping):
        return ""
    said = _said(front.get("license"))
    return _said(front.get("license_name")) or said if said == "other" else said


def _of_gguf(path: Path) -> str:
    gguf: Any = importlib.import_module("gguf")  # it is there: the base was read with it
    field = gguf.GGUFReader(path).fields.get("general.license")
    return _said(field.contents()) if field is not None else ""


def _said(value: object) -> str:
    """A licence, or some, in one line, whatever a stranger wrote there."""
    some = value if isinstance(value, list) else [value]
    return ", ".join(" ".join(each.split())[:100] for each in some if isinstance(each, str))


def licences_of_data(info: Mapping[str, Any]) -> list[str]:
    """What a data set's ``data.json`` says: of the whole, and of the APIs by their number."""
    statistics = info.get("statistics", {})
    of_apis = statistics.get("licences", {}) if isinstance(statistics, Mapping) else {}
    own = info.get("licences", [])
    return [*map(str, own), *(f"{name} ({count} APIs)" for name, count in of_apis.items())]


def front_matter(licence: str) -> str:
    """The card's line for it; none for what is no identifier, as the hub takes it."""
    return f"\nlicense: {licence.lower()}" if _IDENTIFIER.fullmatch(licence) else ""
