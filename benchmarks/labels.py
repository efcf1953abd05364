"""Short names for specs that hold paths, so that tables and folders stay readable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_PATH = re.compile(
    r"(?:[\w-]+:)?(?P<path>[^:,()]*/[^:,()]*|[^:,()]*\.(?:jsonl?|py))(?P<rest>[:,].*)?", re.DOTALL
)


def labels(specs: Iterable[str]) -> dict[str, str]:
    """A name for each spec: of a path its end, as much as tells the specs apart.

    >>> labels(["shop", "toolbench:/data/G1/answer", "toolbench:/data/G2/answer"])
    {'shop': 'shop', 'toolbench:/data/G1/answer': 'G1/answer', 'toolbench:/data/G2/answer': 'G2/answer'}
    >>> labels(["toolbench:/data/G1_tool.json", "own/search.py:Mine,width=3"])
    {'toolbench:/data/G1_tool.json': 'G1_tool', 'own/search.py:Mine,width=3': 'search.py:Mine,width=3'}
    """  # noqa: E501
    parts = dict.fromkeys(specs, 1)
    while True:
        names = {spec: _label(spec, count) for spec, count in parts.items()}
        shared = Counter(names.values())
        alike = [spec for spec, name in names.items() if shared[name] > 1]
        if not (longer := [spec for spec in alike if parts[spec] < spec.count("/") + 1]):
            break
        for spec in longer:
            parts[spec] += 1
    return names | {spec: f"{names[spec]} #{k}" for k, spec in enumerate(alike, 1)}


def _label(spec: str, count: int) -> str:
    """The spec with the last so many parts of its path."""
    found = _PATH.fullmatch(spec)
    if found is None or "/" not in found["path"]:
        return spec
    end = "/".join(found["path"].rstrip("/").split("/")[-count:])
    rest = found["rest"] or ""
    if end.endswith(".py"):
        return end + rest
    return re.sub(r"\.jsonl?$", "", end) + (rest if "/" not in rest and len(rest) < 25 else "")
