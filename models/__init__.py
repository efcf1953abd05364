"""Chat models, the policies that word prompts, and batching."""

from .batcher import Batcher
from .cache import Cached
from .context import Guarded
from .policies import FunctionPolicy, ToolLLaMAPolicy
from .replay import ReplayModel
from .scripted import ScriptedModel

__all__ = [
    "Batcher",
    "Cached",
    "FunctionPolicy",
    "Guarded",
    "ReplayModel",
    "ScriptedModel",
    "ToolLLaMAPolicy",
]
