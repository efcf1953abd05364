"""ToolEval's result files, read and written: pass rates, preferences, leaderboards.

Written texts are upstream's byte for byte: JSON with four spaces, not escaped, without a line end;
tables by Python's ``csv`` with tabs. (Upstream ends table lines with CR LF; the released examples
have LF. A table keeps what it was read with.)
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core import UsageError
from .converted import steps_text

_JUDGED = ("query", "is_solved")
_ROUND = re.compile(r"round_(\d+)")
_VOTES = 10_000  # of one query, at most
_FIELD = 10_000_000  # characters of a table's field, at most


@dataclass(frozen=True)
class Judged:
    """One query of a pass-rate file.

    Attributes:
        query_id: its key.
        passed, failed: how many votes said so; None where the file does not count them.
        votes: the answer's status in each vote, by the vote's number (StableToolBench).
        status: the last vote's status (ToolBench keeps no other).
        solvable: the task's solvability in the last vote; "" where it is not told.
        fields: everything, as the file has it.
    """

    query_id: str
    passed: int | None
    failed: int | None
    votes: Mapping[int, str]
    status: str
    solvable: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Preferred:
    """One query of a preference file.

    Attributes:
        query_id: its key.
        wins: votes for each of the two models, in the file's order (reference, then output).
        rounds: for each round whether a comparison was made in it.
    """

    query_id: str
    wins: Mapping[str, int]
    rounds: Mapping[int, bool]


@dataclass(frozen=True)
class Table:
    """A table as its file has it: names, rows of texts, and how it is written."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = "\t"
    newline: str = "\r\n"
    ended: bool = True

    def records(self) -> list[dict[str, str]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def text(self) -> str:
        """The file's text; write it with ``newline=""``."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerows([self.columns, *self.rows])
        return out.getvalue() if self.ended else out.getvalue().removesuffix(self.newline)


def json_text(data: Any) -> str:
    """Data as ToolEval writes it."""
    return json.dumps(data, ensure_ascii=False, indent=4)


def read_json(path: Path) -> dict[str, Any]:
    """A file's JSON object, by query id.

    Raises:
        UsageError: it is missing, torn, or no object.
    """
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is torn or not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} holds a {type(data).__name__}, not an object of queries")
    return data


def read_table(path: Path, needed: Sequence[str] = ()) -> Table:
    """A table: tab-separated, or (a leaderboard) with commas.

    Args:
        path: the file.
        needed: columns that must be there.

    Raises:
        UsageError: it is missing, torn, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not UTF-8 text: {error}") from error
    head = text.partition("\n")[0]
    delimiter = "\t" if "\t" in head else ","
    newline = "\r\n" if head.endswith("\r") else "\n"
    limit = csv.field_size_limit(_FIELD)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [tuple(row) for row in lines if row]
    except csv.Error as error:
        raise UsageError(f"{path} is torn or no table: {error}") from error
    finally:
        csv.field_size_limit(limit)
    if not rows or (lost := [name for name in needed if name not in rows[0]]):
        told = f"no column {', '.join(lost)}" if rows else "it is empty"
        raise UsageError(f"{path} is no table of the kind: {told}")
    for i, row in enumerate(rows[1:], 1):
        if len(row) != len(rows[0]):
            raise UsageError(f"{path}, row {i}: {len(row)} fields under {len(rows[0])} columns")
    return Table(rows[0], tuple(rows[1:]), delimiter, newline, text.endswith("\n"))


def read_leaderboard(path: Path) -> dict[str, dict[str, float]]:
    """Figures of a leaderboard: by method, then by column.

    Raises:
        UsageError: it is no leaderboard, or a figure is no number.
    """
    out = {}
    for record in read_table(path, ("Method", "WinRate")).records():
        method = record.pop("Method")
        try:
            out[method] = {name: float(value) for name, value in record.items() if value}
        except ValueError as error:
            raise UsageError(f"{path}, method {method}: {error}") from error
    return out


def read_pass_rates(path: Path) -> dict[str, Judged]:
    """The queries of a pass-rate file, JSON or table (told by its name's end).

    Raises:
        UsageError: it is torn or foreign.
    """
    out = {}
    for number, fields in _pass_rate_fields(path).items():
        try:
            out[number] = _judged(number, fields)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UsageError(
                f"{path}, query {number}: no pass-rate result (needs {', '.join(_JUDGED)}): "
                f"{error!r}"
            ) from error
    return out


def _pass_rate_fields(path: Path) -> dict[str, Any]:
    if path.suffix != ".csv":
        return read_json(path)
    records = read_table(path, ("query_id", "query", "is_solved")).records()
    out: dict[str, Any] = {}
    for record in records:
        fields: dict[str, Any] = dict(record)
        if record["is_solved"].startswith("{"):
            fields["is_solved"] = _literal(path, record["is_solved"][:100_000])
        if (label := record.get("pass_rate_label")) is not None:  # the votes are not in a table
            fields |= {"passed": int(label == "passed"), "failed": int(label != "passed")}
        fields["task_solvable"] = record.get("solvable", "")
        out[record["query_id"]] = fields
    return out


def _literal(path: Path, text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise UsageError(f"{path}: votes that cannot be read: {text[:80]}") from error


def _judged(number: str, fields: Mapping[str, Any]) -> Judged:
    _ = fields["query"]
    solved = fields["is_solved"]
    votes: dict[int, str] = {}
    status = ""
    if isinstance(solved, Mapping):
        votes = {int(k): _label(v) for k, v in solved.items()}
        if votes and not 0 <= min(votes) <= max(votes) < _VOTES:
            raise ValueError(f"votes are numbered from 0 to {_VOTES - 1}")
    else:
        status = _label(solved)
    counts = [fields.get(name) for name in ("passed", "failed")]
    passed, failed = (None if c is None else int(c) for c in counts)
    solvable = str(fields.get("task_solvable") or "").removeprefix("TaskStatus.")
    return Judged(number, passed, failed, votes, status, solvable, fields)


def _label(value: Any) -> str:
    label = str(value).removeprefix("AnswerStatus.")
    if label not in ("Solved", "Unsolved", "Unsure"):
        raise ValueError(f"{value!r} is no answer status")
    return label


def pass_rate_fields(
    entry: Mapping[str, Any], votes: Mapping[int, str], *, counts: tuple[int, int] | None = None
) -> dict[str, Any]:
    """A pass-rate file's fields of one query, from its converted entry and its votes.

    Args:
        entry: of the converted file.
        votes: status by vote, in the order that they came.
        counts: of votes that passed and failed, where the file is to tell them.
    """
    steps, final = steps_text(entry)
    counted = {} if counts is None else {"passed": counts[0], "failed": counts[1]}
    return {
        **counted,
        "query": entry["query"],
        "tool_names": [tool["name"] for tool in entry["available_tools"]],
        "answer_steps": steps,
        "final_step": final,
        "is_solved": {str(k): f"AnswerStatus.{v}" for k, v in votes.items()},
    }


def pass_rate_table(
    results: Mapping[str, Mapping[str, Any]], model: str, newline: str = "\r\n"
) -> Table:
    """StableToolBench's table of a pass-rate file's queries, as in its released examples."""
    columns = ("query", "available_tools", "model_intermediate_steps", "model_final_step")
    rows = []
    for number, fields in results.items():
        solved = fields["is_solved"]
        if isinstance(solved, Mapping):
            solved = {int(k): v for k, v in solved.items()}
        names = str(fields["tool_names"])
        told = (fields["query"], names, fields["answer_steps"], fields["final_step"])
        rows.append((*told, model, number, str(solved)))
    return Table((*columns, "model", "query_id", "is_solved"), tuple(rows), newline=newline)


def read_preferences(path: Path) -> tuple[tuple[str, str], dict[str, Preferred]]:
    """The two models (reference, output) and the queries of a preference file, JSON or table.

    Raises:
        UsageError: it is torn or foreign.
    """
    if path.suffix == ".csv":
        return _preference_table(path)
    models: tuple[str, ...] = ()
    out = {}
    for number, fields in read_json(path).items():
        try:
            rounds = {
                int(m[1]): value == "complete"
                for name, value in fields.items()
                if (m := _ROUND.fullmatch(name))
            }
            wins = {name: int(v) for name, v in fields.items() if not _ROUND.fullmatch(name)}
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UsageError(f"{path}, query {number}: no preference: {error!r}") from error
        models = models or tuple(wins)
        if len(wins) != 2 or tuple(wins) != models:
            raise UsageError(f"{path}, query {number}: votes for {', '.join(wins) or 'nobody'}")
        out[number] = Preferred(number, wins, rounds)
    if len(models) != 2:
        raise UsageError(f"{path} holds no queries")
    return (models[0], models[1]), out


def _preference_table(path: Path) -> tuple[tuple[str, str], dict[str, Preferred]]:
    records = read_table(
        path, ("query_id", "ref_model", "output_model", "preference_label")
    ).records()
    if not records:
        raise UsageError(f"{path} holds no queries")
    first, second = records[0]["ref_model"], records[0]["output_model"]
    out = {}
    for record in records:
        label, number = record["preference_label"], record["query_id"]
        if label not in ("1", "2", "3"):
            raise UsageError(f"{path}, query {number}: preference {label!r} is none of 1, 2, 3")
        wins = {first: int(label == "1"), second: int(label == "2")}
        out[number] = Preferred(number, wins, {0: True})
    return (first, second), out


def preference_table(
    preferences: Mapping[str, Mapping[str, Any]],
    reference: str,
    output: str,
    entries: tuple[Mapping[str, Any], Mapping[str, Any]],
    newline: str = "\r\n",
) -> Table:
    """The table of a preference file.

    Args:
        preferences: the JSON file's queries.
        reference: a model.
        output: the model compared with it.
        entries: the converted files of the two.
        newline: how lines end.
    """
    columns = (
        ("query", "available_tools", "ref_model_intermediate_steps", "ref_model_final_step")
        + ("output_model_intermediate_steps", "output_model_final_step", "preference_label")
        + ("query_id", "ref_model", "output_model")
    )
    rows = []
    for number, fields in preferences.items():
        first, second = (side[number] for side in entries)
        ahead = int(fields[reference]) - int(fields[output])
        label = "1" if ahead > 0 else "2" if ahead < 0 else "3"
        names = str([tool["name"] for tool in first["available_tools"]])
        told = (first["query"], names, *steps_text(first), *steps_text(second))
        rows.append((*told, label, number, reference, output))
    return Table(columns, tuple(rows), newline=newline)
