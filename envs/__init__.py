"""Worlds a planner acts in: ToolEnv and its kinds."""

from ..core import ToolEnv
from .recorded import RecordedEnv
from .replay import ReplayEnv
from .shop import ShopEnv

__all__ = ["RecordedEnv", "ReplayEnv", "ShopEnv", "ToolEnv"]
