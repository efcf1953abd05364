"""A cache of replies in a SQLite file: the same request of the same model is paid for once.

Opt-in. Replies are kept as JSON, one row each, under the SHA-256 of all that decides them.
Errors are never kept. Processes may share the file, and one that is killed leaves it whole.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ..core import Completion, Model, ModelError, Request, UsageError
from ..core.database import Database
from ..core.sampling import unsound
from .identity import identity_of
from .tokens import as_sent

VERSION: Final = 1  # of the key and the row; a change of either is a new one
APPLICATION: Final = 0x74677263  # "tgrc", in the file's header
TABLE: Final = (
    "CREATE TABLE replies (key BLOB PRIMARY KEY, model TEXT NOT NULL, "
    "made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, reply TEXT NOT NULL) WITHOUT ROWID"
)


class Cached:
    """A model whose replies are kept in a file: ``cache:(openai:gpt-4o),file=replies.sqlite``.

    A reply is known again by its provider, base URL, model, parameters, messages, tools, sample
    index and seed; so n samples are n replies, trials under other seeds get their own, and a
    run that is made again from the start is all hits. A hit has the tokens of the call that
    made it, costs 0 dollars and has ``cached`` set: a budget of calls or tokens ends the second
    run where it ended the first, one of dollars lets it go on.

    Two processes that ask for the same at the same time both pay; both then say what was kept
    first.

    Args:
        model: the model behind it; it must have an ``identity``.
        file: the SQLite file; made at the first reply.

    Attributes:
        hits, made: replies from the file, and from the model, so far.
        saved: dollars that the hits had cost.
        unsaved: replies that could not be written.

    Raises:
        UsageError: the model has no identity, or the file is no response cache.
    """

    main = "model"

    def __init__(self, model: Model, file: Path) -> None:
        self.model, self.file = model, Path(file)
        self.identity = identity_of(model)
        self.hits = self.made = self.unsaved = 0
        self.saved = 0.0
        self._store = Store(self.file)
        if (size := getattr(model, "max_batch", None)) is not None:
            self.max_batch = size
        if (bound := getattr(model, "bound", None)) is not None:
            self.bound = bound

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One result a request, in order: from the file, or from the model and then kept."""
        keys = [key(self.identity, request) for request in requests]
        known = self._store.get(keys)
        owed = {k: r for k, r in zip(keys, requests, strict=True) if k not in known}
        got = list(await self.model.complete(list(owed.values()))) if owed else []
        if len(got) != len(owed):
            text = f"{type(self.model).__name__} gave {len(got)} results for {len(owed)} requests"
            got = [ModelError(text, kind="contract") for _ in owed]
        made = self._keep(dict(zip(owed, got, strict=True)))
        results: list[Completion | ModelError] = []
        for k in keys:
            if k in made:
                results.append(made[k])
                if not isinstance(made[k], ModelError):  # the same once more is not paid again
                    known[k] = made.pop(k)  # type: ignore[assignment]
            else:
                results.append(self._hit(known[k]))
        return results

    def _hit(self, completion: Completion) -> Completion:
        self.hits += 1
        self.saved += completion.usd
        return replace(completion, usd=0.0, cached=True)

    def _keep(
        self, made: dict[bytes, Completion | ModelError]
    ) -> dict[bytes, Completion | ModelError]:
        """Write what was made; where another process was first, its words stand."""
        self.made += len(made)
        sound = {k: m for k, m in made.items() if isinstance(m, Completion) and not unsound(m)}
        if not sound:
            return made
        try:
            before = self._store.put(sound, str(self.identity.get("model", "")))
        except UsageError as error:  # what was paid for is not lost
            self.unsaved += len(sound)
            log = logging.getLogger("toolgrove")
            log.warning("%d replies were not kept: %s", len(sound), error)
            return made
        for k, first in before.items():
            mine = sound[k]
            made[k] = replace(
                first,
                prompt_tokens=mine.prompt_tokens,
                completion_tokens=mine.completion_tokens,
                usd=mine.usd,
            )
        return made


def key(identity: Mapping[str, Any], request: Request) -> bytes:
    """What a reply is kept under: SHA-256 over canonical JSON of all that decides it."""
    content = {
        "version": VERSION,
        "provider": identity.get("provider"),
        "base_url": identity.get("base_url"),
        "model": identity.get("model"),
        "parameters": identity.get("parameters"),
        "messages": request.messages,
        "tools": [as_sent(api) for api in request.tools],
        "sample": request.sample,
        "seed": request.seed,
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).digest()


class Store:
    """The file: rows of (key, model, reply), written once.

    Raises:
        UsageError: it is no response cache, or one of another version. It is left as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = Database(
            path, what="response cache", application=APPLICATION, version=VERSION, schema=[TABLE]
        )

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Completion]:
        """Those that are kept."""
        found = {}
        for k in set(keys):
            for [text] in self._file.rows("SELECT reply FROM replies WHERE key = ?", (k,)):
                found[k] = self._read(k, text)
        return found

    def put(self, made: Mapping[bytes, Completion], model: str) -> dict[bytes, Completion]:
        """Keep them, all or none; those of others that were there before, which stay."""
        late = []
        with self._file.writing() as db:
            for k, completion in made.items():
                row = (k, model, json.dumps(completion.to_json(), ensure_ascii=True))
                sql = "INSERT OR IGNORE INTO replies (key, model, reply) VALUES (?, ?, ?)"
                if db.execute(sql, row).rowcount == 0:
                    late.append(k)
        return self.get(late) if late else {}

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _read(self, k: bytes, text: str) -> Completion:
        try:
            return Completion.from_json(json.loads(text))
        except (ValueError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{self.path}: the reply {k.hex()} cannot be read ({error}): name another file"
            ) from error
