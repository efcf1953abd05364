"""The journal: every effect of a trial, append-only. Replaying it *is* resuming.

A planner is a pure function of (seed, effect results). So a search that is given the results
of its effects in a journal, by name, walks the same way to where the journal ends and goes on
live from there: the same tree, the same spend. See docs/design/journal.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import ReplayMismatch, UsageError
from .lines import LineFile, read_lines

Record = dict[str, Any]


class Journal:
    """Effects by name: those of an earlier life, and a sink for new ones.

    Args:
        records: what an earlier life wrote, in order.
        sink: called with each new record before the search goes on; None keeps none.
        acknowledged: waits until what the sink was given is safe; None where it is at once.

    A record is ``{"key", "asked", "got" | "error" | "exhausted", "at"}``: the effect's name, a
    digest of what was asked, the result, and the trial's clock in seconds. Two more kinds:
    ``{"retract": key}`` makes an effect owed again (a failure that ended the trial), and
    ``{"restart": n, "spent": {...}}`` makes everything before it count as spend only.
    """

    def __init__(
        self,
        records: Iterable[Record] = (),
        sink: Callable[[Record], object] | None = None,
        *,
        damaged: int = 0,
        acknowledged: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.past: dict[str, Record] = {}
        self.carried: dict[str, float] = {}
        self.damaged = damaged
        self.hits = 0
        self._lives = 0
        self._sink = sink
        self._acknowledged = acknowledged
        self._file: LineFile | None = None
        for record in records:
            if "retract" in record:
                self.past.pop(record["retract"], None)
            elif "restart" in record:
                self.past.clear()
                self.carried = dict(record["spent"])
                self._lives = record["restart"]
            else:
                self.past[record["key"]] = record

    @classmethod
    def open(
        cls, path: Path, heard: Callable[[Record], object] | None = None, *, alone: bool = False
    ) -> Journal:
        """The journal in a file, going on where it ends (a new file begins an empty one).

        Args:
            path: the file.
            heard: told of each new record when it is written.
            alone: nobody else may write it meanwhile (a run directory has a lock of its own).

        Raises:
            UsageError: somebody else does, or it is another file.
        """
        file = LineFile(path)
        if alone:
            file.claim()
        records, damaged = read_lines(path)
        if any(not {"key", "retract", "restart"} & record.keys() for record in records):
            file.close()
            raise UsageError(f"{path} is no journal of a search: give another file")

        def keep(record: Record) -> None:
            file.append(record)
            if heard is not None:
                heard(record)

        journal = cls(records, file.append if heard is None else keep, damaged=damaged)
        journal._file = file
        return journal

    @property
    def active(self) -> bool:
        """Whether anything is replayed or kept; an inactive journal costs nothing."""
        return self._sink is not None or bool(self.past)

    def take(self, key: str, asked: str) -> Record | None:
        """The recorded effect of that name, once; None if it was never made.

        Raises:
            ReplayMismatch: it was recorded for another request.
        """
        record = self.past.pop(key, None)
        if record is None:
            return None
        if record["asked"] != asked:
            raise ReplayMismatch(
                f"effect {key} was recorded for another request: the task, prompts, planner or "
                f"environment changed since. Start a new run directory, or put them back."
            )
        self.hits += 1
        return record

    def history(self) -> list[Record]:
        """What is known and was not taken yet, as records that make an equal journal."""
        begun = {"restart": self._lives, "spent": dict(self.carried)}
        return [*([begun] if self._lives else []), *self.past.values()]

    def append(self, record: Record) -> None:
        """Keep one effect."""
        if self._sink is not None:
            self._sink(record)

    async def acknowledged(self) -> None:
        """Wait until every effect so far is safe from a kill of this process.

        Raises:
            Paused: nobody acknowledges any more.
        """
        if self._acknowledged is not None:
            await self._acknowledged()

    def retract(self, key: str) -> None:
        """The effect is owed again: the next life makes it anew."""
        self.append({"retract": key})

    def forget_limits(self) -> None:
        """What had no budget is tried again, under the caps of now."""
        for name in [name for name, record in self.past.items() if "exhausted" in record]:
            self.retract(name)
            del self.past[name]

    def restart(self) -> None:
        """Begin anew (an environment that cannot be brought back), carrying the spend."""
        spent = dict.fromkeys(("calls", "tokens", "usd", "steps", "seconds"), 0.0)
        for what, amount in self.carried.items():
            spent[what] += amount
        at = 0.0
        for record in self.past.values():
            at = max(at, record.get("at", 0.0))
            for what, amount in spend_of(record).items():
                spent[what] += amount
        spent["seconds"] = max(spent["seconds"], at)  # the clock went on from what was carried
        self.past.clear()
        self.carried = spent
        self._lives += 1
        self.append({"restart": self._lives, "spent": spent})

    async def synced(self) -> None:
        """Wait until the disk has all effects."""
        if self._file is not None:
            await self._file.synced()

    def close(self) -> None:
        """Sync and close the file, if there is one."""
        if self._file is not None:
            self._file.close()


def spend_of(record: Mapping[str, Any]) -> dict[str, float]:
    """What one recorded effect cost: calls, tokens, dollars, steps."""
    key = str(record.get("key", ""))
    if key.endswith(":step"):
        return {"steps": 1}
    if (":propose:" in key or ":ask." in key) and "exhausted" not in record:
        got = record.get("got") or record.get("error") or {}
        tokens = got.get("prompt_tokens", 0) + got.get("completion_tokens", 0)
        return {"calls": 1, "tokens": tokens + got.get("tokens", 0), "usd": got.get("usd", 0.0)}
    return {}
