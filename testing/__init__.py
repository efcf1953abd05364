"""Public conformance kits, as Gymnasium's ``check_env``: run them over your own components."""

from .envs import check_env
from .models import check_model
from .planners import check_planner

__all__ = ["check_env", "check_model", "check_planner"]
