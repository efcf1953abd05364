"""The APIs that a probe tries, as a table and an environment have them, and their calls."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..core import API, Status, World
from ..envs.toolbench import standardize
from .documents import Document
from .probe_arguments import Trial, trials
from .probe_config import ProbeConfig


@dataclass(frozen=True)
class Call:
    """One call of an API, as it went.

    Attributes:
        api: the function.
        number: which of the API's calls it is, from 0.
        status: how it ended.
        quality: of an ok answer; "" for others.
        latency: seconds, without waiting for its turn.
        characters: of the answer.
        digest: of the answer.
        arguments: the hash of what was sent.
        guessed: whether some arguments were made up.
    """

    api: str
    number: int
    status: Status
    quality: str
    latency: float
    characters: int
    digest: str
    arguments: str
    guessed: bool = False

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Call:
        """Read a line of ``calls.jsonl``."""
        return cls(
            record["api"], record["n"], record["status"], record["quality"], record["latency"],
            record["characters"], record["digest"], key_of(record["arguments"]),
            bool(record.get("guessed")),
        )  # fmt: skip


@dataclass
class Subject:
    """One API to be tried.

    Attributes:
        document: of the table.
        offered: what the environment calls it; None where it does not have it.
        host: whose limits it falls under.
        why: why it is not called; "" where it is.
        calls: those that were made, by number.
    """

    document: Document
    offered: API | None
    host: str
    why: str = ""
    calls: dict[int, Call] = field(default_factory=dict)
    _trials: list[Trial] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """Its function name in the table."""
        return self.document.api.name

    def trials(self, count: int) -> list[Trial]:
        """The arguments of its calls."""
        if len(self._trials) != count:
            self._trials = trials(self.document.api.parameters, count)
        return self._trials

    def stopped(self, config: ProbeConfig) -> bool:
        """Whether what it said so far forbids or spares asking it again."""
        made = [self.calls[n] for n in sorted(self.calls)]
        if any(call.status in config.stop.statuses for call in made):
            return True
        first = made[: config.stop.timeouts]
        slow = config.stop.timeouts and len(first) == config.stop.timeouts
        return bool(slow) and all(call.status == "timeout" for call in first)

    def owed(self, config: ProbeConfig) -> list[tuple[int, Trial]]:
        """The calls still to be made, in order."""
        if self.why or self.stopped(config):
            return []
        listed = enumerate(self.trials(config.calls.per_api))
        return [(n, trial) for n, trial in listed if n not in self.calls]


def subjects(documents: Sequence[Document], world: World, *, unsafe: bool) -> list[Subject]:
    """The APIs of a table as an environment has them.

    An API is found by its function name, tool and API being the same; else by tool and API; else,
    where the environment does not say tools, by name. An environment that lists no functions
    (only its tasks know them) is given the table's.

    Args:
        documents: the table.
        world: the environment.
        unsafe: also call APIs that change something.
    """
    by_name = {api.name: api for api in world.apis}
    by_place: dict[tuple[str, str], list[API]] = defaultdict(list)
    for api in world.apis:
        by_place[_place(api)].append(api)
    found = []
    for document in documents:
        api, offered = document.api, None
        named = by_name.get(str(document.extra.get("function") or api.name))
        if not world.apis:
            offered = api
        elif named is not None and _place(named) == _place(api):
            offered = named
        elif len(listed := by_place.get(_place(api), [])) == 1:
            offered = listed[0]
        elif named is not None and not named.tool:
            offered = named
        why = ""
        if offered is None:
            why = "not_offered"
        elif not unsafe and not (api.read_only and offered.read_only):
            why = "writes"
        found.append(Subject(document, offered, host_of(document), why))
    return found


def _place(api: API) -> tuple[str, str]:
    return standardize(api.tool) or api.tool, standardize(api.api or api.name) or api.api


def host_of(document: Document) -> str:
    """What shares one limit: the host that a document names, else its tool."""
    for key in ("host", "url", "server"):
        said = str(document.extra.get(key) or "")
        if "." in said or "//" in said:
            host = urlsplit(said if "//" in said else f"//{said}").netloc
            if host:
                return host.lower()
    return f"{document.api.category}/{document.api.tool}"


def key_of(arguments: Any) -> str:
    """The hash of arguments."""
    text = json.dumps(arguments, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
