"""What a model that was trained here says of itself: ``toolgrove.json``, beside its weights.

``train toolllama`` writes the file. A model is used rightly only with the words that it learnt
from, so its policy and its shape of conversations are known before it is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ..core import UsageError
from ..core.registry import parse

NAME = "toolgrove.json"
Calls = Literal["schema", "lines", "brief", "tools"]  # how functions are told; see models.hf
CALLS: Final[tuple[str, ...]] = get_args(Calls)


def trained(model: str, lora: str | None = None) -> Mapping[str, Any]:
    """The file of an adapter, or else of a model; empty where there is none.

    Raises:
        UsageError: it is damaged.
    """
    for place in (lora, model):
        file = Path(place or "") / NAME
        if not place or not file.is_file():
            continue
        try:
            said = json.loads(file.read_text("utf-8"))
            if not isinstance(said, dict):
                raise ValueError("it is no object")
            if (calls := said.get("calls", CALLS[0])) not in CALLS:
                raise ValueError(f"calls is {calls!r}, and none of {', '.join(CALLS)}")
        except (OSError, ValueError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from error
        return said
    return {}


def policy_of(spec: str) -> str:
    """The policy that a model's training data was worded by; "" where nothing says.

    Args:
        spec: a model's.

    Raises:
        UsageError: its ``toolgrove.json`` is damaged.
    """
    read = parse(spec)
    inner = read.main or ""
    if inner.startswith("(") and inner.endswith(")"):  # guarded:(hf:..): the one that is asked
        return policy_of(inner[1:-1])
    if read.name not in ("hf", "toolllama") or read.main is None:
        return ""
    said = trained(read.main, dict(read.items).get("lora")).get("policy", "")
    return str(said or ("toolllama" if read.name == "toolllama" else ""))
