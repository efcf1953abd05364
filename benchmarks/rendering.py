"""Tables as data, and the same tables for terminals, markdown, LaTeX and spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable

from .drawing import plain
from .metrics import Average

Form = Literal["text", "count", "number", "usd", "share", "rate"]


class Rate(NamedTuple):
    """A rate with its 95 % interval, each from 0 to 1."""

    value: float
    low: float
    high: float


Cell = str | int | float | Rate | Average | None


@dataclass(frozen=True)
class Column:
    """What stands below one heading.

    Attributes:
        key: its name in CSV and JSON; ``key_low`` and ``key_high`` stand beside a rate, and
            ``key_n`` beside an average.
        title: its heading, for people.
        form: how a value is written; shares and rates are from 0 to 1 and shown in per cent.
        averaged: its cells are averages, some of them over a part of the trials.
    """

    key: str
    title: str
    form: Form = "text"
    averaged: bool = False


@dataclass(frozen=True)
class Table:
    """A table before it is drawn.

    Attributes:
        name: in CSV, JSON and LaTeX labels.
        title: for people.
        columns: from left to right; those of form ``text`` tell what the row is about.
        rows: of one cell a column; None where there is nothing to say.
        notes: what must be known to read it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def records(self) -> Iterator[dict[str, Any]]:
        """Each row as plain data; rates and averages by their parts."""
        for row in self.rows:
            record: dict[str, Any] = {}
            for column, cell in zip(self.columns, row, strict=True):
                record |= _parts(column, cell)
            yield record


def _parts(column: Column, cell: Cell) -> dict[str, Any]:
    key = column.key
    if column.form == "rate":
        low, high = (cell.low, cell.high) if isinstance(cell, Rate) else (None, None)
        value = cell.value if isinstance(cell, Rate) else None
        return {key: value, f"{key}_low": low, f"{key}_high": high}
    if column.averaged:
        known = isinstance(cell, Average)
        return {key: cell.value if known else None, f"{key}_n": cell.n if known else 0}  # type: ignore[union-attr]
    return {key: cell}


def said(cell: Cell, form: Form, *, break_before_interval: str = " ") -> str:
    """A cell for people: an average over a part of the trials says over how many."""
    if isinstance(cell, Average):
        over = f" ({cell.n})" if cell.value is not None and cell.n < cell.of else ""
        return said(cell.value, form) + over
    if cell is None:
        return "–"
    if isinstance(cell, Rate):
        low, high = 100 * cell.low, 100 * cell.high
        between = break_before_interval
        interval = f"[{low:.1f}, {high:.1f}]" if between == " " else f"{low:.1f}–{high:.1f}"
        return f"{100 * cell.value:.1f} %{between}{interval}"
    if isinstance(cell, str):
        return cell
    match form:
        case "share" | "rate":
            return f"{100 * cell:.1f} %"
        case "usd":
            return f"{cell:.4f}"
        case "count":
            return f"{cell:,}"
        case _:
            if 0 < cell < 0.1:
                return f"{cell:.1g}"
            return f"{cell:.2f}" if cell < 10 else f"{cell:,.1f}" if cell < 1000 else f"{cell:,.0f}"


_JOINTS = (" ", ",", ":/", "_.-")  # the best place for a line to end first


def _pieces(text: str, room: int, joints: Sequence[str]) -> Iterator[str]:
    for piece in re.findall(rf"[^{joints[0]}]*[{joints[0]}]*", text):
        if len(piece.rstrip()) <= room or len(joints) == 1:
            yield piece
        else:
            yield from _pieces(piece, room, joints[1:])


def broken(text: str, room: int) -> str:
    """The text in lines of so many characters, broken where a name has its joints if it can be."""
    lines = [""]
    for piece in _pieces(text, room, _JOINTS):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > room:
            lines.append("")
        lines[-1] += piece
    cut = [line[i : i + room] for line in lines for i in range(0, len(line.rstrip()), room)]
    return "\n".join(line.rstrip() for line in cut)


# Terminals


def print_table(table: Table, console: Console) -> None:
    """Print it at the console's width; nothing is cut off.

    Where it is too wide intervals go below their rates; else its columns go in several tables.
    """
    console.print(plain(table.title), soft_wrap=True, style="bold")
    console.print()
    for part in _fitting(table, console):
        console.print(part)
        console.print()
    for note in table.notes:
        console.print(plain(note))
    if table.notes:
        console.print()


def _fitting(table: Table, console: Console) -> list[RichTable]:
    options = console.options.update(width=10_000)

    def fits(part: RichTable) -> bool:
        return Measurement.get(console, options, part).maximum <= console.width

    if fits(whole := _rich(table, table.columns, " ")):
        return [whole]
    heads = [c for c in table.columns if c.form == "text"]
    values = [c for c in table.columns if c.form != "text"]
    parts: list[RichTable] = []
    for count in range(1, max(len(values), 1) + 1):
        size = -(-len(values) // count) or 1
        chunks = [values[i : i + size] for i in range(0, len(values), size)] or [[]]
        parts = [_rich(table, (*heads, *chunk), "\n") for chunk in chunks]
        if all(map(fits, parts)):
            break
    return parts


def _rich(table: Table, columns: Sequence[Column], between: str) -> RichTable:
    out = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        left = column.form in ("text", "rate")
        title = broken(plain(column.title), 14)
        out.add_column(title, justify="left" if left else "right", overflow="fold")
    at = [table.columns.index(column) for column in columns]
    for row in table.rows:
        cells = [said(row[i], table.columns[i].form, break_before_interval=between) for i in at]
        told = zip(columns, cells, strict=True)
        out.add_row(*[broken(plain(c), 24) if k.form == "text" else c for k, c in told])
    return out


# Documents


def markdown(table: Table) -> str:
    """A table of GitHub's markdown, its title above and its notes below."""
    heads = [_in_markdown(column.title) for column in table.columns]
    rule = ["---" if column.form == "text" else "---:" for column in table.columns]
    lines = [f"### {_in_markdown(table.title)}", "", _line(heads), _line(rule)]
    lines += [_line([_in_markdown(cell) for cell in row]) for row in _said(table)]
    for note in table.notes:
        lines += ["", _in_markdown(note)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_markdown(text: str) -> str:
    """The text as text: nothing in it is markup, a link or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&$])", r"\\\1", plain(text))


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"": ': "''", "–": "--",
    "·": r"\textperiodcentered{}", "×": r"\texttimes{}",
}  # fmt: skip


def latex(table: Table) -> str:
    r"""A ``table`` of LaTeX for the package ``booktabs``: caption, label, rules, notes below."""
    heads = [_in_latex(column.title) for column in table.columns]
    aligned = "".join("l" if column.form == "text" else "r" for column in table.columns)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{_in_latex(table.title)}}}",
        rf"\label{{tab:{table.name.replace('_', '-')}}}",
        rf"\begin{{tabular}}{{{aligned}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *[" & ".join(map(_in_latex, row)) + r" \\" for row in _said(table)],
        r"\bottomrule",
        r"\end{tabular}",
    ]
    for note in table.notes:
        lines.append(rf"\par\smallskip{{\footnotesize {_in_latex(note)}}}")
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _in_latex(text: str) -> str:
    """The text as text; a line that begins with a bracket is no option of the one before."""
    escaped = "".join(_LATEX.get(c, c) for c in plain(text))
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped


def _said(table: Table) -> Iterator[list[str]]:
    for row in table.rows:
        yield [said(c, column.form) for c, column in zip(row, table.columns, strict=True)]


def as_csv(table: Table) -> str:
    """Comma-separated, numbers in full; rates and averages by their parts.

    The title and notes stand in lines that begin with ``#``. A text that a spreadsheet would
    take for a formula begins with an apostrophe.
    """
    out = io.StringIO()
    out.write(f"# {table.name}: {plain(table.title)}\n")
    heads = [key for column in table.columns for key in _parts(column, None)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(_in_csv, heads))
    for row in table.rows:
        told = [_parts(column, cell) for column, cell in zip(table.columns, row, strict=True)]
        writer.writerow([_in_csv(value) for parts in told for value in parts.values()])
    for note in table.notes:
        out.write(f"# {plain(note)}\n")
    return out.getvalue()


def _in_csv(value: Any) -> Any:
    if isinstance(value, str):
        text = plain(value)
        return f"'{text}" if text.startswith(("=", "+", "-", "@", "#")) else text
    return value


RENDERERS: dict[str, Callable[[Table], str]] = {
    "markdown": markdown,
    "latex": latex,
    "csv": as_csv,
}
