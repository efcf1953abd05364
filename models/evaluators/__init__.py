"""Evaluators: scores for the nodes of a search; what a planner that ``needs_evaluator`` is handed.

An evaluator is a frozen dataclass that is called with the session and nodes. Its questions go
through the session, so they are in the budget and the journal. Its words stand in ``data/*.toml``.
"""

from .ranking import Ranking
from .scorer import Scorer
from .self_consistency import SelfConsistency
from .truth import Truth
from .value import Value
from .vote import Vote

__all__ = ["Ranking", "Scorer", "SelfConsistency", "Truth", "Value", "Vote"]
