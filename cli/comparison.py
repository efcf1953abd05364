"""A comparison for people: tables, what they show in words, and the trees to look at."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from ..benchmarks.comparison import Comparison, Contender, Pair, Row, TaskScore
from ..benchmarks.labels import labels
from ..benchmarks.scored import Item
from .tables import broken, simple, stdout


def print_comparison(comparison: Comparison, warnings: Sequence[str], limit: int) -> None:
    """Rates, pairs and what they show, suite by suite, and tasks on which planners disagree.

    Args:
        comparison: what to print.
        warnings: what a reader must know first.
        limit: tasks shown at most.
    """
    console = stdout()
    judges = {judge: None for one in comparison.contenders for judge in one.run.judges.values()}
    console.print(f"pass rate, 95 % interval; judge: {', '.join(judges)}", soft_wrap=True)
    for text in _equal_cost(comparison):
        console.print(text, soft_wrap=True)
    console.print()
    for text in warnings:
        console.print(f"warning: {text}", soft_wrap=True)
    if warnings:
        console.print()
    console.print(_rate_table(comparison))
    console.print()
    if any(one.run.trials > 1 for one in comparison.contenders):
        console.print(_trial_table(comparison))
        console.print()
    pairs = [pair for pair in comparison.pairs if pair.rows]
    sizes = {len(pair.tasks) for pair in pairs}
    count = f"{sizes.pop()} " if len(sizes) == 1 else ""
    console.print(f"task by task, on the {count}tasks that both have\n")
    console.print(_pair_table([(pair, pair.rows[0]) for pair in pairs], console.width))
    console.print()
    for text in _legend(pairs):
        console.print(text, soft_wrap=True)
    console.print()
    for text in _findings(pairs):
        console.print(text, soft_wrap=True)
    if any(len(pair.rows) > 1 for pair in pairs):
        console.print("\nsuite by suite\n")
        console.print(_pair_table(list(_by_suite(pairs)), console.width))
    console.print()
    _print_disagreements(comparison, limit)


def _equal_cost(comparison: Comparison) -> Iterator[str]:
    """Whose cost the planners of a run were given, where they were given one's."""
    runs = {one.run.path: one.run.directory.config["identity"] for one in comparison.contenders}
    for path, identity in runs.items():
        if identity.get("match"):
            where = f" in {path}" if len(runs) > 1 else ""
            whose = identity["reference"]
            what = identity["match"]
            yield f"all but {whose}{where} were capped at the {what} that it spent on the same task"


def _rate_table(comparison: Comparison) -> Table:
    whole = [rate for rate in comparison.rates if rate.suite is None]
    unknown = any(rate.unknown for rate in whole)
    table = _table("planner", "tasks", "pass rate", "calls a trial", *["unknown"] * unknown)
    for rate in whole:
        low, high = 100 * rate.interval.low, 100 * rate.interval.high
        cells = [broken(rate.label, 30, ":, "), str(rate.tasks)]
        cells.append(f"{100 * rate.rate:.1f} % [{low:.1f}, {high:.1f}]")
        cells.append("–" if rate.calls is None else f"{rate.calls:,.1f}")
        cells += [str(sum(rate.unknown.values()))] * unknown
        table.add_row(*cells)
    return table


def _trial_table(comparison: Comparison) -> Table:
    """pass@k and pass^k of planners with several trials a task."""
    whole = [rate for rate in comparison.rates if rate.suite is None]
    ks = _some(max(rate.trials for rate in whole))
    head = [f"pass{sign}{k}" for sign in "@^" for k in ks]
    table = _table("per cent of tasks", "trials", *head)
    for rate in whole:
        cells = [
            f"{100 * values[k - 1]:.1f}" if k <= len(values) else "–"
            for values in (rate.at_k, rate.hat_k)
            for k in ks
        ]
        table.add_row(broken(rate.label, 30, ":, "), str(rate.trials), *cells)
    return table


def _table(first: str, *others: str) -> Table:
    """A table whose first column alone is broken."""
    table = simple(first)
    for name in others:
        table.add_column(name, no_wrap=True)
    return table


def _some(trials: int) -> list[int]:
    """Up to three numbers of trials to show pass@k at."""
    return [k for k in range(2, trials + 1) if k in (2, 4, trials)]


def _versus(pair: Pair) -> str:
    name = f"{pair.first.label} vs {pair.second.label}"
    return name if len(name) <= 20 else _broken(pair)


def _broken(pair: Pair) -> str:
    return broken(pair.first.label, 20, ":, ") + "\nvs " + broken(pair.second.label, 17, ":, ")


def _pair_table(rows: Sequence[tuple[Pair | str, Row | None]], width: int) -> Table:
    """One line a row if it fits; else names are broken, else intervals stand below."""
    wide = Console(width=10_000)
    for versus, between in ((_versus, " "), (_broken, " "), (_versus, "\n")):
        named = [(n if isinstance(n, str) else versus(n), row) for n, row in rows]
        table = _filled(named, between)
        if Measurement.get(wide, wide.options, table).maximum <= width:
            break
    return table


def _filled(rows: Sequence[tuple[str, Row | None]], between: str) -> Table:
    several = len({row.result.tasks for _, row in rows if row is not None}) > 1
    head = ["pass rates", "difference", "better", "p", "Holm", "detects"]
    table = _table("", *["tasks"] * several, *head)
    for name, row in rows:
        if row is None:
            table.add_row(name)
            continue
        found = row.result
        low, high = 100 * found.interval.low, 100 * found.interval.high
        table.add_row(
            name,
            *[str(found.tasks)] * several,
            f"{100 * found.first:.1f} : {100 * found.second:.1f}",
            f"{100 * found.difference:+.1f}{between}[{low:+.1f}, {high:+.1f}]",
            f"{found.wins} : {found.losses}",
            _p(found.p),
            _p(row.holm),
            "–" if found.detectable is None else f"{100 * found.detectable:.1f}",
        )
    return table


def _by_suite(pairs: Sequence[Pair]) -> Iterator[tuple[Pair | str, Row | None]]:
    names = labels(row.suite for pair in pairs for row in pair.rows if row.suite is not None)
    for pair in pairs:
        if len(pair.rows) > 1:
            yield pair, None
            for row in pair.rows[1:]:
                yield f"  {names[row.suite or '']}", row


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _legend(pairs: Sequence[Pair]) -> Iterator[str]:
    """What the columns say."""
    found = [row.result for pair in pairs for row in pair.rows]
    tests = " or ".join(dict.fromkeys(each.test for each in found))
    methods = " or ".join(dict.fromkeys(each.interval.method for each in found))
    count = len(pairs)
    yield f"difference: first minus second in points, 95 % interval ({methods})"
    yield "better: tasks on which the first did better : tasks on which the second did"
    yield f"p: {tests} test, two-sided"
    below = "; suite by suite, for all rows there" * any(len(p.rows) > 1 for p in pairs)
    yield f"Holm: p corrected for {count} pair{'s' * (count > 1)}{below}"
    yield "detects: the least difference that this size finds (power .8, alpha .05)"
    if any(each.p > 0.05 and not each.interval.low <= 0 <= each.interval.high for each in found):
        yield "an interval without 0 beside a p over .05: the test is the stricter of the two"


def _findings(pairs: Sequence[Pair]) -> Iterator[str]:
    """What the tests show, in words."""
    same = 0
    for pair in pairs:
        row = pair.rows[0]
        if row.holm < 0.05:
            up = row.result.difference > 0
            better, worse = (pair.first, pair.second) if up else (pair.second, pair.first)
            yield f"{better.label} passes more than {worse.label} (Holm p {_equals(row.holm)})"
        else:
            same += 1
        if any(row.unknown):
            least, greatest = (100 * value for value in row.bounds)
            yield (
                f"{pair.first.label} vs {pair.second.label}: unknown trials could make it anything "
                f"from {least:+.1f} to {greatest:+.1f}"
            )
    if same:
        which = f"{same} of the {len(pairs)} pairs"
        if same == len(pairs):
            which = "these two" if same == 1 else f"any of the {same} pairs"
        yield f"no difference is shown for {which}: that does not make them equal"


def _equals(p: float) -> str:
    return _p(p) if p < 0.001 else f"= {_p(p)}"


def _print_disagreements(comparison: Comparison, limit: int) -> None:
    console, groups = stdout(), comparison.disagreements
    if not groups:
        console.print("the planners agree on every task")
        return
    shown = groups[:limit]
    head = f"the planners disagree on {len(groups)} task" + "s" * (len(groups) > 1)
    if len(shown) < len(groups):
        head += f"; --limit {len(groups)} shows all, here {'is' if len(shown) == 1 else 'are'} "
        head += f"{len(shown)}" if shown else "none"
    console.print(head, soft_wrap=True)
    for group in shown:
        names = dict.fromkeys(f"{score.task} ({score.suite})" for score in group.values())
        console.print(f"\n{' = '.join(names)}", soft_wrap=True)
        rows = [
            (_outcome(score), one.label, command(one, item) or "not run")
            for one, score, item in examples(comparison, group)
        ]
        wide = [max(len(row[k]) for row in rows) for k in (0, 1)]
        for outcome, label, how in rows:  # no table: a command is never broken
            line = f"  {outcome:{wide[0]}}  {label:{wide[1]}}  {how}"
            console.print(line, soft_wrap=True)


def _outcome(score: TaskScore) -> str:
    if len(score.items) == 1:
        return score.items[0].outcome
    return f"{score.passed} of {len(score.items)} passed"


def examples(
    comparison: Comparison, group: Mapping[str, TaskScore]
) -> Iterator[tuple[Contender, TaskScore, Item]]:
    """Each planner with a trial that shows how it did: its best one if it did best."""
    contenders = {one.label: one for one in comparison.contenders}
    most = max(score.value for score in group.values())
    for label, score in group.items():
        run = [item for item in score.items if item.trial is not None] or list(score.items)
        pick = max if score.value == most else min
        yield contenders[label], score, pick(run, key=lambda item: item.value or 0.0)


def command(contender: Contender, item: Item) -> str | None:
    """What draws the trial's tree; None where there is none."""
    if item.trial is None:
        return None
    key, run = item.key, contender.run
    words = ["toolgrove", "tree", str(run.path), key.task, "--planner", key.planner]
    if sum(key.task in tasks for tasks in run.tasks.values()) > 1:
        words += ["--suite", key.suite]
    if run.trials > 1:
        words += ["--trial", str(key.trial)]
    return shlex.join(words)
