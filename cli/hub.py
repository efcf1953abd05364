"""``toolgrove hub``: the embedded APIs, listed, called, served and exported."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import UsageError
from ..envs.serving.listen import TOKEN
from .app import app
from .serve import MCP, Host, Port, TokenEnv, serve_world

hub = typer.Typer(help="The embedded APIs: real data, offline.", no_args_is_help=True)
app.add_typer(hub, name="hub")


@hub.command("list")
def list_(
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that lack a library.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """List the APIs; those whose library is not installed are left out."""
    from ..envs.hub.registry import endpoints, everything

    found = list((everything() if all_ else endpoints()).values())
    if category is not None:
        there = sorted({e.tool.category for e in found})
        found = [e for e in found if e.tool.category == category]
        if not found:
            raise UsageError(f"no category {category!r}; there are: {', '.join(there)}")
    if as_json:
        for e in found:
            row = {"category": e.tool.category, "tool": e.tool.name, "api": e.name}
            about = {"function": e.api.name, "about": e.about, "parameters": e.api.parameters}
            print(json.dumps({**row, **about, "example": e.example, "available": e.available()}))
        return
    from .tables import simple, stdout

    table = simple("category", "tool", "api", "parameters", "about")
    for e in found:
        params = ", ".join(k if t.required else f"[{k}]" for k, t in e.params.items())
        table.add_row(e.tool.category, e.tool.name, e.name, params, e.about)
    console = stdout()
    console.print(table)
    tools = {e.tool.name for e in found}
    categories = {e.tool.category for e in found}
    console.print(f"{len(found)} APIs of {len(tools)} tools in {len(categories)} categories")
    left = len(everything()) - len(endpoints())
    if left and not all_:
        console.print(f"{left} more need libraries: pip install 'toolgrove[hub-full]'")


@hub.command()
def call(
    tool: Annotated[str, typer.Argument(help="The tool, as `hub list` writes it.")],
    api: Annotated[str, typer.Argument(help="The API.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="key=value ..")] = None,
) -> None:
    """Call an API and print its answer; exit code 1 where it says no."""
    from ..envs.hub.registry import call as call_api
    from ..envs.hub.registry import endpoints, everything

    name = f"{tool}.{api}"
    endpoint = endpoints().get(name)
    if endpoint is None:
        if (known := everything().get(name)) is not None:
            raise UsageError(
                f"{name} needs {', '.join(known.libs)}: pip install 'toolgrove[hub-full]'"
            )
        near = difflib.get_close_matches(name, endpoints(), 1)
        hint = f" (did you mean {near[0].replace('.', ' ')!r}?)" if near else ""
        raise UsageError(f"no API {tool} {api}{hint}; see `toolgrove hub list`")
    given: dict[str, Any] = {}
    for text in arguments or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r}: write key=value, as {_example(endpoint.example)}")
        try:
            given[key] = json.loads(value) if value[:1] in "[{" else value
        except ValueError:
            raise UsageError(f"{text!r}: the value is not valid JSON") from None
    answer = call_api(endpoint, given)
    print(json.dumps(answer, ensure_ascii=False))
    if answer.status != 200:
        raise typer.Exit(1)


def _example(arguments: dict[str, Any]) -> str:
    return " ".join(
        f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in arguments.items()
    )


@hub.command()
def serve(
    host: Host = "127.0.0.1", port: Port = None, token_env: TokenEnv = TOKEN, mcp: MCP = False
) -> None:
    """Serve the hub over HTTP, also for ToolBench's and StableToolBench's clients."""
    serve_world("hub", host, port, token_env, mcp)


@hub.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder to write CATEGORY/tool.json to.")],
) -> None:
    """Write every tool in ToolBench's tool JSON."""
    from ..envs.hub.export import write_tools

    print(f"{write_tools(out)} tools: {out}")


@hub.command()
def tasks(
    out: Annotated[Path, typer.Option(help="Folder to write NAME.jsonl.gz to.")],
    only: Annotated[list[str] | None, typer.Option("--set", help="Only this set.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes at once.")] = 2,
    model: Annotated[
        str | None, typer.Option(metavar="M", help="Reword instructions with this model.")
    ] = None,
) -> None:
    """Make the hub's tasks again: the same libraries give the same bytes."""
    from ..benchmarks.hub.make import make_sets
    from ..benchmarks.hub.paraphrase import reword
    from ..core import make

    writer = None if model is None else make("models", model)
    for name, made, tries, dropped in make_sets(out, only, jobs):
        print(f"{name}: {made} tasks from {tries} draws; turned away: {dropped}")
        if writer is not None:
            print(f"{name}: {reword(out / f'{name}.jsonl.gz', writer)} of them reworded")
