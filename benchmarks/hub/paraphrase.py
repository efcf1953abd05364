"""Instructions reworded by a model; a rewording that loses what the task is about is not taken."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...core import Completion, Message, Model, Prompt, Request
from ...envs.hub.registry import endpoints
from .make import write_lines
from .wording import LONGEST

ASK: Final = """\
Reword this request as a person might type it, in one or two sentences. Keep its exact meaning, \
and keep every name, number, code and date in it letter for letter. Do not answer it. Reply with \
the reworded request alone.

"""


async def paraphrase(
    records: Sequence[Mapping[str, Any]], model: Model, *, seed: int = 0
) -> list[dict[str, Any]]:
    """The tasks with their instructions reworded where the model did it well.

    Args:
        records: tasks, as :mod:`.make` makes them.
        model: whom to ask, once a task.
        seed: of the requests.

    Returns:
        As many tasks; a reworded one keeps the original as ``plain``.
    """
    rng = random.Random(f"paraphrase/{seed}")
    requests = [
        Request(Prompt([Message("user", ASK + str(r["instruction"]))]), seed=rng.getrandbits(31))
        for r in records
    ]
    out = []
    for record, result in zip(records, await model.complete(requests), strict=True):
        said = result.content if isinstance(result, Completion) else None
        text = " ".join((said or "").split()).strip('"“”')
        kept = faithful(text, record)
        plain = {"instruction": text, "plain": record["instruction"]} if kept else {}
        out.append({**record, **plain})
    return out


def reword(path: Path, model: Model) -> int:
    """Reword the tasks of a set's file in place; how many were."""
    head, *records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    reworded = asyncio.run(paraphrase(records, model))
    write_lines(path, [head, *reworded])
    return sum("plain" in record for record in reworded)


def faithful(text: str, record: Mapping[str, Any]) -> bool:
    """Whether a rewording still is the task.

    Every literal and every number of the instruction stands in it, no number is new, the answer
    does not, and neither a tool nor an API is named.
    """
    original = str(record["instruction"])
    if not 15 <= len(text) <= LONGEST + 80 or text == original:
        return False
    if not all(literal in text for literal in record["literals"]):
        return False
    if sorted(numbers(text)) != sorted(numbers(original)):
        return False
    parts = record["answer"] if isinstance(record["answer"], list) else [record["answer"]]
    if any(not isinstance(p, bool) and _says(text, p) and not _says(original, p) for p in parts):
        return False
    paths = [endpoints()[id] for id in record["path"] if id in endpoints()]
    return not any(e.tool.name in text or ("_" in e.name and e.name in text) for e in paths)


def numbers(text: str) -> list[str]:
    """The runs of digits in a text."""
    return re.findall(r"\d+", text)


def _says(text: str, value: object) -> bool:
    return re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", text, re.I) is not None
