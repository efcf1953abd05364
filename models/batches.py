"""Searches through a batch API: requests go out as a file, and answers come back as one.

Files are in the format of OpenAI's batch API, which other providers and servers read, too: one
JSON object a line. Sending and fetching them is left to the caller. See docs/ask-tell.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from ..core import (
    AskTell,
    Completion,
    Journal,
    ModelError,
    Pending,
    Planner,
    Task,
    ToolEnv,
    UsageError,
    World,
)
from ..core.asking import settle
from ..core.idle import idle_loop
from ..core.lines import LineFile, read_lines
from ..core.whole import whole
from . import chat, schema
from .endpoint import read_usage
from .prices import find

URL: Final = "/v1/chat/completions"
MOST_LINES: Final = 50_000  # of a file, by OpenAI's rules
MOST_BYTES: Final = 200_000_000
DISCOUNT: Final = 0.5  # what a call costs there, of the list price
_AGAIN: Final = ("batch_expired", "batch_cancelled", "rate_limit_exceeded", "server_error")


def custom_id(pending: Pending, name: str = "") -> str:
    """What a request is called in a file: readable, at most 64 of ``A-Za-z0-9_-``.

    It depends on the request's place and content alone, so it is the same in every process; a
    request with another prompt has another.

    Args:
        pending: the request.
        name: of its search, where a file has those of several.
    """
    content = repr((name, pending.id, pending.seed, [api.digest for api in pending.request.tools]))
    state = blake2b(pending.request.prompt.digest, digest_size=8)
    state.update(content.encode("utf-8", "surrogatepass"))
    readable = re.sub("[^A-Za-z0-9_-]+", "-", f"{name}-{pending.id}").strip("-")
    return f"{readable[:47]}-{state.hexdigest()}"


def to_batch_lines(
    pendings: Iterable[Pending],
    model: str,
    *,
    name: str = "",
    url: str = URL,
    body: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """The requests as lines of a batch file, without their line ends.

    Args:
        pendings: what :meth:`AskTell.ask` gives.
        model: the model's name at the provider.
        name: of the search, where a file has those of several.
        url: the endpoint.
        body: fields for every request: ``temperature``, ``max_completion_tokens`` .. ; one that
            is None leaves out what would be there (``seed``).
    """
    for pending in pendings:
        request = pending.request
        asked: dict[str, Any] = {"model": model, "messages": chat.messages(request.messages)}
        if request.tools:
            asked |= {"tools": chat.tools(request.tools), "tool_choice": "auto"}
        asked = {**asked, "seed": request.seed, **(body or {})}
        asked = {key: value for key, value in asked.items() if value is not None}
        line = {"custom_id": custom_id(pending, name), "method": "POST", "url": url, "body": asked}
        yield json.dumps(line, ensure_ascii=True)


@dataclass
class Told:
    """What came of the lines of an output file.

    Attributes:
        told: how many requests were answered, failures included.
        failed: of these, the failures, by ``custom_id``.
        again: failures that may pass (expired, throttled, a server's error): those requests are
            still open and stand in the next file.
        unknown: ids that nobody waits for: told before, or of other searches.
        unreadable: lines that are no JSON object with an id.
        open: how many requests have no answer yet.
    """

    told: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    unreadable: int = 0
    open: int = 0


def tell_batch_lines(
    searches: AskTell | Mapping[str, AskTell],
    lines: Iterable[str],
    *,
    retry: bool = True,
    price: Callable[[int, int, int], float] = lambda prompt, completion, cached: 0.0,
) -> Told:
    """Tell the answers in the lines of an output file (or of an error file), in any order.

    A file may be read twice, or in parts: what was told is told once. A request whose line is
    missing stays open.

    Args:
        searches: the search; or several, each by the name that its lines were written with.
        lines: of the file.
        retry: leave requests open whose failure may pass; otherwise they failed.
        price: dollars of prompt, completion and, of the prompt's, cached tokens.
    """
    named = {"": searches} if isinstance(searches, AskTell) else searches
    settle(named.values())
    waiting: dict[str, tuple[AskTell, Pending]] = {}
    for name, search in named.items():
        waiting |= {custom_id(pending, name): (search, pending) for pending in search.ask()}
    report = Told()
    answers: dict[AskTell, dict[str, Completion | ModelError]] = {}
    for line in lines:
        if not line.strip():
            continue
        data = _object(line)
        id = data.get("custom_id")
        if not isinstance(id, str):
            report.unreadable += 1
        elif id not in waiting:
            report.unknown.append(id)
        else:
            search, pending = waiting[id]
            made, again = read_line(data, pending, price)
            if again and retry and isinstance(made, ModelError):
                report.again[id] = str(made)
                continue
            if isinstance(made, ModelError):
                report.failed[id] = str(made)
            answers.setdefault(search, {})[pending.id] = made
            report.again.pop(id, None)
            del waiting[id]
    for search, given in answers.items():
        search.tell_all(given)
        report.told += len(given)
    report.open = len(waiting)
    return report


def read_line(
    data: Mapping[str, Any], pending: Pending, price: Callable[[int, int, int], float]
) -> tuple[Completion | ModelError, bool]:
    """What one line of an output says, and whether another attempt may end otherwise."""
    error, response = data.get("error"), data.get("response")
    status = response.get("status_code", 200) if isinstance(response, dict) else None
    status = status if isinstance(status, int) else None
    body = response.get("body") if isinstance(response, dict) else None
    if isinstance(body, dict) and isinstance(body.get("error"), dict | str):
        error = error or body["error"]
    code, said = _said(error)
    if error or status != 200:
        again = code in _AGAIN or status in (408, 409, 429) or (status or 0) >= 500
        again = again and code != "insufficient_quota"
        told = f"batch: {f'HTTP {status}: ' if status else ''}{said or code or 'no reason given'}"
        return ModelError(told, kind=_kind(status, code)), again
    used = read_usage(body) if isinstance(body, dict) else read_usage({})
    tokens = used.prompt + used.completion
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict) or not isinstance(first.get("message"), dict):
        told = "batch: the reply has no choice with a message"
        return ModelError(told, kind="contract", tokens=tokens), False
    one = chat.read_choice(first, pending.request.tools)
    if not one.calls and (found := schema.read(one.content, pending.request.tools)) is not None:
        one = one._replace(content=found[0], calls=found[1])  # a call in the text
    if one.finish == "content_filter" and not one.calls and one.content is None:
        told = "batch: the reply was withheld by a filter"
        return ModelError(told, kind="refused", tokens=tokens), False
    usd = price(used.prompt, used.completion, used.cached)
    return one.completion(used.prompt, used.completion, usd, used.cached), False


class Batch:
    """Many searches, whose requests go through a batch API together.

    Args:
        model: the model's name at the provider.
        journal: a file for what was told to all of them; None keeps nothing.
        url, body: as of :func:`to_batch_lines`.
        discount: what a call costs, of the list price.
        prices: a price table of your own.

    Attributes:
        searches: by name.
    """

    def __init__(
        self,
        model: str,
        journal: Path | str | None = None,
        *,
        url: str = URL,
        body: Mapping[str, Any] | None = None,
        discount: float = DISCOUNT,
        prices: Path | None = None,
    ) -> None:
        self.model, self.url, self.body, self.discount = model, url, dict(body or {}), discount
        self._price = find(model, prices)
        self.searches: dict[str, AskTell] = {}
        self._worlds: list[World] = []
        self._past: dict[str, list[dict[str, Any]]] = {}
        self._file: LineFile | None = None
        if journal is not None:
            self._file = LineFile(Path(journal))
            self._file.claim()
            for record in read_lines(Path(journal))[0]:
                if "search" not in record:
                    self._file.close()
                    raise UsageError(f"{journal} is no journal of a batch: give another file")
                self._past.setdefault(record.pop("search"), []).append(record)

    def add(
        self,
        name: str,
        planner: Planner,
        task: Task,
        env: Callable[[], ToolEnv] | World,
        **options: Any,
    ) -> AskTell:
        """Begin a search, or go on with the one of that name in the journal.

        Args:
            name: unique here; it stands in the ids of its requests.
            planner: as of :class:`AskTell`.
            task: the same.
            env: the same; a world is closed with the batch.
            **options: the others of :class:`AskTell`, without a journal.

        Raises:
            UsageError: there is one of that name, or the journal has another search under it.
        """
        if name in self.searches:
            raise UsageError(f"there is a search {name!r} already")
        if isinstance(env, World):
            if env not in self._worlds:
                self._worlds.append(env)
            env = env.env
        sink = None if self._file is None else partial(self._keep, name)
        journal = Journal(self._past.get(name, ()), sink)
        journal.forget_limits()
        self.searches[name] = AskTell(planner, task, env, journal=journal, **options)
        self._past.pop(name, None)
        return self.searches[name]

    def write(self, path: Path | str, *, lines: int = MOST_LINES, size: int = MOST_BYTES) -> int:
        """Write what is open into a file, up to so many lines and bytes; how many there were.

        What did not fit stands in the next file, after these were told. 0 (and no file): every
        search has ended.
        """
        if lines < 1:
            raise UsageError(f"a file has 1 line or more, not {lines}")
        count = written = 0
        first = next(rows := self._lines(), None)
        if first is None:
            return 0
        if len(first) > size:
            raise UsageError(f"a request of {len(first):,} bytes does not fit into {size:,}")
        try:
            with whole(Path(path)) as file:
                row: bytes | None = first
                while row is not None and count < lines and written + len(row) <= size:
                    file.write(row)
                    count, written = count + 1, written + len(row)
                    row = next(rows, None)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
        return count

    def read(self, path: Path | str, *, retry: bool = True) -> Told:
        """Tell what stands in an output file or an error file; see :func:`tell_batch_lines`."""
        price = self._price

        def cost(prompt: int, completion: int, cached: int) -> float:
            return price.cost(prompt, completion, cached) * self.discount if price else 0.0

        if not Path(path).is_file():
            raise UsageError(f"no such file: {path}")
        with open(path, encoding="utf-8", errors="replace") as file:
            return tell_batch_lines(self.searches, file, retry=retry, price=cost)

    @property
    def done(self) -> bool:
        """Whether all searches have ended."""
        settle(self.searches.values())
        return all(search.done for search in self.searches.values())

    def close(self) -> None:
        """End all searches; close their worlds and the journal."""
        for search in self.searches.values():
            search.close()
        worlds, self._worlds = self._worlds, []
        for world in worlds:
            idle_loop().call(world.close())
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _lines(self) -> Iterator[bytes]:
        settle(self.searches.values())
        for name, search in self.searches.items():
            for line in to_batch_lines(
                search.ask(), self.model, name=name, url=self.url, body=self.body
            ):
                yield line.encode() + b"\n"

    def _keep(self, name: str, record: Mapping[str, Any]) -> None:
        assert self._file is not None
        self._file.append({"search": name, **record})


def _object(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _said(error: object) -> tuple[str, str]:
    """Code and message of an error, as a line or a reply has it."""
    if isinstance(error, dict):
        found = (error.get("code") or error.get("type"), error.get("message"))
        code, said = (text[:500] if isinstance(text, str) else "" for text in found)
        return code, said
    return "", error[:500] if isinstance(error, str) else ""


def _kind(status: int | None, code: str) -> str:
    """What failed, in ModelError's words."""
    if code == "context_length_exceeded":
        return "context"
    if status in (408, 504):
        return "timeout"
    if status is not None and (status == 409 or status >= 500):
        return "server"
    return "contract" if status == 200 else "refused"
