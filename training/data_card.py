"""What a data set holds, counted as it is written, and the card that says so.

Counts and histograms only: a data set of any size needs the same memory, but for one number for
each distinct length and API.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

from ..core import FINISH, Prompt
from ..models.policies import fill
from ..models.tokens import PRIMING, tally_of
from ..models.tokens import Counter as TokenCounter
from .annotated import Solved, misled
from .sft import Row

_LEVEL: Final = re.compile(r"(?<![a-z0-9])[gi]([123])(?![0-9])", re.IGNORECASE)
MOST_APIS: Final = 100  # that data.json names


class Statistics:
    """Counts of rows and of the paths they come from.

    Args:
        counter: what counts tokens; None counts none.
        licences: by the name of an API, where a table of documents tells them.

    Attributes:
        duplicates: rows that were there already and were left out.
    """

    def __init__(
        self, counter: TokenCounter | None = None, licences: Mapping[str, str] | None = None
    ) -> None:
        self.counter, self._licences = counter, licences
        self.duplicates = self.rows = self.paths = self.recovered = self.learnt = 0
        self.turns: Counter[int] = Counter()
        self.messages: Counter[int] = Counter()
        self.characters: Counter[int] = Counter()
        self.tokens: Counter[int] = Counter()
        self.calls: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()

    def path(self, solved: Solved) -> None:
        """Count the path of a trial that gave at least one row."""
        nodes = solved.winner.path()[1:]
        self.paths += 1
        self.turns[len(nodes)] += 1
        self.recovered += any(map(misled, nodes))
        self.levels[level_of(solved)] += 1
        self.calls.update(n.action.api for n in nodes if n.action is not None and not misled(n))

    def row(self, row: Row) -> None:
        """Count a row."""
        self.rows += 1
        self.learnt += row.learnt
        self.messages[len(row.prompt)] += 1
        self.characters[_letters(row.prompt)] += 1
        if self.counter is not None:
            tally = tally_of(self.counter)
            self.tokens[PRIMING + tally.prompt(row.prompt) + tally.tools(row.tools)] += 1

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        apis = [name for name in self.calls if name != FINISH]
        told: dict[str, Any] = {
            "rows": self.rows,
            "duplicates": self.duplicates,
            "paths": self.paths,
            "learnt_turns": self.learnt,
            "paths_with_recovery": self.recovered,
            "levels": dict(sorted(self.levels.items())),
            "turns_a_path": spread(self.turns),
            "messages_a_row": spread(self.messages),
            "characters_a_row": spread(self.characters),
            "apis": len(apis),
            "calls": dict(_most(self.calls, MOST_APIS)),
        }
        if self.counter is not None:
            exact = self.counter.exact
            told["tokens"] = {"counter": self.counter.name, "exact": exact, **spread(self.tokens)}
        if self._licences is not None:
            found = Counter(self._licences.get(api) or "unknown" for api in apis)
            told["licences"] = dict(_most(found))
        return told


def level_of(solved: Solved) -> str:
    """I1, I2 or I3 by the task's group or suite (ToolBench says G1 ..); else ``other``."""
    for name in (solved.task.group, solved.trial.key.suite):
        if found := _LEVEL.search(name.replace("_", "-")):
            return f"I{found[1]}"
    return "other"


def spread(counts: Mapping[int, int]) -> dict[str, float]:
    """Sum, mean, ends and percentiles (nearest rank) of a histogram; {} of an empty one."""
    n = sum(counts.values())
    if not n:
        return {}
    total = sum(value * count for value, count in counts.items())
    told: dict[str, float] = {"total": total, "mean": round(total / n, 3)}
    told["min"], told["max"] = min(counts), max(counts)
    wanted = {f"p{p}": -(-n * p // 100) for p in (50, 90, 95, 99)}  # the rank, rounded up
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        for name in [name for name, rank in wanted.items() if seen >= rank]:
            told[name] = value
            del wanted[name]
    return told


def card(info: Mapping[str, Any]) -> str:
    """The card of a data set, in Markdown, from what its ``data.json`` says."""
    text = (files("toolgrove.training") / "data" / "data_card.md").read_text("utf-8")
    stats: Mapping[str, Any] = info["statistics"]
    lengths = [
        ("turns of a path", stats["turns_a_path"]),
        ("messages of a row", stats["messages_a_row"]),
        ("characters of a row", stats["characters_a_row"]),
    ]
    if "tokens" in stats:
        about = stats["tokens"]["counter"] + (
            "" if stats["tokens"]["exact"] else ", no exact count"
        )
        lengths.append((f"tokens of a row ({about})", stats["tokens"]))
    share = 100 * stats["paths_with_recovery"] / max(1, stats["paths"])
    licences = [*info["licences"], *stats.get("licences", {})]
    values = {
        "title": _cell(info["name"]),
        "what": _WHAT[info["format"], info["learn"]],
        "shape": info["shape"],
        "policy": info["policy"]["spec"],
        "fingerprint": info["policy"]["fingerprint"],
        "rows": f"{info['rows']:,}",
        "file": f"{info['format']}.jsonl",
        "sha256": info["sha256"],
        "paths": f"{stats['paths']:,}",
        "learnt": f"{stats['learnt_turns']:,}",
        "duplicates": f"{stats['duplicates']:,}",
        "recovery": f"{stats['paths_with_recovery']:,} ({share:.0f} %)",
        "apis": f"{stats['apis']:,}",
        "sources": _sources(info["sources"]),
        "levels": _table(("level", "paths"), stats["levels"].items()),
        "lengths": _table(
            ("", "mean", "min", "p50", "p90", "p95", "p99", "max"),
            [(name, *(_number(s.get(k)) for k in _COLUMNS)) for name, s in lengths],
        ),
        "calls": _table(("API", "calls"), list(stats["calls"].items())[:20]),
        "licences": ", ".join(_cell(each) for each in licences) or "not given",
        "version": info["toolgrove"],
    }
    return fill(text, values)


_COLUMNS: Final = ("mean", "min", "p50", "p90", "p95", "p99", "max")
_WHAT: Final = {
    ("sft", "last"): "Supervised rows, one for each turn of a successful path. The last message "
    "of a row is learnt, the others are what was asked.",
    ("sft", "all"): "Supervised rows, one for each successful path. All assistant turns are "
    "learnt, but those with `weight` 0: the model's own mistakes, there to recover from.",
    ("dpo", "preference"): "Preference pairs: a turn of a successful path (`chosen`) against a "
    "sibling in the search tree that led nowhere (`rejected`), after one `prompt`.",
}


def _sources(sources: Iterable[Mapping[str, Any]]) -> str:
    rows = []
    for source in sources:
        left = ", ".join(f"{count} {reason}" for reason, count in source["left_out"].items())
        rows.append(
            (source["run"], ", ".join(source["suites"]), ", ".join(source["planners"]),
             _spec(source["model"]), _spec(source["judge"]), source["planned"], source["used"],
             left or "none")
        )  # fmt: skip
    head = ("run", "suites", "planners", "model", "judge", "trials", "used", "left out")
    return _table(head, rows)


def _spec(value: object) -> str:
    """A spec, or one for each suite."""
    if isinstance(value, Mapping):
        return ", ".join(f"{suite}: {spec}" for suite, spec in value.items())
    return str(value or "")


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *[[_cell(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    """A cell that stays one, whatever a model or a provider wrote."""
    text = " ".join(str(value).split()).replace("\\", "\\\\")
    return re.sub(r"([|<>`\[\]*])", r"\\\1", text)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else "-"


def _letters(prompt: Prompt) -> int:
    return sum(
        len(m.content or "") + sum(len(name) + len(text) for name, text in m.calls) for m in prompt
    )


def _most(counts: Counter[str], n: int | None = None) -> list[tuple[str, int]]:
    """The most common, equal ones by name."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:n]
