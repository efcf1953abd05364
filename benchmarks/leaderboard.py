"""A leaderboard of many runs, which says where its rows do not compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .labels import labels
from .rendering import Cell, Column, Table
from .reports import ALL, SIMULATED, Entry
from .scored import ScoredRun

COLUMNS = (
    Column("group", "group"),
    Column("run", "run"),
    Column("planner", "planner"),
    Column("model", "model"),
    Column("pass_rate", "pass rate", "rate"),
    Column("planned", "n", "count"),
    Column("completed_only", "completed only", "share"),
    Column("best", "best case", "share"),
    Column("calls", "calls", "number"),
    Column("tokens", "tokens", "number"),
    Column("usd", "usd", "usd"),
    SIMULATED,
    Column("judge", "judge"),
    Column("suites", "suites"),
    Column("environment", "environment"),
)


@dataclass(frozen=True)
class Leaderboard:
    """Planners of many runs, best first.

    Attributes:
        table: a row for each planner of each run; those of one group compare, which is to say
            that they had the same tasks by content, the same environment, and the same judge
            with the same prompts and model.
        narrow: the same in two tables, one of planners and one of groups.
        warnings: why there are several groups, and which rates are lower bounds only.
    """

    table: Table
    narrow: tuple[Table, Table]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Conditions:
    """What must be equal for two pass rates to compare."""

    tasks: tuple[str, ...]
    judges: tuple[str, ...]
    envs: tuple[str, ...]


def leaderboard(runs: Sequence[ScoredRun]) -> Leaderboard:
    """The leaderboard of runs, groups in the order in which they first appear."""
    paths = [str(run.path.resolve()) for run in runs]
    names = labels(paths)
    suites = labels(suite for run in runs for suite in run.tasks)
    planners = labels(planner for run in runs for planner in run.planners)
    conditions = {path: _conditions(run) for path, run in zip(paths, runs, strict=True)}
    groups = list(dict.fromkeys(conditions.values()))
    order: list[tuple[tuple[Any, ...], tuple[Cell, ...]]] = []
    for path, run in zip(paths, runs, strict=True):
        group = groups.index(conditions[path])
        identity = run.directory.config["identity"]
        for spec in run.planners:
            entry = Entry(names[path], planners[spec], "", tuple(run.of(spec)))
            rate = entry.rates[ALL]
            row: tuple[Cell, ...] = (
                _letter(group),
                entry.run,
                entry.planner,
                _distinct(identity["model"]),
                rate.rate,
                rate.planned,
                rate.completed,
                rate.best,
                *(entry.cost(what) for what in ("calls", "tokens", "usd")),
                entry.simulated,
                ", ".join(conditions[path].judges),
                ", ".join(suites[suite] for suite in run.tasks),
                _distinct(identity["env"]),
            )
            order.append(((group, -rate.rate.value, entry.run, entry.planner), row))
    rows = tuple(row for _, row in sorted(order, key=lambda one: one[0]))
    notes = (
        "Rows of one group compare: same tasks, environment and judge. Pass rates are over the "
        "trials planned, with 95 % intervals; costs are means over the trials that were run.",
    )
    told = {names[path]: (run, conditions[path]) for path, run in zip(paths, runs, strict=True)}
    table = Table("leaderboard", "Leaderboard", COLUMNS, rows, notes)
    for key in ("usd", "simulated"):
        if not any(record[key] for record in table.records()):
            table = _only(table, [c.key for c in table.columns if c.key != key])
    return Leaderboard(table, _narrow(table, groups), _warnings(told))


def _narrow(table: Table, groups: Sequence[_Conditions]) -> tuple[Table, Table]:
    shared = ("suites", "judge", "environment")
    mine = _only(table, [c.key for c in table.columns if c.key not in shared])
    by_group = _only(table, ["group", *shared])
    distinct = tuple(dict.fromkeys(by_group.rows))
    columns = (*by_group.columns, Column("tasks", "tasks", "count"))
    sizes = {_letter(i): len(group.tasks) for i, group in enumerate(groups)}
    rows = tuple((*row, sizes[str(row[0])]) for row in distinct)
    return mine, Table("groups", "Groups of the leaderboard", columns, rows)


def _only(table: Table, keys: Sequence[str]) -> Table:
    """The table with some of its columns."""
    at = [i for key in keys for i, column in enumerate(table.columns) if column.key == key]
    columns = tuple(table.columns[i] for i in at)
    return replace(
        table, columns=columns, rows=tuple(tuple(row[i] for i in at) for row in table.rows)
    )


def _conditions(run: ScoredRun) -> _Conditions:
    """Of a run; its judges by their specs and by a hash of their prompts and models."""
    by: dict[str, set[str]] = {judge: set() for judge in run.judges.values()}
    for item in run.items:
        if item.verdict is not None:
            by[run.judges[item.key.suite]].add(item.verdict.by)
    judges = sorted(
        judge + "".join(f" #{mark[:6]}" for mark in sorted(marks) if mark)
        for judge, marks in by.items()
    )
    env = run.directory.config["identity"]["env"]
    envs = env.values() if isinstance(env, dict) else [env]
    digests = sorted(digest for tasks in run.tasks.values() for digest in tasks.values())
    return _Conditions(tuple(digests), tuple(judges), tuple(sorted(set(map(str, envs)))))


def _warnings(told: Mapping[str, tuple[ScoredRun, _Conditions]]) -> tuple[str, ...]:
    found = []
    if len(by := _grouped({name: c.judges for name, (_, c) in told.items()})) > 1:
        said = "; ".join(f"{', '.join(judges)} in {_some(names)}" for judges, names in by.items())
        found.append(f"Judges differ, so that pass rates do not compare: {said}.")
    if len(by := _grouped({name: c.tasks for name, (_, c) in told.items()})) > 1:
        said = "; ".join(f"{len(tasks)} in {_some(names)}" for tasks, names in by.items())
        found.append(f"Tasks differ by content, so that pass rates do not compare: {said}.")
    if len(by := _grouped({name: c.envs for name, (_, c) in told.items()})) > 1:
        said = "; ".join(f"{', '.join(envs)} in {_some(names)}" for envs, names in by.items())
        found.append(f"Environments differ, so that pass rates do not compare: {said}.")
    for name, (run, _) in told.items():
        if unknown := sum(item.value is None for item in run.items):
            found.append(
                f"{unknown} of {len(run.items)} trials of {name} have no known outcome: its pass "
                "rates are lower bounds."
            )
    return tuple(found)


def _grouped(by_name: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    found: dict[tuple[str, ...], list[str]] = {}
    for name, what in by_name.items():
        found.setdefault(what, []).append(name)
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _letter(group: int) -> str:
    """A, B .. Z, AA .."""
    text = ""
    group += 1
    while group:
        group, rest = divmod(group - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _distinct(spec: object) -> str:
    """One spec for all suites, or each one's own: every one once."""
    return ", ".join(dict.fromkeys(map(str, spec.values() if isinstance(spec, dict) else [spec])))
