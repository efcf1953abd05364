"""How fast the hub is: ``python -m toolgrove.benchmarks.hub.speed`` (part of ``make bench``)."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time

from rich.console import Console

from ...envs.hub.registry import call, endpoints


def warm_calls(repeats: int = 5) -> list[float]:
    """Milliseconds of a warm call of each API's example, the best of a few."""
    found = []
    for endpoint in endpoints().values():
        call(endpoint, endpoint.example)
        best = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            call(endpoint, endpoint.example)
            best = min(best, time.perf_counter() - start)
        found.append(1000 * best)
    return sorted(found)


async def served(url: str, calls: int, connections: int = 16) -> float:
    """Calls a second of a served hub, over kept connections."""
    host, _, port = url.removeprefix("http://").partition(":")
    examples = [
        json.dumps({"tool": e.tool.name, "api": e.name, "arguments": e.example}).encode()
        for e in endpoints().values()
    ]

    async def client(share: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for i in range(share):
            body = examples[i % len(examples)]
            head = f"POST /call HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*[client(calls // connections) for _ in range(connections)])
    return calls / (time.perf_counter() - start)


def import_seconds(module: str, runs: int = 3) -> float:
    """Seconds that importing a module takes, the interpreter's start left out."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    done = [
        subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(runs)
    ]
    return min(float(d.stdout) for d in done)


def main() -> None:
    """Print the figures."""
    console = Console(highlight=False)
    for module in ("toolgrove", "toolgrove.envs.hub.env"):
        console.print(f"import {module}: {import_seconds(module):.3f} s (target 0.3)")
    times = warm_calls()
    ninth = times[int(0.9 * len(times))]
    console.print(
        f"warm call of {len(times)} APIs: median {statistics.median(times):.3f} ms (target 1), "
        f"90 % under {ninth:.2f} ms, slowest {times[-1]:.1f} ms"
    )
    command = [sys.executable, "-m", "toolgrove", "hub", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            asyncio.run(served(url, len(times), connections=1))  # loads the libraries
            rate = asyncio.run(served(url, 16 * len(times)))
        finally:
            process.terminate()
    console.print(f"served over HTTP: {rate:.0f} calls a second (target 1,000)")


if __name__ == "__main__":
    main()
