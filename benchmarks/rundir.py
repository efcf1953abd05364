"""A run directory: run.json, trials.jsonl, journal/, verdicts.jsonl, summary.json.

One writer at a time. Lines are checksummed; a torn or damaged one is owed again and stays where
it is. The same command finds the same directory and goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from ..core import Journal, UsageError
from ..core.lines import LineFile, read_lines, scan
from ..core.whole import whole
from .judges import Verdict
from .trial import OWED, Key, Trial

FORMAT = 1
VERDICTS = 2  # of a line of verdicts.jsonl; 1 had no votes, no score and did not say its format
_BEGUN = frozenset({".lock", "run.json.new"})  # all there is where a run was killed as it began


class RunDirectory:
    """The files of one run.

    Attributes:
        config: what ``run.json`` says.
        trials: the last record of every trial, also of those owed again, without its tree:
            :meth:`load` reads that, so that a large run fits in memory.
        verdicts: by judge spec, then by trial.
        damaged: torn or changed lines that were met.
        heard: told of every effect that is written into a journal from now on.
    """

    heard: Callable[[Mapping[str, Any]], object] | None = None

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self.path = path
        self.config = _read_config(path)
        self.trials: dict[Key, Trial] = {}
        self.verdicts: dict[str, dict[Key, Verdict]] = {}
        self._lock: TextIO | None = None
        self._trials_file: LineFile | None = None
        self._verdicts_file: LineFile | None = None
        if write:
            self._lock = locked(path)
        self._offsets: dict[Key, int] = {}
        self.damaged = 0
        for offset, record in scan(path / "trials.jsonl"):
            if record is None:
                self.damaged += 1
            else:
                trial = Trial.from_json({**record, "tree": {}})
                self.trials[trial.key], self._offsets[trial.key] = trial, offset
        verdicts, damaged = read_lines(path / "verdicts.jsonl")
        self.damaged += damaged
        for record in verdicts:
            key = Key(record["suite"], record["task"], record["planner"], record["trial"])
            self.verdicts.setdefault(record["judge"], {})[key] = Verdict.from_json(record)
        if write:
            self._trials_file = LineFile(path / "trials.jsonl")
            self._verdicts_file = LineFile(path / "verdicts.jsonl")

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any]) -> RunDirectory:
        """Open the directory for writing, new or to be resumed.

        Args:
            path: where.
            config: ``config["identity"]`` must equal that of a run that is there already.

        Raises:
            UsageError: another run is there, or something else, or another process writes it,
                or nothing can be written there.
        """
        try:
            if not cls.there(path, config):
                path.mkdir(parents=True, exist_ok=True)
                with locked(path):
                    if not cls.there(path, config):
                        _replace(path / "run.json", {"format": FORMAT, **config})
                (path / "journal").mkdir(exist_ok=True)
            return cls(path, write=True)
        except OSError as error:
            raise UsageError(f"cannot write to {path}: {error.strerror or error}") from error

    @staticmethod
    def there(path: Path, config: Mapping[str, Any]) -> bool:
        """Whether the run is there already; False where :meth:`create` would begin it.

        Raises:
            UsageError: another run is there, or something else.
        """
        if (path / "run.json").exists():
            there = _read_config(path)
            differing = _differences(there.get("identity", {}), config["identity"])
            if differing:
                raise UsageError(
                    f"{path} holds another run ({'; '.join(differing)}). Give another --out, or "
                    f"the same command to resume it."
                )
            return True
        if path.exists() and not (path.is_dir() and {p.name for p in path.iterdir()} <= _BEGUN):
            raise UsageError(f"{path} exists and is no run directory: give another --out")
        return False

    def finished(self, key: Key) -> bool:
        """Whether the trial is there and not owed again."""
        trial = self.trials.get(key)
        return trial is not None and trial.end not in OWED

    def load(self, key: Key) -> Trial:
        """The trial with its tree, read from the file.

        Raises:
            KeyError: it was not run.
        """
        offset = self._offsets[key]
        _, record = next(scan(self.path / "trials.jsonl", offset))
        assert record is not None, "the line was whole when the directory was opened"
        return Trial.from_json(record)

    def journal(self, key: Key) -> Journal:
        """The trial's journal, open for going on."""
        return Journal.open(self.path / "journal" / key.file, self.heard)

    def add_trial(self, trial: Trial) -> None:
        """Keep a finished trial; on disk when :meth:`synced` has returned."""
        assert self._trials_file is not None
        offset = self._trials_file.append(trial.to_json())
        self.trials[trial.key] = replace(trial, tree_data={})
        self._offsets[trial.key] = offset

    async def synced(self) -> None:
        """Wait until the disk has all trials; those that end together share the wait."""
        assert self._trials_file is not None
        await self._trials_file.synced()

    def add_verdict(self, key: Key, judge: str, verdict: Verdict) -> None:
        """Keep a verdict."""
        assert self._verdicts_file is not None
        head = {"format": VERDICTS, **key._asdict(), "judge": judge}
        self._verdicts_file.append({**head, **verdict.to_json()})
        self.verdicts.setdefault(judge, {})[key] = verdict

    def write_summary(self, rows: Sequence[Mapping[str, Any]], judge: str | None = None) -> None:
        """Write rows into ``summary.json``, whole or not at all.

        Args:
            rows: one for each planner and suite.
            judge: by whose verdicts; None are those of the run's own, which stand under ``runs``.
        """
        path = self.path / "summary.json"
        try:
            summary = dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):  # none yet, or torn: it is made from the trials
            summary = {}
        if judge is None:
            summary["runs"] = rows
        else:
            summary.setdefault("judges", {})[judge] = rows
        _replace(path, summary)

    def close(self) -> None:
        """Sync all files and let the next writer in."""
        for file in (self._trials_file, self._verdicts_file):
            if file is not None:
                file.close()
        if self._lock is not None:
            self._lock.close()


def _read_config(path: Path) -> dict[str, Any]:
    file = path / "run.json"
    if not path.exists():
        raise UsageError(f"no run directory {path}")
    if not file.exists():
        raise UsageError(f"{path} is no run directory: it has no run.json")
    try:
        config = json.loads(file.read_text("utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is damaged: {error}") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise UsageError(f"{file} is no run of this version (format {FORMAT})")
    return config


def _differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What is not equal, in words; of suites and files the ones that are not, by name."""
    there, wanted = json.loads(json.dumps(there)), json.loads(json.dumps(wanted))
    found = []
    for key in sorted(set(there) | set(wanted)):
        old, new = there.get(key), wanted.get(key)
        if old == new:
            continue
        if key in ("suites", "files") and old and new and set(old) == set(new):
            changed = ", ".join(name for name in old if old[name] != new[name])
            found.append(f"what is in {changed} has changed")
        elif key != "files":
            found.append(f"{key} was {_said(old)}, now {_said(new)}")
    return found


def _said(value: object) -> str:
    if isinstance(value, dict):
        value = [k if isinstance(v, dict) else f"{k}={v}" for k, v in value.items()]
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "not given" if value in (None, "") else str(value)


def locked(path: Path) -> TextIO:
    """The right to write in a run directory, until it is closed.

    Raises:
        UsageError: another process has it.
    """
    file = (path / ".lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        who = file.read().strip() or "?"
        file.close()
        raise UsageError(f"{path} is being written by another process (pid {who})") from None
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file


def _replace(path: Path, data: Mapping[str, Any]) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False)
    with whole(path) as file:
        file.write(f"{text}\n".encode())
