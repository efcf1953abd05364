"""The viewer, served on loopback: it follows runs that grow, keeps notes, and asks new tasks.

Whoever has the link may look, and nobody else: every request needs the token in it, names this
server as its host, and, where it changes anything, comes from this server's own page.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ...core import Node, ToolgroveError, Tree, UsageError
from ...core.whole import whole
from ..page import content_hash, page_style
from ..scored import ScoredRun
from ..trial import Key
from .document import Tasks, Texts, document, tasks_as_run, tree_document, tree_of
from .inline import plain_json, script, style

NOTES: Final = "notes.json"  # beside run.json
LARGEST: Final = 1_000_000  # bytes of a request
ALIVE: Final = 15.0  # seconds between signs of life on a quiet stream
EVERY: Final = 0.5  # seconds between looks at the files

Ask = Callable[[Mapping[str, str], "Shown"], Awaitable[int]]


@dataclass
class Shown:
    """What a server shows: runs, the trials in them by number, and who listens.

    Args:
        paths: run directories.
        judge: whose verdicts count; else each run's own.
    """

    paths: list[Path]
    judge: str | None = None
    runs: list[ScoredRun] = field(default_factory=list)
    numbers: dict[tuple[str, Key], int] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    _listeners: set[asyncio.Queue[tuple[str, Any]]] = field(default_factory=set)
    _seen: dict[Path, tuple[int, ...]] = field(default_factory=dict)
    _dirty: dict[int, Node] = field(default_factory=dict)
    _tasks: dict[Path, Tasks] = field(default_factory=dict)

    def load(self) -> None:
        """Read the runs again."""
        self._seen = {path: _sizes(path) for path in self.paths}
        self.runs = [ScoredRun(path, self.judge) for path in self.paths]
        self.document = document(self.runs, trees=False, tasks_of_run=self._tasks_of)
        items = [(str(run.path), item.key) for run in self.runs for item in run.items]
        self.numbers = {place: number for number, place in enumerate(items)}
        self.version += 1

    def changed(self) -> list[dict[str, Any]]:
        """The trials that are not what they were, after reading what has grown."""
        if all(self._seen.get(path) == _sizes(path) for path in self.paths):
            return []
        before = self._plain()
        self.load()
        after = self._plain()
        texts = self.document["texts"]
        return [
            {"number": n, "trial": trial, "texts": _used(trial, texts)}
            for n, trial in enumerate(self.document["trials"])
            if n >= len(before) or before[n] != after[n]
        ]

    def tree(self, number: int) -> dict[str, Any]:
        """One trial's tree, with texts of its own."""
        count = 0
        for run in self.runs:
            if number < count + len(run.items):
                key = run.items[number - count].key
                tasks, _ = self._tasks_of(run)
                texts = Texts()
                found = tree_of(run, key, tasks.get((key.suite, key.task)), texts)
                return {"tree": found, "texts": texts.all}
            count += len(run.items)
        raise KeyError(number)

    def grown(self, path: Path, key: Key, node: Node) -> None:
        """A node of a trial under way is complete: its tree is told with the next look."""
        number = self.numbers.get((str(path), key))
        if number is not None:
            self._dirty[number] = node.path()[0]

    def tell(self, event: str, data: Any) -> None:
        """Tell all listeners; one that is too slow is told to look at the whole again."""
        for queue in list(self._listeners):
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(("reload", {}))
            else:
                queue.put_nowait((event, data))

    async def follow(self) -> None:
        """Look at the files, and tell what changed, until it is cancelled."""
        wait = EVERY
        while True:
            await asyncio.sleep(wait)
            dirty, self._dirty = self._dirty, {}
            for number, root in dirty.items():
                texts = Texts()
                tree = tree_document(Tree([root]), None, None, (), texts)
                self.tell("growing", {"number": number, "tree": tree, "texts": texts.all})
            started = time.perf_counter()
            try:
                changed = self.changed()
            except Exception as error:  # the next look may find it whole
                self.tell("status", {"text": f"cannot be read now: {error}"})
                continue
            for each in changed:
                self.tell("trial", each)
            if changed:
                done = sum("end" in trial for trial in self.document["trials"])
                text = f"{done} of {len(self.document['trials'])} trials are finished"
                self.tell("status", {"text": text})
            wait = max(EVERY, 10 * (time.perf_counter() - started))  # a large run is read seldom

    async def events(self, since: int) -> AsyncIterator[str]:
        """What happens from now on, as server-sent events, to one who knows a version."""
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(1000)
        self._listeners.add(queue)
        try:
            yield ": hello\n\n" if since == self.version else "event: reload\ndata: {}\n\n"
            while True:
                try:
                    event, data = await asyncio.wait_for(queue.get(), ALIVE)
                except TimeoutError:
                    yield ": alive\n\n"
                    continue
                yield f"event: {event}\ndata: {plain_json(data)}\n\n"
        finally:
            self._listeners.discard(queue)

    def _tasks_of(self, run: ScoredRun) -> Tasks:
        """The run's tasks, read once."""
        if run.path not in self._tasks:
            self._tasks[run.path] = tasks_as_run(run)
        return self._tasks[run.path]

    def _plain(self) -> list[str]:
        texts = self.document["texts"]
        return [json.dumps([t, _used(t, texts)]) for t in self.document["trials"]]


def _used(trial: Mapping[str, Any], texts: list[str]) -> dict[str, str]:
    """The texts that a trial names, by index."""
    verdict = trial.get("verdict") or {}
    named = [trial.get("answer"), trial.get("error"), verdict.get("reason")]
    named += [vote[2] for vote in verdict.get("votes", ())]
    return {str(n): texts[n] for n in named if isinstance(n, int)}


def _sizes(path: Path) -> tuple[int, ...]:
    found = []
    for name in ("trials.jsonl", "verdicts.jsonl"):
        try:
            found.append((path / name).stat().st_size)
        except OSError:
            found.append(-1)
    return tuple(found)


def application(
    shown: Shown,
    port: int,
    token: str,
    *,
    ask: Ask | None = None,
    choices: Mapping[str, list[str]] | None = None,
) -> Starlette:
    """The viewer's ASGI application.

    Args:
        shown: what it shows, loaded.
        port: where it is served, for the check of the host.
        token: what every request must hold.
        ask: runs one instruction; its trial's number. None for no such box.
        choices: the planners, models and environments that may be asked.
    """
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}

    def refused(request: Request) -> Response | None:
        given = request.query_params.get("token", "")
        if request.headers.get("host", "") not in hosts:
            return JSONResponse({"error": "this server is asked by its own name only"}, 403)
        if not secrets.compare_digest(given.encode(), token.encode()):
            return JSONResponse({"error": "the link lacks its token: take the whole link"}, 403)
        if request.method == "POST":
            origin = request.headers.get("origin", "")
            if origin.removeprefix("http://") not in hosts:
                return JSONResponse({"error": "only this server's own page may ask that"}, 403)
            if int(request.headers.get("content-length") or 0) > LARGEST:
                return JSONResponse({"error": "that is too much"}, 413)
        return None

    def guarded(
        answer: Callable[[Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guard(request: Request) -> Response:
            if (refusal := refused(request)) is not None:
                return refusal
            try:
                return await answer(request)
            except (ToolgroveError, ValueError, KeyError, OSError) as error:
                return JSONResponse({"error": str(error)}, 400)

        return guard

    async def page(request: Request) -> Response:
        return HTMLResponse(_page(shown), headers=_headers())

    async def data(request: Request) -> Response:
        extra = {"notes": _notes(shown), "ask": dict(choices or {}) if ask else None}
        return _Json({**shown.document, **extra, "version": shown.version})

    async def tree(request: Request) -> Response:
        number = int(request.path_params["number"])
        return _Json(await asyncio.to_thread(shown.tree, number))

    async def events(request: Request) -> Response:
        head = {"cache-control": "no-store"}
        since = int(request.query_params.get("version", "0"))
        return StreamingResponse(shown.events(since), media_type="text/event-stream", headers=head)

    async def notes(request: Request) -> Response:
        told = json.loads(await request.body())
        if not isinstance(told, dict) or not all(isinstance(v, str) for v in told.values()):
            raise ValueError("notes are texts by task")
        told = {key: text for key, text in {**_notes(shown), **told}.items() if text}
        with whole(shown.paths[0] / NOTES) as file:
            file.write(json.dumps(told, indent=1, ensure_ascii=False).encode("utf-8", "replace"))
        return JSONResponse({"kept": len(told)})

    async def asked(request: Request) -> Response:
        if ask is None:
            raise UsageError("this server takes no instructions")
        told = json.loads(await request.body())
        if not isinstance(told, dict) or not str(told.get("instruction", "")).strip():
            raise ValueError("say what is to be done")
        for name, allowed in (choices or {}).items():
            if told.get(name) not in allowed:
                raise ValueError(f"no {name} {told.get(name)!r} here; there are: {allowed}")
        return JSONResponse({"number": await ask({k: str(v) for k, v in told.items()}, shown)})

    @contextlib.asynccontextmanager
    async def following(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(shown.follow())
        try:
            yield
        finally:
            task.cancel()

    return Starlette(
        lifespan=following,
        routes=[
            Route("/", guarded(page)),
            Route("/data", guarded(data)),
            Route("/tree/{number:int}", guarded(tree)),
            Route("/events", guarded(events)),
            Route("/notes", guarded(notes), methods=["POST"]),
            Route("/ask", guarded(asked), methods=["POST"]),
        ],
    )


class _Json(JSONResponse):
    def render(self, content: Any) -> bytes:
        return plain_json(content).encode()


def _notes(shown: Shown) -> dict[str, str]:
    try:
        found = json.loads((shown.paths[0] / NOTES).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _headers() -> dict[str, str]:
    css, js = f"{page_style()}\n{style()}", script("live")
    policy = (
        f"default-src 'none'; connect-src 'self'; style-src {content_hash(css)}; "
        f"script-src {content_hash(js)}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def _page(shown: Shown) -> str:
    title = escape("toolgrove: " + ", ".join(path.name for path in shown.paths))
    css, js = f"{page_style()}\n{style()}", script("live")
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{css}</style></head>\n"
        f'<body><main><h1>{title}</h1><div id="above"></div><div id="viewer"></div></main>\n'
        f"<script>{js}</script></body></html>"
    )
