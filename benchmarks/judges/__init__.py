"""Judges decide whether an answered trial passed; a verdict never changes a trial."""

from .plain import Answered, Finish, Judge, Match
from .verdict import Decision, Verdict, Vote
from .voting import Hearing, ModelJudge

__all__ = [
    "Answered",
    "Decision",
    "Finish",
    "Hearing",
    "Judge",
    "Match",
    "ModelJudge",
    "Verdict",
    "Vote",
]
