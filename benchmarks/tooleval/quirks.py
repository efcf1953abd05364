"""What upstream's scoring does that the corrected figure does not, by name."""

from __future__ import annotations

from typing import Final, NamedTuple


class Quirk(NamedTuple):
    """Something that upstream's scoring does, and what is done about it in the corrected figure."""

    name: str
    upstream: str
    corrected: str


QUIRKS: Final[dict[str, Quirk]] = {
    quirk.name: quirk
    for quirk in (
        Quirk(
            "unsolvable_passes",
            "an answer that is not Solved passes where the task looks Unsolvable",
            "it fails; the file keeps the last vote only, so the upper bound counts it as passed",
        ),
        Quirk(
            "tie_coin",
            "ToolBench decides a tie of votes by an unseeded coin (the table; the printed figure "
            "stops with a TypeError); shown as the coin's mean",
            "a tie is one half",
        ),
        Quirk(
            "tie_passes",
            "StableToolBench's pass rate counts a tie as passed (failed <= passed)",
            "a tie is one half",
        ),
        Quirk(
            "judged_denominator",
            "the rate is over the queries in the file",
            "it is over the queries planned; one that is missing counts nothing",
        ),
        Quirk(
            "partial_votes",
            "a query that is in the file is skipped later, though votes of it are missing, and is "
            "scored by those it has",
            "it is unjudged until all votes are there",
        ),
        Quirk(
            "missing_vote_is_zero",
            "StableToolBench's solve rate counts a missing vote as Unsolved",
            "the query is unjudged: the bounds say what the vote could be worth",
        ),
        Quirk(
            "no_finish_fails",
            "an answer whose last call is not Finish fails without a vote of the judge",
            "the same: it is no answer; named, since no judge saw it",
        ),
        Quirk(
            "one_order",
            "the two answers are never swapped (the test for it is always true), so a judge that "
            "prefers a place prefers a model",
            "nothing can be done from the file: compare again in both orders",
        ),
        Quirk(
            "missing_answer_loses",
            "a query that one side lacks, or that passed on one side only, is a win of the other "
            "without a comparison, and is counted again whenever the command is run again",
            "where no comparison was made the query is unjudged",
        ),
        Quirk(
            "ties_are_no_wins",
            "the win rate counts strict majorities only",
            "(wins + ties / 2) / planned",
        ),
        Quirk(
            "fac_default",
            "FAC reads a reply with neither word as Unsolved, and any with 'unsolved' in it, the "
            "reason included; its rate is over the rows of its table",
            "a reply that cannot be read is unjudged",
        ),
        Quirk(
            "finish_words",
            "2023-07: a try passes if its Action Input has none of five words of apology, anywhere "
            "in it; one candidate is enough, chosen or not",
            "the judge `finish` looks at the answer that was given",
        ),
    )
}
