"""Calling a Python function: in a thread, in a process, or here; and its result as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal, get_args

from pydantic_core import to_json

from ..core import CODES, Status, ToolError
from ..core.deadline import Overdue, within

log = logging.getLogger("toolgrove")

Run = Literal["thread", "process", "inline"]
RUNS: Final[tuple[str, ...]] = get_args(Run)
THREADS: Final = 64  # that run functions at once, those that hang included
SAID: Final = 2000  # characters of an exception's text
CHILD: Final = "from toolgrove.envs.function_process import main; main()"


async def called(
    function: Callable[..., Any],
    args: list[Any],
    kwargs: Mapping[str, Any],
    *,
    name: str,
    run: Run,
    seconds: float,
    largest: int,
) -> str:
    """The result of a call as JSON; in a thread, or here.

    Raises:
        ToolError: it raised an exception, took too long, or gave no JSON.
        BaseException: KeyboardInterrupt and SystemExit pass as they are.
    """
    work = partial(function, *args, **kwargs)
    waits = inspect.iscoroutinefunction(function)
    try:
        if run == "thread":
            whole = partial(_alone, work) if waits else work
            text: str = await threads.run(lambda: as_json(whole(), name, largest), seconds, name)
            return text
        got = await _awaited(work(), seconds) if waits else _at_once(work)
        return as_json(got, name, largest)
    except (ToolError, Overdue) as error:
        raise late(name, seconds) if isinstance(error, Overdue) else error from None
    except Exception as error:
        raise failed(error, name) from None


def _alone(work: Callable[[], Any]) -> Any:
    """A coroutine's result, in a loop of its own."""
    return asyncio.run(work())


def _at_once(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except asyncio.CancelledError:  # nobody else can have cancelled what never waits
        raise RuntimeError("it cancelled itself") from None


async def _awaited(work: Any, seconds: float) -> Any:
    try:
        return await within(seconds, work)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("it cancelled itself") from None


def late(name: str, seconds: float) -> ToolError:
    """The refusal of a function that took too long."""
    return ToolError(f"{name} did not answer within {seconds:g} s", "timeout")


def failed(error: BaseException, name: str) -> ToolError:
    """What the model is told of an exception: its type and text; the log has the rest."""
    log.debug("function %s failed", name, exc_info=error)
    return ToolError(f"{type(error).__name__}: {text_of(error)}".rstrip(": "))


def text_of(error: BaseException) -> str:
    """An exception's text, whatever its class makes of that."""
    try:
        text = str(error)
    except Exception:
        return ""
    return text if len(text) <= SAID else f"{text[:SAID]}…"


def as_json(value: Any, name: str, largest: int) -> str:
    """A result as JSON: dataclasses, pydantic's models, dates, sets, enums and the like, too.

    Numbers that JSON has not (NaN, infinity) are written as texts.

    Raises:
        ToolError: it cannot be written, or is longer than so many characters.
    """
    if inspect.isgenerator(value) or inspect.isasyncgen(value) or inspect.iscoroutine(value):
        if not inspect.isasyncgen(value):
            value.close()
        raise ToolError(f"{name} gave a {type(value).__name__}, which is no JSON")
    try:
        text = to_json(value, inf_nan_mode="strings").decode()
    except (ValueError, TypeError, RecursionError) as error:
        kind = type(value).__name__
        raise ToolError(f"{name} gave a {kind} that is no JSON: {text_of(error):.300}") from None
    if len(text) > largest:
        raise ToolError(f"{name} gave {len(text)} characters of JSON, more than {largest}")
    return text


class Threads:
    """Threads that run functions, counted: one that hangs cannot be ended, only left alone.

    They are daemons, so that none holds up the end of the process.
    """

    def __init__(self, most: int = THREADS) -> None:
        self.most, self.running = most, 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], Any], seconds: float, name: str) -> Any:
        """The work's result.

        Raises:
            Overdue: it took longer; its thread goes on.
            ToolError: all threads are taken by work that does not end.
            BaseException: what the work raised.
        """
        deadline = time.monotonic() + seconds
        while not self._take():
            if time.monotonic() > deadline:
                words = f"{name} was not called: all {self.most} threads run other functions"
                raise ToolError(words, "unavailable")
            await asyncio.sleep(0.01)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        try:
            thread = threading.Thread(
                target=self._work, args=(work, loop, done), daemon=True, name=f"toolgrove-{name}"
            )
            thread.start()
        except RuntimeError as error:  # the machine has no more
            self._give()
            raise ToolError(f"{name} was not called: {error}", "unavailable") from None
        return await within(max(0.0, deadline - time.monotonic()), _result(done))

    def _work(
        self,
        work: Callable[[], Any],
        loop: asyncio.AbstractEventLoop,
        done: asyncio.Future[Any],
    ) -> None:
        error: BaseException | None = None
        value: Any = None
        try:
            value = work()
        except StopIteration as stop:  # which no future can hold
            error = RuntimeError(f"StopIteration: {stop}")
        except asyncio.CancelledError:
            error = RuntimeError("it cancelled itself")
        except BaseException as other:
            error = other
        finally:
            self._give()

        def settle() -> None:
            if done.done():
                return
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits
            loop.call_soon_threadsafe(settle)

    def _take(self) -> bool:
        with self._lock:
            free = self.running < self.most
            self.running += free
            return free

    def _give(self) -> None:
        with self._lock:
            self.running -= 1


threads = Threads()


async def _result(done: asyncio.Future[Any]) -> Any:
    return await done


async def called_apart(
    place: Mapping[str, str],
    arguments: Mapping[str, Any],
    *,
    name: str,
    seconds: float,
    largest: int,
) -> str:
    """The result of a call as JSON, made in a process of its own that is killed when late.

    Args:
        place: where the process finds the function: ``file`` or ``module``, and ``name``.
        arguments: as JSON; the process checks them again.
        name: of the function, for messages.
        seconds: from the start of the process on, so its imports count.
        largest: characters of a result.

    Raises:
        ToolError: it raised an exception, took too long, died, or gave no JSON.
    """
    asked: dict[str, Any] = {"place": place, "arguments": arguments, "path": sys.path}
    asked |= {"largest": largest, "seconds": seconds}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ToolError(f"{name} was not called: {error.strerror}", "unavailable") from None
    try:
        most = 12 * largest + 65536  # one character may take two escapes
        text = await within(seconds, _talk(process, json.dumps(asked).encode(), most))
    except Overdue:
        raise late(name, seconds) from None
    finally:
        await _ended(process)
    try:
        reply = json.loads(text)
        if "result" in reply:
            return str(reply["result"])
        status: Status = reply["status"] if reply["status"] in CODES else "error"
        if reply.get("traceback"):
            log.debug("function %s failed in its process\n%s", name, reply["traceback"])
        words = str(reply["error"])
    except (ValueError, KeyError, TypeError):
        code = process.returncode
        raise ToolError(f"the process of {name} ended without a result (exit {code})") from None
    raise ToolError(words, status)


async def _talk(process: asyncio.subprocess.Process, asked: bytes, most: int) -> bytes:
    """Ask, and read no more than so many bytes."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(asked)
        await process.stdin.drain()
        process.stdin.close()
    parts, size = [], 0
    while size < most and (part := await process.stdout.read(65536)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill it and all that it started, if anything still runs, and take its exit code."""
    try:
        if sys.exc_info()[0] is None:  # it has answered and ends by itself: with its own exit code
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def traced(error: BaseException) -> str:
    """A traceback as text, its end if it is long."""
    return "".join(traceback.format_exception(error))[-20_000:]
