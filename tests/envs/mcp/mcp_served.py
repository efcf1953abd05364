"""A program that serves a world's functions over stdio: ``python mcp_served.py SPEC``."""

from __future__ import annotations

import asyncio
import sys

from toolgrove.core import world
from toolgrove.envs.serving.mcp import serve_stdio

if __name__ == "__main__":
    asyncio.run(serve_stdio(world(sys.argv[1])))
