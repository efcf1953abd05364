"""Which of the probed APIs pass, and how many are left after each stage."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..core.lines import scan
from .documents import Document, write_documents
from .probe import CALLS, Prober
from .probe_config import ProbeConfig
from .probe_subjects import Call, Subject
from .writing import write_json, write_lines

STAGES: Final = ("called", "asked", "works", "fast", "good", "unlike", "tools")

ARGUED: Final = frozenset({"error", "bad_arguments", "http_error"})  # perhaps of the arguments


@dataclass(frozen=True)
class Result:
    """What a probe found of one API.

    Attributes:
        subject: the API, with its calls.
        owed: calls still to be made.
        works: share of its calls with status ok.
        good: share of its ok answers that are good.
        p50, p95: seconds, by nearest rank, over all its calls.
        shared: APIs that gave one of its good answers word for word, itself included.
        repeats: calls with different arguments had the same ok answer.
        stage: the stage at which it is dropped; "" where it passes.
        why: the reason, in a word.
    """

    subject: Subject
    owed: int
    works: float
    good: float
    p50: float
    p95: float
    shared: int
    repeats: bool
    stage: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """A line of ``report.jsonl``."""
        calls, api = list(self.subject.calls.values()), self.subject.document.api
        return {
            "api": api.name,
            "category": api.category,
            "tool": api.tool,
            "dropped": self.stage,
            "why": self.why,
            "calls": len(calls),
            "owed": self.owed,
            "statuses": dict(Counter(call.status for call in calls)),
            "quality": dict(Counter(call.quality for call in calls if call.quality)),
            "works": round(self.works, 4),
            "good": round(self.good, 4),
            "p50": round(self.p50, 6),
            "p95": round(self.p95, 6),
            "shared": self.shared,
            "repeats": self.repeats,
            "guessed": any(call.guessed for call in calls),
        }


def judge(subjects: Sequence[Subject], config: ProbeConfig) -> list[Result]:
    """What each API is worth; the stages are those of STAGES, in that order.

    * ``called``: the environment has it, and calling it changes nothing (or ``unsafe``);
    * ``asked``: all its calls were made (a stopped API owes none);
    * ``works``, ``fast``, ``good``: shares and latencies of the config's section ``filter``;
    * ``unlike``: not one of many APIs that give the same answer word for word;
    * ``tools``: its tool has APIs enough that pass.
    """
    sharing: dict[str, set[str]] = defaultdict(set)
    for subject in subjects:
        for call in _good(subject, config):
            sharing[call.digest].add(subject.name)
    results = [_result(subject, config, sharing) for subject in subjects]
    passing = Counter(_tool(r.subject) for r in results if not r.stage)
    return [
        replace(r, stage="tools", why="few_apis")
        if not r.stage and passing[_tool(r.subject)] < config.filter.apis
        else r
        for r in results
    ]


def _good(subject: Subject, config: ProbeConfig) -> list[Call]:
    """The good answers that are long enough to be told apart."""
    least = config.quality.shortest_shared
    return [c for c in subject.calls.values() if c.quality == "good" and c.characters >= least]


def _tool(subject: Subject) -> tuple[str, str]:
    api = subject.document.api
    return api.category, api.tool


def _result(subject: Subject, config: ProbeConfig, sharing: Mapping[str, set[str]]) -> Result:
    calls = list(subject.calls.values())
    ok = [call for call in calls if call.status == "ok"]
    good = [call for call in ok if call.quality == "good"]
    latencies = sorted(call.latency for call in calls)
    sent: dict[str, set[str]] = defaultdict(set)
    for call in ok:
        sent[call.digest].add(call.arguments)
    result = Result(
        subject,
        len(subject.owed(config)),
        len(ok) / len(calls) if calls else 0.0,
        len(good) / len(ok) if ok else 0.0,
        _rank(latencies, 0.5),
        _rank(latencies, 0.95),
        max((len(sharing[call.digest]) for call in _good(subject, config)), default=0),
        any(len(arguments) > 1 for arguments in sent.values()),
    )
    stage, why = _stage(result, calls, config)
    return replace(result, stage=stage, why=why)


def _stage(result: Result, calls: Sequence[Call], config: ProbeConfig) -> tuple[str, str]:
    limit = config.filter
    if result.subject.why:
        return "called", result.subject.why
    if result.owed:
        return "asked", "owed"
    if not calls or result.works < limit.works:
        failed = [call for call in calls if call.status != "ok"]
        if failed and all(call.guessed and call.status in ARGUED for call in failed):
            return "works", "guessed"  # it may work: nobody said with which arguments
        bad = Counter(call.status for call in failed)
        return "works", bad.most_common(1)[0][0] if bad else "ok"
    if result.p50 > limit.p50 or result.p95 > limit.p95:
        return "fast", "p50" if result.p50 > limit.p50 else "p95"
    if result.good < limit.good or not any(call.quality == "good" for call in calls):
        wrong = Counter(call.quality for call in calls if call.quality not in ("", "good"))
        return "good", wrong.most_common(1)[0][0] if wrong else "none"
    if limit.shared and result.shared > limit.shared:
        return "unlike", "shared"
    return "", ""


def _rank(ordered: Sequence[float], share: float) -> float:
    """The value at a share of a sorted list, by nearest rank; 0 where it is empty."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def stages(results: Sequence[Result]) -> list[dict[str, Any]]:
    """How many APIs and tools are left after each stage, and why the others are not."""
    left = list(results)
    rows: list[dict[str, Any]] = [{"stage": "collected", **_counted(left), "dropped": {}}]
    for stage in STAGES:
        gone = Counter(r.why for r in left if r.stage == stage)
        left = [r for r in left if r.stage != stage]
        rows.append({"stage": stage, **_counted(left), "dropped": dict(gone.most_common())})
    return rows


def _counted(results: Sequence[Result]) -> dict[str, int]:
    return {"apis": len(results), "tools": len({_tool(r.subject) for r in results})}


def kept(results: Sequence[Result], folder: Path, config: ProbeConfig) -> list[Document]:
    """The documents that pass, with good answers before the examples they had.

    The answers are read from ``calls.jsonl``, so that a large probe is never whole in memory.
    """
    passing = {r.subject.name: r.subject for r in results if not r.stage}
    answers: dict[str, dict[int, str]] = defaultdict(dict)
    most = config.quality.examples
    for _, record in scan(folder / CALLS):
        if record is None or record["api"] not in passing:
            continue
        call = passing[record["api"]].calls.get(record["n"])
        if call is None or call.digest != record["digest"] or call.quality != "good":
            continue
        if len(record["answer"]) == call.characters:
            answers[record["api"]].setdefault(record["n"], record["answer"])
    documents = []
    for name, subject in passing.items():
        given = [answers[name][n] for n in sorted(answers[name])]
        examples = tuple(dict.fromkeys([*given, *subject.document.examples]))[:most]
        documents.append(replace(subject.document, examples=examples))
    return documents


def summary(prober: Prober, results: Sequence[Result]) -> dict[str, Any]:
    """``report.json``: the stages, and all calls together."""
    calls = [call for subject in prober.subjects for call in subject.calls.values()]
    latencies = sorted(call.latency for call in calls)
    return {
        "complete": not any(r.owed for r in results),
        "stages": stages(results),
        "calls": len(calls),
        "owed": sum(r.owed for r in results),
        "delayed": dict(list(prober.delayed.items())[:20]),
        "torn_lines": prober.torn,
        "statuses": dict(Counter(call.status for call in calls).most_common()),
        "quality": dict(Counter(call.quality for call in calls if call.quality).most_common()),
        "latency": {"p50": _rank(latencies, 0.5), "p95": _rank(latencies, 0.95)},
        "config": prober.config.model_dump(mode="json"),
    }


def write(prober: Prober) -> dict[str, Any]:
    """Write the reports, and the table of APIs that pass once no call is owed; the summary."""
    results = judge(prober.subjects, prober.config)
    write_lines(prober.folder / "report.jsonl", (r.to_json() for r in results))
    found = summary(prober, results)
    if found["complete"]:
        documents = kept(results, prober.folder, prober.config)
        write_documents(documents, prober.folder / "apis.jsonl")
        found["examples"] = sum(len(document.examples) for document in documents)
    else:  # one of a smaller probe would not fit the report
        (prober.folder / "apis.jsonl").unlink(missing_ok=True)
    write_json(prober.folder / "report.json", found)
    return found
