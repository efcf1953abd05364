"""The words all rooms share: values, tree, session, budget, journal, pool, registry, run.

Standard library only. Read in this order: values, tree, contracts, session, run.
"""

from .asking import AskTell
from .budget import Budget
from .contracts import Evaluator, Model, Planner, Policy, ToolEnv
from .desk import Pending
from .errors import (
    BadArguments,
    BudgetExhausted,
    EnvironmentFailed,
    EnvMiss,
    ForkError,
    ModelError,
    Paused,
    PlannerError,
    ReplayMismatch,
    ToolError,
    ToolgroveError,
    UsageError,
)
from .hints import Conclude, Hint, Reflections, Siblings, WholePlan
from .journal import Journal
from .pool import EnvPool
from .prompt import Message, Prompt
from .registry import bind, make
from .run import End, Result, run, run_sync
from .session import Session
from .status import CODES, STATUS_OF_CODE, Provenance, Status
from .tree import Node, Tree, final_answer
from .values import (
    API,
    FINISH,
    Action,
    Completion,
    Reply,
    Request,
    Step,
    StepInfo,
    Task,
    ToolCall,
    Turn,
)
from .world import CallWorld, Episodes, World, world

__all__ = [
    "API",
    "CODES",
    "FINISH",
    "STATUS_OF_CODE",
    "Action",
    "AskTell",
    "BadArguments",
    "Budget",
    "BudgetExhausted",
    "CallWorld",
    "Completion",
    "Conclude",
    "End",
    "EnvMiss",
    "EnvPool",
    "EnvironmentFailed",
    "Episodes",
    "Evaluator",
    "ForkError",
    "Hint",
    "Journal",
    "Message",
    "Model",
    "ModelError",
    "Node",
    "Paused",
    "Pending",
    "Planner",
    "PlannerError",
    "Policy",
    "Prompt",
    "Provenance",
    "Reflections",
    "ReplayMismatch",
    "Reply",
    "Request",
    "Result",
    "Session",
    "Siblings",
    "Status",
    "Step",
    "StepInfo",
    "Task",
    "ToolCall",
    "ToolEnv",
    "ToolError",
    "ToolgroveError",
    "Tree",
    "Turn",
    "UsageError",
    "WholePlan",
    "World",
    "bind",
    "final_answer",
    "make",
    "run",
    "run_sync",
    "world",
]
