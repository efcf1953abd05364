"""Search algorithms, one a file, each on one screen; they import nothing but the core."""

from .cot import CoT
from .dfsdt import DFSDT
from .react import ReACT

__all__ = ["CoT", "DFSDT", "ReACT"]
