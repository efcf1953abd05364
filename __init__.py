"""toolgrove grows decision trees over tools.

Planners search, environments answer, the Session between them keeps budget and journal:

    from toolgrove import run_sync
    from toolgrove.planners import DFSDT

``toolgrove.core`` holds the words every other room shares; start reading there.
"""

from .core import run, run_sync

__version__ = "0.1.0"
__all__ = ["__version__", "run", "run_sync"]
