"""Suites: named lists of tasks, from ToolBench's files, from one's own JSONL, or built in."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..core import API, Status, Task, Turn, UsageError, make
from ..core.registry import names, split
from ..core.status import CODES
from ..envs.shop import shop_tasks
from ..envs.toolbench import parse_apis
from .toolbench import read_source


@dataclass(frozen=True)
class Suite:
    """Tasks under a name, and what to run them with where the user does not say.

    Attributes:
        name: the spec that names it, as given.
        tasks: in their order.
        model, env, judge: default specs; "" where there is none.
    """

    name: str
    tasks: tuple[Task, ...]
    model: str = ""
    env: str = ""
    judge: str = "answered"

    @property
    def digest(self) -> str:
        """Content hash of all tasks and their recordings, in order."""
        state = blake2b(digest_size=12)
        for task in self.tasks:
            state.update(repr((task.id, task.digest)).encode())
            turns = [] if task.recording is None else [task.recording]
            while turns:
                turn = turns.pop()
                state.update(repr((replace(turn, turns=()), len(turn.turns))).encode())
                turns.extend(turn.turns)
        return state.hexdigest()


def load_suites(text: str) -> list[Suite]:
    """The suites of ``S[,S]``; ``key=value`` parts belong to the suite before them.

    Raises:
        UsageError: an unknown suite, a file that cannot be read, or an empty suite.
    """
    specs: list[str] = []
    for part in split(text):
        key, equals, _ = part.partition("=")
        if specs and equals and key.isidentifier():
            specs[-1] += ("," if ":" in specs[-1] else ":") + part
        else:
            specs.append(part.strip())
    return [_load(spec) for spec in specs]


def _load(spec: str) -> Suite:
    own = ("", *names("suites"))
    # os.path's says no where pathlib's fails: of a spec that is too long for a file's name.
    if spec not in own and not spec.endswith(".jsonl") and os.path.exists(spec):
        raise UsageError(f"{spec!r} is no suite: for ToolBench's files write toolbench:{spec}")
    suite = make("suites", _written_out(spec))
    if not isinstance(suite, Suite):
        raise UsageError(f"{spec!r} did not give a Suite, but {type(suite).__name__}")
    if not suite.tasks:
        raise UsageError(f"the suite {spec!r} is empty")
    return Suite(spec, suite.tasks, suite.model, suite.env, suite.judge)


def _written_out(spec: str) -> str:
    """The spec, with the ``jsonl:`` that a tasks file may go without."""
    path, found, items = spec.partition(".jsonl")
    if not found or items[:1] not in ("", ":", ",") or spec.partition(":")[0] in names("suites"):
        return spec
    return f"jsonl:{path}{found}" + (f",{items[1:]}" if items else "")


def ToolBenchSuite(file: Path, ids: str | None = None) -> Suite:
    """ToolBench's query file, answer file, or folder of answer files.

    Args:
        file: the file or folder.
        ids: only these tasks: a JSON file of ids (ToolBench's ``test_query_ids``), or ids
            joined by ``+``.
    """
    return _suite(str(file), select(read_source(file), ids, str(file)))


def JsonlSuite(file: Path, ids: str | None = None) -> Suite:
    """One's own tasks, one JSON object a line; docs/suites.md gives the fields.

    Args:
        file: the file.
        ids: only these tasks, as for ``toolbench``.
    """
    return _suite(str(file), select(read_jsonl(file), ids, str(file)))


def ShopSuite(n: int = 20, seed: int = 0) -> Suite:
    """The built-in sample: n shopping tasks with checkable answers."""
    tasks = tuple(shop_tasks(n, seed=seed))
    return Suite("shop", tasks, model="stumble", env="shop", judge="match")


def _suite(name: str, tasks: Sequence[Task]) -> Suite:
    recorded = all(task.recording is not None for task in tasks)
    answers = all(task.answer is not None for task in tasks)
    default = "replay" if recorded else ""
    return Suite(name, tuple(tasks), default, default, "match" if answers else "answered")


def select(tasks: Sequence[Task], ids: str | None, source: str) -> list[Task]:
    """The tasks that ``ids`` names (all without it), in its order."""
    if ids is None:
        return list(tasks)
    wanted = list(dict.fromkeys(_ids(ids)))
    by_id = {task.id: task for task in tasks}
    unknown = [i for i in wanted if i not in by_id]
    if unknown:
        shown = ", ".join(unknown[:5]) + (" .." if len(unknown) > 5 else "")
        raise UsageError(
            f"{source} has no task {shown} ({len(unknown)} of the {len(wanted)} ids named by "
            f"{ids}); its {len(tasks)} tasks begin with {', '.join(list(by_id)[:5])}"
        )
    return [by_id[i] for i in wanted]


def _ids(text: str) -> list[str]:
    path = Path(text)
    if path.suffix != ".json":
        return text.split("+")
    try:
        return [str(i) for i in json.loads(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"cannot read task ids from {text}: {error}") from error


class TurnRecord(BaseModel):
    """One recorded turn in a tasks file."""

    model_config = ConfigDict(extra="forbid")
    thought: str | None = None
    api: str | None = None
    arguments: str = ""
    observation: str = ""
    status: str = "ok"
    tokens: int = 0
    turns: list[TurnRecord] = Field(default_factory=list)

    def turn(self) -> Turn:
        """The core's value."""
        if self.status not in CODES:
            raise ValueError(f"unknown status {self.status!r}")
        status: Status = self.status
        below = tuple(record.turn() for record in self.turns)
        return Turn(
            self.thought, self.api, self.arguments, self.observation, status, self.tokens, below
        )


class APIRecord(BaseModel):
    """One API in a tasks file."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object"})
    category: str = ""
    tool: str = ""
    api: str = ""
    read_only: bool = True


class TaskRecord(BaseModel):
    """One line of a tasks file; ``api_list`` takes ToolBench's documents in place of ``apis``."""

    model_config = ConfigDict(extra="forbid")
    id: str | int
    instruction: str = Field(min_length=1)
    apis: list[APIRecord] = Field(default_factory=list)
    api_list: list[dict[str, Any]] = Field(default_factory=list)
    relevant: list[str] = Field(default_factory=list)
    answer: Any = None
    group: str = ""
    recording: TurnRecord | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    def task(self) -> Task:
        """The core's value."""
        apis = tuple(API(**api.model_dump()) for api in self.apis)
        return Task(
            str(self.id),
            self.instruction,
            apis + parse_apis(self.api_list),
            tuple(self.relevant),
            self.answer,
            self.group,
            None if self.recording is None else self.recording.turn(),
            self.extra,
        )


def read_jsonl(path: Path) -> list[Task]:
    """The tasks of a JSONL file.

    Raises:
        UsageError: it is missing, or a line is no task, or names a relevant API that it does
            not offer, or repeats an id; the text says which line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    tasks: dict[str, Task] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            task = TaskRecord.model_validate_json(line).task()
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise UsageError(f"{path}:{number} is no task: {where}: {first['msg']}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}:{number} is no task: {error}") from error
        if task.id in tasks:
            raise UsageError(f"{path}:{number}: there is a task {task.id!r} already")
        offered = Counter(api.name for api in task.apis)
        if twice := [name for name, count in offered.items() if count > 1]:
            raise UsageError(f"{path}:{number}: two of the APIs are named {twice[0]!r}")
        unknown = set(task.relevant) - set(offered)
        if unknown and task.apis:
            raise UsageError(
                f"{path}:{number}: relevant API {sorted(unknown)[0]!r} is not among those offered"
            )
        tasks[task.id] = task
    return list(tasks.values())


def write_jsonl(tasks: Iterable[Task], path: Path) -> int:
    """Write tasks so that :func:`read_jsonl` gives them back; how many there were.

    Half a surrogate pair (from an observation cut there) has no place in UTF-8: it becomes ``?``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(task_to_json(task), ensure_ascii=False) + "\n" for task in tasks]
    path.write_text("".join(lines), "utf-8", "replace")
    return len(lines)


def task_to_json(task: Task) -> dict[str, Any]:
    """A task as a line of a tasks file."""
    out: dict[str, Any] = {"id": task.id, "instruction": task.instruction}
    out["apis"] = [api.to_json() for api in task.apis]
    if task.relevant:
        out["relevant"] = list(task.relevant)
    if task.answer is not None:
        out["answer"] = task.answer
    for key in ("group", "extra"):
        if value := getattr(task, key):
            out[key] = value
    if task.recording is not None:
        out["recording"] = _turn_to_json(task.recording)
    return out


def _turn_to_json(turn: Turn) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, default in (("thought", None), ("api", None), ("arguments", ""), ("observation", ""),
                         ("status", "ok"), ("tokens", 0)):  # fmt: skip
        if (value := getattr(turn, key)) != default:
            out[key] = value
    if turn.turns:
        out["turns"] = [_turn_to_json(below) for below in turn.turns]
    return out
