"""Tables for the terminal; the one of pass rates takes the form that fits its width."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from ..benchmarks.labels import labels
from ..benchmarks.summary import pooled

Row = Mapping[str, Any]


def stdout() -> Console:
    """The terminal, or what stands for it; text is printed as it is."""
    return Console(highlight=False, markup=False)


def stderr() -> Console:
    """Likewise, for what is not the result."""
    return Console(stderr=True, highlight=False, markup=False)


def simple(*headers: str) -> Table:
    """A table without vertical lines; nothing in it is cut off."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def print_summary(rows: Sequence[Row], console: Console, *, reference: str | None = None) -> None:
    """Planners by suites: pass rates with intervals, cost a task, and what did not pass.

    Everything stands in one table if the console is wide enough; else intervals go below their
    rates; else suites go in several tables, and cost in one of its own.

    Args:
        rows: those of ``summary.json``.
        console: where to.
        reference: the planner at whose cost the others were run.
    """
    shown = _Summary(rows, reference)
    for table in shown.fitting(console):
        console.print(table)
        console.print()
    for names in (shown.planners, shown.suites):
        for spec, label in names.items():
            if label != spec:
                console.print(f"{label}: {spec}", markup=False, soft_wrap=True)


class _Summary:
    """The rows as tables of different widths."""

    def __init__(self, rows: Sequence[Row], reference: str | None) -> None:
        self.cells = {(row["planner"], row["suite"]): row for row in rows}
        self.planners = labels(row["planner"] for row in rows)
        self.suites = labels(row["suite"] for row in rows)
        self.reference = reference
        self.simulated = any(row.get("simulated") for row in rows)

    def fitting(self, console: Console) -> list[Table]:
        """The fewest tables that fit; where nothing does, the narrowest."""
        suites = list(self.suites)

        def fits(table: Table) -> bool:
            options = console.options.update(width=10_000)
            return Measurement.get(console, options, table).maximum <= console.width

        def first(suites: Sequence[str]) -> Table:
            forms = [(_in_a_line, ", "), (_in_a_line, "\n"), (_in_two_lines, "\n")]
            tables = [self._table(suites, rate, between) for rate, between in forms]
            return next(filter(fits, tables), tables[-1])

        if fits(whole := first(suites)):
            return [whole]
        for count in range(1, len(suites) + 1):
            size = -(-len(suites) // count)
            parts = [suites[i : i + size] for i in range(0, len(suites), size)]
            tables = [self._table(part, _in_two_lines) for part in parts]
            if all(map(fits, tables)):
                break
        return [*tables, first([])]

    def _table(self, suites: Sequence[str], rate: Callable[[Row], str], between: str = "") -> Table:
        """These suites; and with something to put between outcomes what all cost and came to."""
        table = simple("planner")
        room = 22 if rate is _in_a_line else 14
        for suite in suites:
            planned = next(row["planned"] for (_, s), row in self.cells.items() if s == suite)
            head = broken(self.suites[suite], room, "_-/.:,")
            table.add_column(f"{head}\nn = {planned}", overflow="fold")
        if pool := bool(between) and len(self.suites) > 1:
            planned = sum(row["planned"] for row in self._of(next(iter(self.planners))))
            table.add_column(f"all suites\nn = {planned}", overflow="fold")
        if between:
            for what in self._spent():
                table.add_column(f"{what}\na task", justify="right", overflow="fold")
            if self.simulated:
                table.add_column("simulated\nanswers", justify="right", overflow="fold")
            table.add_column("not passed", overflow="fold")
        for planner, label in self.planners.items():
            mine = self._of(planner)
            cells = [broken(label, 24, ":,") + "\n(reference)" * (planner == self.reference)]
            cells += [rate(self.cells[planner, suite]) for suite in suites]
            cells += [rate(pooled(mine))] if pool else []
            if between:
                cells += [_mean(mine, what) for what in self._spent()]
                cells += [_simulated(mine)] if self.simulated else []
                cells.append(between.join(_not_passed(mine)))
            table.add_row(*cells)
        return table

    def _of(self, planner: str) -> list[Row]:
        return [row for (p, _), row in self.cells.items() if p == planner]

    def _spent(self) -> list[str]:
        usd = any(row["usd"] for row in self.cells.values())
        return ["calls", "tokens", "steps", *(["usd"] if usd else [])]


def broken(text: str, room: int, marks: str) -> str:
    """The text in lines of so many characters, broken behind marks where there are any."""
    lines = [""]
    for piece in re.findall(rf"[^{re.escape(marks)}]*[{re.escape(marks)}]*", text):
        if lines[-1] and len(lines[-1]) + len(piece) > room:
            lines.append("")
        lines[-1] += piece
    cut = [line[i : i + room] for line in lines for i in range(0, len(line), room)]
    return "\n".join(cut)


def _in_a_line(row: Row) -> str:
    low, high = row["ci95"]
    return f"{100 * row['pass_rate']:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _in_two_lines(row: Row) -> str:
    low, high = row["ci95"]
    return f"{100 * row['pass_rate']:.1f} %\n{100 * low:.1f}–{100 * high:.1f}"


def _mean(rows: Sequence[Row], what: str) -> str:
    """What a task cost, over the trials that were run."""
    run = sum(row["planned"] - row["outcomes"].get("missing", 0) for row in rows)
    if not run:
        return "–"
    mean = sum(row[what] for row in rows) / run
    if what == "usd":
        return f"{mean:.4f}"
    return f"{mean:,.1f}" if mean < 1000 else f"{mean:,.0f}"


def _simulated(rows: Sequence[Row]) -> str:
    """The share of answers that a model made up."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.get("provenance", {}))
    return f"{100 * counts['simulated'] / counts.total():.1f} %" if counts.total() else "–"


def _not_passed(rows: Iterable[Row]) -> list[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update({name: n for name, n in row["outcomes"].items() if name != "passed"})
    return [f"{count} {name}" for name, count in counts.items()]
