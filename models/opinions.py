"""What the simulated model says when it is asked about paths: it sees errors, and errs by chance.

One reply in five is drawn by chance. Otherwise a path looks better the more of its results are
free of errors. It never looks at the task's solution: an evaluator is worth what it can see.
"""

from __future__ import annotations

import json
import random
import re
from typing import Final

CARELESS: Final = 0.2  # share of the replies that are drawn by chance
_ERROR = re.compile(r'"error": "[^"]')
_FINE = re.compile(r'"error": ""')
_CALL = re.compile(r"^Call: ([\w.-]+)\((.*)\)\nResult: (.*)$", re.M)


def opinion(purpose: str, question: str, rng: random.Random) -> str:
    """The reply to a question, by its purpose (``ask.`` and the topic)."""
    match purpose:
        case "ask.value":
            return valued(question, rng)
        case "ask.vote":
            return voted(question, rng)
        case "ask.reflect":
            return reflected(question)
        case "ask.lacking":
            return question.partition("Task: ")[2].partition("\n")[0]
    return judged(question, rng)


def judged(question: str, rng: random.Random) -> str:
    """A or B: mostly the candidate whose path shows fewer errors."""
    a, _, b = question.partition("Candidate B:")
    score = [-len(_ERROR.findall(part)) for part in (a, b)]
    if score[0] == score[1] or rng.random() < CARELESS:
        return rng.choice("AB")
    return "A" if score[0] > score[1] else "B"


def valued(question: str, rng: random.Random) -> str:
    """A number from 0 to 10, or one of three words where these are asked for."""
    score = min(10, max(0, looks(question)))
    if rng.random() < CARELESS:
        score = rng.randint(0, 10)
    if "impossible" not in question:
        return str(score)
    return "sure" if score >= 8 else "likely" if score >= 3 else "impossible"


def voted(question: str, rng: random.Random) -> str:
    """The number of the candidate that looks best."""
    scores = [looks(part) for part in re.split(r"^Candidate \d+:\n", question, flags=re.M)[1:]]
    if not scores or rng.random() < CARELESS:
        return str(rng.randint(1, max(1, len(scores))))
    best = [i for i, score in enumerate(scores, 1) if score == max(scores)]
    return str(rng.choice(best))


def reflected(question: str) -> str:
    """The calls of a path that failed, or else its last two."""
    calls = _CALL.findall(question)
    told = [call for call in calls if not _FINE.search(call[2])][-3:] or calls[-2:]
    keys = ("name", "arguments", "function_output")
    listed = [dict(zip(keys, call, strict=True)) for call in told]
    return f"These calls led nowhere, do something else: {json.dumps(listed, indent=1)}"


def looks(text: str) -> int:
    """How good a path looks, from 0 to 10 and beyond."""
    ended = 2 if "Final answer:" in text else 0
    return 4 + len(_FINE.findall(text)) - 2 * len(_ERROR.findall(text)) + ended
