"""What stands between two runs and a fair comparison: settings that differ, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..core import UsageError, make
from .comparison import Comparison, Contender, Pair, TaskScore
from .judges.choosing import oracle
from .scored import ScoredRun
from .summary import answered

SETTINGS = ("policy", "evaluator", "budget", "trials", "seed")


def caveats(comparison: Comparison) -> list[str]:
    """What a reader must know before believing the figures, a sentence each.

    Judges, models, environments, prompts, budgets, seeds and versions that differ between runs;
    verdicts of one judge that were given by several prompts or models; tasks that one side lacks;
    trials of which nothing is known; tools' answers that a model made up; searches that were given
    the tasks' own answers.
    """
    said = [text for pair in comparison.pairs for text in _of_pair(pair)]
    said += [text for one in comparison.contenders if (text := _unknown(one))]
    said += [text for one in comparison.contenders if (text := _simulated(one))]
    said += [text for one in comparison.contenders if (text := _oracle(one))]
    return list(dict.fromkeys(said))


def _of_pair(pair: Pair) -> Iterable[str]:
    first, second = pair.first, pair.second
    if not pair.tasks:
        yield f"{first.label} and {second.label} have no task in common: they are not compared"
        return
    if first.run is not second.run:
        yield from _settings(pair)
    for one, other, alone in ((first, second, pair.alone[0]), (second, first, pair.alone[1])):
        if alone:
            count = f"{len(alone)} tasks" if len(alone) > 1 else "1 task"
            such = ", ".join(score.task for score in alone[:3]) + (", .." if alone[3:] else "")
            yield f"{count} of {one.run.path} not compared: {other.run.path} has no equal ({such})"
    yield from _judged(pair)


def _settings(pair: Pair) -> Iterable[str]:
    """What was set otherwise in the two runs, on the suites that were paired."""
    one, other = pair.first.run, pair.second.run
    names = f"{one.path} and {other.path}"
    suites = sorted({(a.suite, b.suite) for a, b in pair.tasks})
    for what in ("judge", "model", "env"):
        differing = {
            (_of_suite(one, what, a), _of_suite(other, what, b)): a for a, b in reversed(suites)
        }
        for (mine, its), suite in reversed(differing.items()):
            if mine != its:
                where = f" (suite {suite})" if len(differing) > 1 else ""
                yield f"{names} differ in {what}{where}: {mine} / {its}"
    here, there = _others(one), _others(other)
    for what in dict.fromkeys((*here, *there)):
        if here.get(what) != there.get(what):
            yield f"{names} differ in {what}: {_said(here.get(what))} / {_said(there.get(what))}"
    files, held = (run.directory.config["identity"].get("files", {}) for run in (one, other))
    for name in files:
        if name in held and files[name] != held[name]:
            yield f"{names} differ in what the file {name} held"


def _of_suite(run: ScoredRun, what: str, suite: str) -> str:
    if what == "judge":
        return run.judges[suite]
    found = run.directory.config["identity"][what]
    return str(found if isinstance(found, str) else found[suite])


def _others(run: ScoredRun) -> dict[str, Any]:
    """The settings that hold for a whole run."""
    config = run.directory.config
    identity = config["identity"]
    found = {what: identity.get(what) for what in SETTINGS}
    if match := identity.get("match"):
        found["matched cost"] = f"{match} of {identity['reference']}"
    prints = {"prompts": identity.get("prompts"), **config.get("fingerprints", {})}
    found |= {f"the fingerprint of its {what}": value for what, value in prints.items()}
    found["toolgrove's version"] = config.get("versions", {}).get("toolgrove")
    return found


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{k}={v}" for k, v in value.items())
    return "none" if value in (None, "") else str(value)


def _judged(pair: Pair) -> Iterable[str]:
    """Verdicts under one judge's name that rest on several prompts or models."""
    marks: dict[str, dict[str, set[str]]] = {}
    for contender, scores in zip(
        (pair.first, pair.second), zip(*pair.tasks, strict=True), strict=True
    ):
        for judge, mark in _given_by(contender, scores):
            marks.setdefault(judge, {}).setdefault(mark, set()).add(str(contender.run.path))
    for judge, found in marks.items():
        if len(found) > 1:
            told = "; ".join(
                f"{mark or 'unnamed'} in {', '.join(sorted(runs))}"
                for mark, runs in sorted(found.items())
            )
            yield (
                f"verdicts of the judge {judge} were given with different prompts or models "
                f"({told}): `toolgrove score RUN --judge '{judge}'` gives all of a run anew"
            )


def _given_by(contender: Contender, scores: Iterable[TaskScore]) -> Iterable[tuple[str, str]]:
    for score in scores:
        for item in score.items:
            verdict = item.verdict
            if verdict is not None and verdict.decision != "unjudged":
                yield contender.run.judges[score.suite], verdict.by


def _unknown(contender: Contender) -> str:
    """Trials that count as not passed although nothing is known of them."""
    items = [item for score in contender.tasks for item in score.items]
    outcomes = [item.outcome for item in items if item.value is None]
    if not outcomes:
        return ""
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes))
    return (
        f"{contender.label}: {counts} of {len(items)} planned trials, counted as not passed though "
        f"nothing is known of them"
    )


def _simulated(contender: Contender) -> str:
    """How many of the tools' answers a model made up; "" for none."""
    trials = [i.trial for i in contender.run.of(contender.planner) if i.trial is not None]
    _, share = answered(trials)
    return f"{share:.1%} of the tools' answers to {contender.label} were simulated" if share else ""


def _oracle(contender: Contender) -> str:
    """Whether a search was given the truth; "" for others."""
    given = contender.run.directory.config["identity"].get("evaluator") or ""
    try:
        scores = make("planners", contender.planner).needs_evaluator
    except UsageError:
        scores = False
    if oracle(contender.planner) or (scores and oracle(given)):
        return (
            f"{contender.label} chose by the tasks' own answers: an oracle, no planner that a user "
            f"can have"
        )
    return ""
