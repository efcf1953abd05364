"""How far a judge agrees with people, and what its pass rate would be without its errors.

People's labels are the truth here: a judge is sensitive where it passes what people pass, and
specific where it fails what they fail. Shares are weighted by the sample's weights, so that they
stand for all judged answers of the run; their intervals are those of a sample of the effective
size (Kish 1965: the squared sum of the weights over the sum of their squares).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, mean, pvariance
from typing import Final, NamedTuple

import numpy as np
from statsmodels.stats.inter_rater import cohens_kappa  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from .inference import rate_interval
from .labelling import Label, Labels
from .sample import Sample
from .scored import Item, ScoredRun

# What ToolLLM's authors give for their own judge, ToolEval by ChatGPT, beside which ours stands.
PAPER: Final = {"agreement": 0.758, "variance of the judge": 0.0347, "variance of people": 0.0397}
Z: Final = NormalDist().inv_cdf(0.975)


class Estimate(NamedTuple):
    """A figure with its 95 % interval.

    Attributes:
        value: None where there is none.
        low, high: None where the value is, or where the formula gives no width.
        answers: how many it comes from.
        size: the effective number, which the interval is for.
        why: there is no value, or no interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    answers: int = 0
    size: float = 0.0
    why: str = ""


class Pair(NamedTuple):
    """An answer that both the judge and people decided: whether it passed."""

    judge: bool
    people: bool
    weight: float = 1.0


@dataclass(frozen=True)
class Agreement:
    """The judge against people.

    Attributes:
        both, judge_only, people_only, neither: answers passed by whom, unweighted.
        agreement: the share on which they agree.
        kappa: Cohen's (1960), with the standard error of Fleiss, Cohen and Everitt (1969).
        sensitivity: of what people pass, the share that the judge passes.
        specificity: of what people fail, the share that the judge fails.
    """

    both: int
    judge_only: int
    people_only: int
    neither: int
    agreement: Estimate
    kappa: Estimate
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True)
class Repeats:
    """How far decisions on one and the same answer differ.

    Attributes:
        of: whose, in words.
        differ: the chance that two decisions on an answer differ, a mean over the answers that
            have two or more; for two looks the share that changed.
    """

    of: str
    differ: Estimate

    @property
    def variance(self) -> float | None:
        """Of decisions taken as 0 and 1, within an answer: half the chance that two differ."""
        return None if self.differ.value is None else self.differ.value / 2


@dataclass(frozen=True)
class Corrected:
    """A pass rate over the trials planned, and what it is without the judge's errors.

    Attributes:
        planner: None for all.
        planned, judged, passed: trials; those judged are answers that passed or failed.
        unjudged: answers that the judge did not decide; never passed, and not corrected.
        unknown: trials of which nothing is known: not run, or ended by an error not their own.
        rate: passed over planned, as judged.
        corrected: the same by Rogan and Gladen.
    """

    planner: str | None
    planned: int
    judged: int
    passed: int
    unjudged: int
    unknown: int
    rate: float
    corrected: Estimate


@dataclass(frozen=True)
class Calibration:
    """All that labels say of a judge.

    Attributes:
        labelled: for each rater the places with a label, of ``shown``.
        shown: places on the page.
        left_out: answers of the sample that are not compared, by the reason.
        agreement: the judge against people.
        each: its agreement with each rater alone, by first looks; ties are not left out of it.
        repeats: of the judge, of people, between people.
        rates: of all planners, then of each.
    """

    labelled: Mapping[str, int]
    shown: int
    left_out: Mapping[str, int]
    agreement: Agreement
    each: Mapping[str, Estimate]
    repeats: tuple[Repeats, ...]
    rates: tuple[Corrected, ...]


def calibrate(sample: Sample, run: ScoredRun, labels: Sequence[Labels]) -> Calibration:
    """Compare the judge that ``run`` was read with to people.

    People decide an answer by the majority of their first looks; second looks count for the
    repeats only. ``cannot say`` is no decision, and a tie none either.

    Args:
        sample: what they looked at.
        run: its verdicts.
        labels: checked, one a person.
    """
    looks = [_looks(sample, one.given) for one in labels]
    left_out: Counter[str] = Counter()
    pairs = []
    for index, drawn in enumerate(sample.answers):
        people = _majority([mine[index][0] for mine in looks if mine.get(index)])
        judged = run[drawn.key].outcome
        if judged not in ("passed", "failed"):
            left_out["the judge gives no verdict"] += 1
        elif people in ("passed", "failed"):
            pairs.append(Pair(judged == "passed", people == "passed", drawn.weight))
        else:
            left_out[people] += 1
    found = agreement(pairs)
    each = {}
    for one, mine in zip(labels, looks, strict=True):
        own = [
            (run[drawn.key].outcome == mine[index][0], drawn.weight)
            for index, drawn in enumerate(sample.answers)
            if run[drawn.key].outcome in ("passed", "failed")
            and mine.get(index, ["cannot say"])[0] != "cannot say"
        ]
        each[one.rater] = _share(own, "decided no answer")
    rates = [corrected(run.items, found.sensitivity, found.specificity)]
    if len(run.planners) > 1:
        rates += [
            corrected(run.of(planner), found.sensitivity, found.specificity, planner)
            for planner in run.planners
        ]
    return Calibration(
        {one.rater: len(one.given) for one in labels},
        len(sample.shown),
        dict(left_out),
        found,
        each,
        (
            repeats("the judge", [_votes(item) for item in run.items], NO_VOTES),
            repeats(
                "a person",
                [_decided(own) for mine in looks for own in mine.values()],
                "nobody decided an answer twice",
            ),
            repeats(
                "two persons",
                [
                    _decided([mine[index][0] for mine in looks if mine.get(index)])
                    for index in range(len(sample.answers))
                ],
                "no answer was decided by two people",
            ),
        ),
        tuple(rates),
    )


SPLIT: Final = "people disagree evenly"
NO_VOTES: Final = "it gives no votes: asked again it says the same"


def agreement(pairs: Sequence[Pair]) -> Agreement:
    """Agreement, kappa, sensitivity and specificity.

    Args:
        pairs: of the answers that both decided.
    """
    counts = Counter((pair.judge, pair.people) for pair in pairs)
    passed = [pair for pair in pairs if pair.people]
    failed = [pair for pair in pairs if not pair.people]
    return Agreement(
        counts[True, True],
        counts[True, False],
        counts[False, True],
        counts[False, False],
        _share([(p.judge == p.people, p.weight) for p in pairs], "people decided no answer"),
        _kappa(pairs),
        _share([(p.judge, p.weight) for p in passed], "people passed no answer"),
        _share([(not p.judge, p.weight) for p in failed], "people failed no answer"),
    )


def repeats(of: str, decisions: Iterable[Sequence[bool]], why: str) -> Repeats:
    """How far decisions on one answer differ; answers with less than two are left out.

    Args:
        of: whose they are.
        decisions: for each answer, whether each decision passed it.
        why: said where no answer has two.
    """
    several = [given for given in decisions if len(given) > 1]
    if not several:
        return Repeats(of, Estimate(None, why=why))
    values = [
        2 * sum(given) * (len(given) - sum(given)) / (len(given) * (len(given) - 1))
        for given in several
    ]
    found = rate_interval(values)
    count = len(values)
    return Repeats(of, Estimate(mean(values), found.low, found.high, count, float(count)))


def corrected(
    items: Sequence[Item],
    sensitivity: Estimate,
    specificity: Estimate,
    planner: str | None = None,
) -> Corrected:
    """The pass rate without the judge's errors (Rogan and Gladen 1978, Am. J. Epidemiol. 107:71).

    Of q passed and a judged, as shares of the trials planned, (q - a (1 - specificity)) /
    (sensitivity + specificity - 1) pass: their formula where all are judged. What was not answered
    has failed whatever a judge would say, and stays so. The judge is taken to err as often on each
    planner. The interval is that of Lang and Reiczigel (2014, Prev. Vet. Med. 113:13), which adds
    pseudo-counts and a shift to the delta method; the number of trials in it is smaller where those
    of one task are alike. Both are clipped to what is possible, 0 to the share judged.
    It takes the judged answers and the labelled ones for two samples; as the labelled are among the
    judged it is cautious: in simulations (400 answers, 100 labelled, sensitivity and specificity
    of .8 to .97) it covers 98 to 100 %.

    Args:
        items: all trials planned.
        sensitivity: the judge's.
        specificity: the judge's.
        planner: whose they are.
    """
    planned = len(items)
    outcomes = Counter(item.outcome for item in items)
    passed, judged = outcomes["passed"], outcomes["passed"] + outcomes["failed"]
    unknown = sum(item.value is None for item in items) - outcomes["unjudged"]

    def found(estimate: Estimate) -> Corrected:
        return Corrected(
            planner,
            planned,
            judged,
            passed,
            outcomes["unjudged"],
            unknown,
            passed / planned if planned else 0.0,
            estimate,
        )

    se, sp = sensitivity.value, specificity.value
    if not judged:
        return found(Estimate(None, why="no answer was judged"))
    if se is None or sp is None:
        return found(Estimate(None, why=sensitivity.why or specificity.why))
    if se + sp <= 1:
        return found(
            Estimate(
                None,
                why=f"no correction is possible: sensitivity and specificity add up to "
                f"{se + sp:.2f}, and a judge that tells nothing apart has 1",
            )
        )
    share = judged / planned
    value = min(max(_rogan_gladen(passed / planned, share, se, sp), 0.0), share)
    size = _independent(items, sp)
    low, high = _lang_reiczigel(passed / planned, share, size, sensitivity, specificity)
    low, high = min(low, value), max(high, value)
    return found(Estimate(value, low, high, planned, size))


def _rogan_gladen(q: float, share: float, se: float, sp: float) -> float:
    return (q - share * (1 - sp)) / (se + sp - 1)


def _lang_reiczigel(
    q: float, share: float, n: float, sensitivity: Estimate, specificity: Estimate
) -> tuple[float, float]:
    assert sensitivity.value is not None and specificity.value is not None
    more = n + Z * Z
    q = (n * q + share * Z * Z / 2) / more
    n_se, n_sp = sensitivity.size + 2, specificity.size + 2
    se = (sensitivity.size * sensitivity.value + 1) / n_se
    sp = (specificity.size * specificity.value + 1) / n_sp
    gain = se + sp - 1
    if gain <= 0:  # by the pseudo-counts alone: so few labels tell nothing
        return 0.0, share
    rate = _rogan_gladen(q, share, se, sp)
    of_se, of_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    # Of what a trial adds to the numerator: sp if passed, sp - 1 if failed, else nothing.
    spread = q * sp**2 + (share - q) * (1 - sp) ** 2 - (q - share * (1 - sp)) ** 2
    variance = spread / more + rate**2 * of_se + (share - rate) ** 2 * of_sp
    shift = 2 * Z * Z * (rate * of_se - (share - rate) * of_sp)
    half = Z * math.sqrt(max(0.0, variance)) / gain
    ends = rate + shift - half, rate + shift + half
    return min(max(ends[0], 0.0), share), min(max(ends[1], 0.0), share)


def _independent(items: Sequence[Item], sp: float) -> float:
    """How many independent trials these are worth: all if each task was run once.

    Trials of one task, by several planners too, are alike: the variance of the tasks' means says
    how much.
    """
    tasks: dict[str, list[float]] = {}
    for item in items:
        worth = {"passed": sp, "failed": sp - 1}.get(item.outcome, 0.0)
        tasks.setdefault(item.digest, []).append(worth)
    values = [value for given in tasks.values() for value in given]
    centre, count = mean(values), len(values)
    if len(tasks) in (1, count):
        return float(len(tasks))
    alone = pvariance(values) / count
    # Of a mean over clusters: the squared sums of what is off the centre (Cochran 1977, 11.8).
    sums = sum(sum(value - centre for value in given) ** 2 for given in tasks.values())
    together = sums / count**2 * len(tasks) / (len(tasks) - 1)
    if not alone or not together:
        return float(len(tasks))
    return max(float(len(tasks)), count / max(1.0, together / alone))


def _share(given: Sequence[tuple[bool, float]], why: str) -> Estimate:
    """A weighted share with Wilson's interval for the effective number."""
    if not given:
        return Estimate(None, why=why)
    total = sum(weight for _, weight in given)
    size = total**2 / sum(weight**2 for _, weight in given)
    value = sum(weight for yes, weight in given if yes) / total
    low, high = proportion_confint(value * size, size, method="wilson")
    return Estimate(value, max(0.0, float(low)), min(1.0, float(high)), len(given), size)


def _kappa(pairs: Sequence[Pair]) -> Estimate:
    if not pairs:
        return Estimate(None, why="people decided no answer")
    total = sum(pair.weight for pair in pairs)
    size = total**2 / sum(pair.weight**2 for pair in pairs)
    table = [[0.0, 0.0], [0.0, 0.0]]
    for pair in pairs:
        table[not pair.judge][not pair.people] += pair.weight / total * size
    if len({pair[:2] for pair in pairs}) == 1 and pairs[0].judge == pairs[0].people:
        return Estimate(None, why="both decided every answer alike: chance alone agrees as often")
    with np.errstate(invalid="ignore"):  # a variance of zero may come out just below it
        found = cohens_kappa(table)
    value, count = float(found.kappa), len(pairs)
    if len({pair.judge for pair in pairs}) == 1 or len({pair.people for pair in pairs}) == 1:
        why = "one side decided every answer alike: it is 0 whatever the other says"
        return Estimate(0.0, answers=count, size=size, why=why)
    if not found.var_kappa > 1e-12:
        return Estimate(value, answers=count, size=size, why="the formula gives it no width")
    low, high = max(-1.0, float(found.kappa_low)), min(1.0, float(found.kappa_upp))
    return Estimate(value, low, high, count, size)


def _looks(sample: Sample, given: Mapping[str, Label]) -> dict[int, list[Label]]:
    """For each answer what one person said of it, in the order of the page."""
    first = {index: place for place, index in reversed(sample.ids.items())}
    found: dict[int, list[Label]] = {}
    for place, index in sample.ids.items():
        if place in given and (place == first[index] or index in found):
            found.setdefault(index, []).append(given[place])
    return found


def _majority(said: Sequence[Label]) -> str:
    """``passed`` or ``failed``, or why it is neither."""
    if not said:
        return "nobody labelled it"
    counts = Counter(said)
    if counts["passed"] == counts["failed"]:
        return SPLIT if counts["passed"] else "people cannot say"
    return "passed" if counts["passed"] > counts["failed"] else "failed"


def _decided(said: Sequence[Label]) -> list[bool]:
    return [label == "passed" for label in said if label != "cannot say"]


def _votes(item: Item) -> list[bool]:
    """The votes of the verdict on an answer."""
    if item.verdict is None:
        return []
    return [v.decision == "passed" for v in item.verdict.votes if v.decision != "unjudged"]
