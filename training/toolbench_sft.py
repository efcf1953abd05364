"""ToolBench's own preprocessing: answer files to the conversations that ToolLLaMA was trained on.

Its rules, to the letter, so that a data set made here can stand beside the released one:

- an instance for each sample of ``train_messages`` that ends with a call; a sample that ends with
  a thought alone gives none, its thought goes before the next call;
- its name is ``Step``, the place of the call in the sample, and the query;
- all that a sample holds is written, with ToolBench's words, and so is a message for diversity.

Three of its faults are kept with them: a thought that came in one reply with a call is dropped,
one that stands before a message for diversity is lost, and calls of functions that do not exist
are learnt like others. ``sft_rows`` has none of these; use it unless you compare with ToolBench.
One is not, where rows are made of a run: ToolBench leaves messages for diversity of earlier turns
in the samples of later ones (docs/toolbench.md). :func:`rows_of_answer` takes a file as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..benchmarks.answers import export_answer
from ..benchmarks.toolbench import parse_answer
from ..core import API, FINISH, Message, Prompt, Task
from ..core.finish import API_DOC
from ..models import ToolLLaMAPolicy
from .annotated import LeftOut, Solved
from .sft import Row

_POLICY: Final = ToolLLaMAPolicy("toolbench")


def rows_of_answer(answer: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """The instances of one answer file.

    Args:
        answer: the file, read.
        path: its name, for errors.

    Returns:
        None of an answer that ToolBench marks as no valid data.

    Raises:
        UsageError: it is no answer file.
    """
    task = parse_answer(answer, path, path.stem)
    generation = answer["answer_generation"]
    if not generation["valid_data"]:
        return []
    system = _POLICY.start(task, _offered(task), "")[0].content or ""
    return [
        row
        for sample in generation["train_messages"]
        if (row := _instance(sample, system, task.instruction)) is not None
    ]


def toolbench_rows(solved: Solved) -> list[Row]:
    """The instances of one trial, by way of the answer file that ToolBench would have written.

    Raises:
        LeftOut: there is no answer, or it has no call.
    """
    solved.winner  # noqa: B018 - raises where there is none
    task = solved.task
    answer = export_answer(solved.trial.tree, task, arguments={})
    system = _POLICY.start(task, _offered(task), "")[0].content or ""
    rows = []
    for sample in answer["answer_generation"]["train_messages"]:
        data = _instance(sample, system, task.instruction)
        if data is not None:
            prompt = Prompt([Message(m["from"], m["value"]) for m in data["conversations"]])
            rows.append(Row(data, prompt, (), 1))
    if not rows:
        raise LeftOut("nothing to learn")
    return rows


def _offered(task: Task) -> tuple[API, ...]:
    """The functions with Finish as the file words it; as ours is worded where it is not one."""
    kept = task.extra.get("answer")
    listed = kept.get("function") if isinstance(kept, Mapping) else None
    found = {f["name"]: f for f in listed or () if isinstance(f, Mapping)}
    if (theirs := found.get(FINISH)) is None:
        return (*task.apis, API_DOC)
    last = replace(
        API_DOC, description=theirs.get("description", ""), parameters=theirs.get("parameters", {})
    )
    return (*task.apis, last)


def _instance(
    sample: Sequence[Mapping[str, Any]], system: str, query: str
) -> dict[str, Any] | None:
    """One instance; None of a sample that does not end with a call."""
    if not sample or "function_call" not in sample[-1]:
        return None
    said: list[dict[str, str]] = []
    thoughts = ""
    for message in sample:
        role = str(message["role"])
        if role != "assistant":
            value = system if role == "system" else str(message["content"] or "")
            said.append({"from": role, "value": value})
            thoughts = ""
        elif (call := message.get("function_call")) is None:
            thoughts += f"\nThought: {message['content'] or ''}"
        else:
            made = f"\nAction: {call['name']}\nAction Input: {call['arguments']}"
            said.append({"from": role, "value": (thoughts or "\nThought: ") + made})
            thoughts = ""
    return {"id": f"Step {len(sample) - 1}: {query}", "conversations": said}
