"""Chat models, the policies that word prompts, and batching."""

from .batcher import Batcher
from .policies import FunctionPolicy, ToolLLaMAPolicy
from .replay import ReplayModel
from .scripted import ScriptedModel

__all__ = ["Batcher", "FunctionPolicy", "ReplayModel", "ScriptedModel", "ToolLLaMAPolicy"]
