"""ToolBench's files, read: query files, and answer files (DFS trees and CoT chains) as traces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core import API, FINISH, STATUS_OF_CODE, Task, Turn, UsageError
from ..envs.toolbench import function_name, parse_apis


def read_source(source: Path) -> list[Task]:
    """Tasks of a query file, an answer file, or a folder of answer files.

    Raises:
        UsageError: it is missing, torn, or none of these; the text names the file.
    """
    if source.is_dir():
        files = sorted(p for p in source.rglob("*.json") if p.is_file())
        if not files:
            raise UsageError(f"{source} holds no JSON files")
        tasks = [task for file in files for task in _read_file(file, source)]
        return _distinct(tasks, source)
    if not source.exists():
        raise UsageError(f"no file or folder {source}")
    return _distinct(_read_file(source, source.parent), source)


def _read_file(path: Path, base: Path) -> list[Task]:
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is torn or not JSON: {error}") from error
    if isinstance(data, list):
        return [parse_query(entry, path, i) for i, entry in enumerate(data)]
    if isinstance(data, dict) and isinstance(data.get("answer_generation"), dict):
        name = path.relative_to(base).with_suffix("").as_posix()
        return [parse_answer(data, path, name)]
    raise UsageError(
        f"{path} is neither a ToolBench query file (a list of queries) nor an answer file "
        f"(an object with 'answer_generation')"
    )


def _distinct(tasks: list[Task], source: Path) -> list[Task]:
    seen: dict[str, int] = {}
    out = []
    for task in tasks:
        k = seen[task.id] = seen.get(task.id, 0) + 1
        out.append(task if k == 1 else replace(task, id=f"{task.id}#{k}"))
    if not out:
        raise UsageError(f"{source} holds no tasks")
    return out


def parse_query(entry: Any, path: Path, index: int) -> Task:
    """The task of one query.

    Raises:
        UsageError: it has no ``query``, or its ``api_list`` is malformed.
    """
    where = f"{path}, query {index}"
    text = _joined(entry.get("query")) if isinstance(entry, dict) else ""
    if not text:
        raise UsageError(f"{where} is no ToolBench query: it has no 'query', or an empty one")
    try:
        apis = parse_apis(entry.get("api_list") or ())
        named = {(api.tool, api.api): api.name for api in reversed(apis)}
        needed = [
            named.get((tool, api)) or function_name(api, tool)
            for tool, api in entry.get("relevant APIs") or ()
        ]
        relevant = tuple(dict.fromkeys(needed))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{where} has a malformed API list: {error!r}") from error
    number = entry.get("query_id", index)
    extra = {"query_id": number, "source": path.name}
    return Task(str(number), text, apis, relevant, group=path.stem, extra=extra)


def _joined(query: Any) -> str:
    """The text of a query; some of ToolBench's are lists of sentences."""
    return " ".join(map(str, query)) if isinstance(query, list) else str(query or "")


def parse_answer(data: Mapping[str, Any], path: Path, name: str) -> Task:
    """The task of an answer file, its trace as the recording.

    The original's own fields are kept in ``extra["answer"]`` (all but the trees, which are the
    recording), so that an export gives them back.

    Raises:
        UsageError: the trace is foreign or damaged.
    """
    try:
        generation = data["answer_generation"]
        if "tree" in data:
            recording = _read_tree(data["tree"]["tree"])
        else:
            surplus = int(generation["query_count"])
            surplus -= sum(_count_turns(t["chain"]) for t in data["trys"])
            recording = Turn(
                turns=tuple(turn for t in data["trys"] for turn in _read_chain(t["chain"], surplus))
            )
        apis = tuple(_read_function(f) for f in generation["function"] if f["name"] != FINISH)
        number = path.stem.split("_")[0]
        kept = {
            "win": data["win"],
            "forward_args": data["forward_args"],
            "method": path.stem.partition("_")[2],
            "format": _format_of(data),
            **{k: generation.get(k) for k in ("function", "query_count", "total_tokens")},
            **{k: generation.get(k) for k in ("valid_data", "final_answer", "finish_type")},
        }
        messages = generation.get("train_messages") or [[{"content": ""}]]
        tools = str(messages[0][0]["content"]).partition("access of the following tools:\n")[2]
        extra: dict[str, Any] = {"query_id": number, "source": path.name, "answer": kept}
        if tools:
            extra["tools"] = tools.removesuffix("\n")
        text, group = _joined(generation["query"]), path.parent.name
        return Task(name, text, named_once(apis), group=group, recording=recording, extra=extra)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UsageError(f"{path} is no ToolBench answer that can be read: {error!r}") from error


def _read_function(function: Mapping[str, Any]) -> API:
    return API(
        function["name"], function.get("description") or "", function.get("parameters") or {}
    )


def named_once(apis: Iterable[API]) -> tuple[API, ...]:
    """The APIs without those whose name another one before them has."""
    return tuple({api.name: api for api in reversed(list(apis))}.values())[::-1]


def _format_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What differs between ToolBench's versions: fields that all nodes have, or none."""
    if "tree" in data:
        node = data["tree"]["tree"]
    else:
        node = next((n for t in data["trys"] for n in t["chain"]), {})
    return {
        "matching_time": "matching_time" in node,
        "elo": node.get("Elo", 1000.0),
        "finish_type": "finish_type" in data["answer_generation"],
        "keys": list(data["answer_generation"]),
    }


def _read_tree(root: Mapping[str, Any]) -> Turn:
    """The recording of a DFS tree. Iterative from the leaves: a tree may be deep."""
    order: list[Mapping[str, Any]] = []
    stack = [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(node["children"])
    made: dict[int, list[Turn]] = {}
    for node in reversed(order):
        below = tuple(made.pop(id(child)) for child in node["children"])
        made[id(node)] = _turn_of(node, [turn for turns in below for turn in turns])
    return Turn(turns=tuple(made[id(root)]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a node holds {type(value).__name__} where text belongs")
    return value


def _turn_of(node: Mapping[str, Any], below: list[Turn]) -> list[Turn]:
    """The turn that ends at this node, or (at a Thought or Action inside one) the turn so far."""
    kind, text = node["node_type"], _text(node["description"])
    after = tuple(below)
    if node["depth"] == 0:
        return below
    if kind == "Action Input":
        status = STATUS_OF_CODE[node.get("observation_code") or 0]
        return [Turn(None, "", text, _text(node.get("observation", "")), status, 0, after)]
    if kind == "Action":
        return [replace(turn, api=text) for turn in below]
    if kind != "Thought":
        raise ValueError(f"unknown node type {kind!r}")
    failed = node.get("observation_code") not in (None, 0)
    if failed:
        return [Turn(text, status="model_error", turns=after)]
    one_reply = node["children"] and node["children"][0]["node_type"] == "Action"
    if one_reply and node["expand_num"] == 0:
        return [replace(turn, thought=text) for turn in below]
    return [Turn(text, turns=after)]


def _count_turns(chain: list[Mapping[str, Any]]) -> int:
    """Turns in a chain if a thought and the call after it came in one reply."""
    count = 0
    for before, node in zip([None, *chain], chain, strict=False):
        kind = node["node_type"]
        after_thought = before is not None and before["node_type"] == "Thought"
        count += kind == "Thought" or (kind == "Action" and not after_thought)
    return count


def _read_chain(chain: list[Mapping[str, Any]], surplus: int) -> tuple[Turn, ...]:
    """The recording of one CoT try.

    CoT files do not say whether a thought and the call after it came in one reply or in two;
    the recorded number of calls does, in sum: as many pairs, from the first, are taken apart as
    the count says.
    """
    turns: list[Turn] = []
    thought: str | None = None
    api = ""
    for i, node in enumerate(chain):
        kind, text = node["node_type"], _text(node["description"])
        if kind == "Thought":
            if node.get("observation_code") not in (None, 0):
                turns.append(Turn(text, status="model_error"))
                continue
            followed = i + 1 < len(chain) and chain[i + 1]["node_type"] == "Action"
            if followed and surplus <= 0:
                thought = text
            else:
                surplus -= followed
                turns.append(Turn(text))
        elif kind == "Action":
            api = text
        elif kind == "Action Input":
            status = STATUS_OF_CODE[node.get("observation_code") or 0]
            observation = _text(node.get("observation", ""))
            turns.append(Turn(thought, api, text, observation, status))
            thought = None
        else:
            raise ValueError(f"unknown node type {kind!r}")
    below: tuple[Turn, ...] = ()
    for turn in reversed(turns):
        below = (replace(turn, turns=below),)
    return below


# What ToolBench's arguments are called here, and what stands here for those not given.
_ARGUMENTS = {
    "dfsdt": {
        "tree_beam_size": ("width", 2),
        "single_chain_max_step": ("max_steps", 12),
        "answer": ("answers", 1),
        "with_filter": ("ranked", False),
        "max_query_count": ("max_calls", 200),
    },
    "react": {
        "pass_at": ("n", 1),
        "single_chain_max_step": ("max_steps", 12),
        "answer": ("answers", 1),
    },
}


def planner_of(task: Task) -> str | None:
    """The planner that made an imported answer, as a spec; None for a query."""
    kept = task.extra.get("answer")
    asked = kept.get("forward_args") if isinstance(kept, Mapping) else None
    if not isinstance(asked, dict):
        return None
    if isinstance(ours := asked.get("planner"), str):  # exported from here
        return ours
    name = "dfsdt" if "tree_beam_size" in asked else "react"
    items = ["profile=toolbench"]
    for theirs, (ours, default) in _ARGUMENTS[name].items():
        if (value := asked.get(theirs, default)) != default:
            items.append(f"{ours}={str(value).lower()}")
    return f"{name}:{','.join(items)}"
