"""ToolBench's and StableToolBench's evaluation files: read, written, and scored as they do it."""

from .compat import QUIRKS, Quirk, scored_files
from .converted import Converted, as_trial, convert, converted_of, read_converted
from .files import read_pass_rates, read_preferences, read_table
from .labels import parse_status, parse_toolalpaca

__all__ = [
    "QUIRKS",
    "Converted",
    "Quirk",
    "as_trial",
    "convert",
    "converted_of",
    "parse_status",
    "parse_toolalpaca",
    "read_converted",
    "read_pass_rates",
    "read_preferences",
    "read_table",
    "scored_files",
]
