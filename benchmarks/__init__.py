"""Suites, runner, judges, statistics and reports."""
