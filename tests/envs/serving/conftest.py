"""A served world: the real server in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from toolgrove.core import World

Serving = Callable[..., AbstractContextManager[str]]


@contextmanager
def _serving(world: World, **options: Any) -> Iterator[str]:
    import uvicorn

    from toolgrove.envs.serving.app import application
    from toolgrove.envs.serving.listen import hosts_of, listening, url_of

    listener = listening("127.0.0.1", 0)
    app = application(world, **{"hosts": hosts_of("127.0.0.1"), **options})
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield url_of("127.0.0.1", listener)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive(), "the server did not stop"


@pytest.fixture(scope="session")
def serving() -> Serving:
    """Serves a world while the block runs; gives its address."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    return _serving
