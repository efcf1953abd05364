"""The hub's tools, a module a category; see :mod:`toolgrove.envs.hub.registry`."""
