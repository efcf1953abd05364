"""What a keep-file is worth: tokens saved on the examples of a table, and facts kept."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..core import API, CallWorld, Step, Task, ToolError, UsageError, World
from ..envs.observations import PIECE, Count
from ..envs.observations import Counter as CounterName
from ..envs.observations import counter as token_counter
from ..envs.trimmed import TrimmedWorld
from .compress_facts import facts_kept
from .documents import Document
from .writing import write_json

WHOLE: Final = 1 << 40  # tokens: nothing is cut


class Nowhere(CallWorld):
    """A world without tools: texts are trimmed as if they had come from one."""

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """Nothing is there."""
        raise ToolError(f"No such function name: {api.name}", "no_such_api")


def tokens_of(text: str, count: Count) -> int:
    """All tokens of a text, by pieces; none are estimated from others."""
    return sum([count(text[start : start + PIECE]) for start in range(0, len(text), PIECE)])


def saved(
    texts: Iterable[tuple[API, str]], keep: Path, limit: int, counter: CounterName = "auto"
) -> dict[str, Any]:
    """Tokens before and after, over observations, as ``trimmed`` shortens them.

    Args:
        texts: each with the API that it came from.
        keep: the keep-file.
        limit: tokens to which observations are cut.
        counter: of tokens.

    Returns:
        ``examples`` and ``over`` (how many, and how many over the limit); tokens ``before``, of
        ``keys`` only, ``after`` (keys, then cut) and ``cut`` (only cut); ``still_cut``, how many
        are over the limit after their keys; ``worse``, how many have no fewer tokens after it.
    """
    plain = TrimmedWorld(Nowhere(), tokens=limit, counter=counter)
    keys = TrimmedWorld(Nowhere(), tokens=WHOLE, keep=str(keep), counter=counter)
    both = TrimmedWorld(Nowhere(), tokens=limit, keep=str(keep), counter=counter)
    _, count = token_counter(counter)
    told = dict.fromkeys(("examples", "over", "before", "keys", "after", "cut", "still_cut"), 0)
    for api, text in texts:
        before = tokens_of(text, count)
        kept = tokens_of(keys.trim(text, api.name, api)[0], count)
        told["examples"] += 1
        told["over"] += before > limit
        told["before"] += before
        told["keys"] += kept
        told["still_cut"] += kept > limit
        told["after"] += tokens_of(both.trim(text, api.name, api)[0], count)
        told["cut"] += tokens_of(plain.trim(text, api.name, api)[0], count)
    over = told["over"]
    share = round(told["still_cut"] / over, 4) if over else None
    return {"counter": both.counter, "limit": limit, **told, "still_cut_share": share}


def examples_of(documents: Iterable[Document]) -> list[tuple[API, str]]:
    """The example responses of a table."""
    return [(document.api, text) for document in documents for text in document.examples]


async def checked(
    tasks: Sequence[Task],
    world: World,
    limit: int,
    keep: Path,
    by_rules: Mapping[str, Any],
    counter: CounterName = "auto",
) -> dict[str, Any]:
    """Facts kept with whole observations, only cut ones, those of the rules, and the keep-file's.

    Args:
        tasks: with solutions.
        world: that they are solved in.
        limit: tokens to which observations are cut.
        keep: the keep-file.
        by_rules: what a keep-file of the rules alone says.
        counter: of tokens.

    Raises:
        UsageError: the keep-file is about none of the functions that the solutions call.
    """
    named = set(json.loads(keep.read_text("utf-8")))
    called = {step[0] for task in tasks for step in task.extra["solution"]["steps"]}
    if named and not named & called:
        raise UsageError(
            f"{keep} is about none of the {len(called)} functions that the tasks' solutions call: "
            f"it is of another table (it has {len(named)}, as {sorted(named)[0]})"
        )
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.json"
        write_json(rules, by_rules)
        told = {"whole": await facts_kept(tasks, world, WHOLE, counter=counter)}
        told["cut"] = await facts_kept(tasks, world, limit, counter=counter)
        told["rules"] = await facts_kept(tasks, world, limit, rules, counter=counter)
        told["keep"] = await facts_kept(tasks, world, limit, keep, counter=counter)
    functions = {"functions": len(named), "called": len(named & called)}
    return {"limit": limit, **functions, **{k: f.to_json() for k, f in told.items()}}
