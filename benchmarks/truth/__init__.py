"""Ground truth: whether a free-text answer says what is true, and which part fails if not.

:func:`check` compares an answer with the truth by the semantic types of the hub. It looks at the
text only; no model is asked.
"""

from __future__ import annotations

from .check import Finding, check

__all__ = ["Finding", "check"]
