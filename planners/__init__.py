"""Search algorithms, one a file, each on one screen; they import nothing but the core."""

from .anytool import AnyTool
from .astar import AStar
from .beam import Beam
from .best_first import BestFirst
from .best_of_n import BestOfN
from .cot import CoT
from .dfs_value import DFSValue
from .dfsdt import DFSDT
from .mcts import MCTS
from .react import ReACT
from .reflexion import Reflexion

__all__ = [
    "AStar",
    "AnyTool",
    "Beam",
    "BestFirst",
    "BestOfN",
    "CoT",
    "DFSDT",
    "DFSValue",
    "MCTS",
    "ReACT",
    "Reflexion",
]
