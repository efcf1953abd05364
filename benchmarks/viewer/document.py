"""A run as one document that the viewer draws: tasks, trials, trees, prompts as they were sent.

Plain JSON. A text that stands in it more than once (an observation and the message that shows it,
the functions that every trial of a task was offered) stands once in ``texts`` and is named by its
index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

from ...core import API, Hint, Message, Node, Policy, Siblings, Task, Tree, UsageError, make
from ...core.lines import read_lines
from ...core.prompt import Prompt
from ...core.session import digest
from ..offering import offered_in
from ..scored import Item, ScoredRun, tasks_of
from ..trial import Key

FORMAT: Final = 1  # of the document; the page says so where it cannot read one
SHORT: Final = 24  # letters that are not worth an entry of their own


class Texts:
    """Texts by index, each once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._index: dict[str, int] = {}

    def put(self, text: str | None) -> int | str | None:
        """The index of a text; a short one is itself."""
        if text is None or len(text) <= SHORT:
            return text
        at = self._index.get(text)
        if at is None:
            at = self._index[text] = len(self.all)
            self.all.append(text)
        return at


Tasks = tuple[dict[tuple[str, str], Task], str]


def document(
    runs: Sequence[ScoredRun],
    *,
    trees: bool = True,
    tasks_of_run: Callable[[ScoredRun], Tasks] | None = None,
) -> dict[str, Any]:
    """Everything that the viewer shows of runs.

    Args:
        runs: with the verdicts that count.
        trees: with every tree; else trials only, whose trees are asked for one by one.
        tasks_of_run: the tasks of a run, as :func:`tasks_as_run` gives them.
    """
    texts = Texts()
    found: dict[str, Any] = {"format": FORMAT, "runs": [], "tasks": [], "trials": []}
    for run in runs:
        number = len(found["runs"])
        found["runs"].append(_run(run))
        tasks, wrong = (tasks_of_run or tasks_as_run)(run)
        found["runs"][-1]["note"] = wrong
        index: dict[tuple[str, str], int] = {}
        for item in run.items:
            place = (item.key.suite, item.key.task)
            if place not in index:
                index[place] = len(found["tasks"])
                told = _task(place, tasks.get(place), texts)
                found["tasks"].append({**told, "digest": item.digest})
            trial = _trial(item, number, index[place], texts)
            if trees and item.trial is not None:
                task = tasks.get(place)
                trial["tree"] = tree_of(run, item.key, task, texts)
            found["trials"].append(trial)
    found["texts"] = texts.all
    return found


def tree_of(run: ScoredRun, key: Key, task: Task | None, texts: Texts) -> dict[str, Any]:
    """One trial's tree with the prompts as they were sent, as far as they can be made again."""
    trial = run.directory.load(key)
    records, _ = read_lines(run.path / "journal" / key.file)
    if task is not None and (found := offered_in(records)) is not None:
        task = replace(task, apis=found)
    return tree_document(trial.tree, task, _policy(run), records, texts, trial.seed)


def tree_document(
    tree: Tree,
    task: Task | None,
    policy: Policy | None,
    records: Iterable[Mapping[str, Any]],
    texts: Texts,
    seed: int = 0,
) -> dict[str, Any]:
    """A tree as the viewer draws it.

    Args:
        tree: finished, or still growing.
        task: for the prompts; None leaves them out.
        policy: that worded them; None leaves them out.
        records: the trial's journal: when each thing happened, and what a reset showed.
        texts: where texts go.
        seed: of the trial, which the digests of what was sent depend on.
    """
    happened = _Moments(tree, records)
    prompts = _prompts(tree, task, policy, happened.shown) if task and policy else {}
    hints = _hints(tree, policy) if policy else {}
    sent: set[str] = set()
    if prompts and task and policy:
        sent = _sent(tree, task, policy, prompts, hints, happened.asked, seed)
    nodes = []
    for order, node in enumerate(sorted(tree.walk(), key=happened.of)):
        nodes.append((node.id, order, happened.at(node)))
    when = {id: (order, at) for id, order, at in nodes}
    out: list[dict[str, Any]] = []
    for node in tree.walk():
        told = _node(node, texts)
        told["order"], at = when[node.id]
        if at is not None:
            told["at"] = round(at, 3)
        if node.id in prompts:
            told["adds"] = [_message(message, texts) for message in prompts[node.id]]
        if node.id in hints:
            told["told"] = [_message(message, texts) for message in hints[node.id]]
        if node.id in sent:
            told["sent"] = True
        out.append(told)
    winner = tree.find(tree.winner) if tree.winner else None
    solved = winner is not None and winner.solved
    return {"winner": tree.winner if solved else None, "nodes": out, "prompts": bool(prompts)}


# ---------------------------------------------------------------------- the parts


def _run(run: ScoredRun) -> dict[str, Any]:
    identity = run.directory.config["identity"]
    return {
        "name": run.path.name,
        "planners": run.planners,
        "suites": list(run.tasks),
        "judges": dict(run.judges),
        "model": identity.get("model"),
        "env": identity.get("env"),
        "policy": identity.get("policy"),
        "trials": run.trials,
        "seed": identity.get("seed"),
        "damaged": run.directory.damaged,
    }


def tasks_as_run(run: ScoredRun) -> Tasks:
    """The tasks as they are now, where they are still what they were; else why not."""
    try:
        found = tasks_of(run.directory)
    except UsageError as error:
        return {}, f"the tasks cannot be read any more, so prompts are not shown: {error}"
    same = {
        place: task
        for place, task in found.items()
        if run.tasks.get(place[0], {}).get(place[1]) == task.digest
    }
    changed = sum(len(tasks) for tasks in run.tasks.values()) - len(same)
    return same, f"{changed} tasks have changed since, so they are not shown" if changed > 0 else ""


def _task(place: tuple[str, str], task: Task | None, texts: Texts) -> dict[str, Any]:
    out: dict[str, Any] = {"suite": place[0], "id": place[1]}
    if task is not None:
        out["instruction"] = texts.put(task.instruction)
        out["apis"] = [_api(api, texts) for api in task.apis]
        out["relevant"] = list(task.relevant)
        if task.answer is not None:
            out["answer"] = task.answer
    return out


def _api(api: API, texts: Texts) -> dict[str, Any]:
    about = texts.put(api.description)
    return {"name": api.name, "tool": api.tool, "category": api.category, "about": about}


def _trial(item: Item, run: int, task: int, texts: Texts) -> dict[str, Any]:
    key = item.key
    out: dict[str, Any] = {
        "run": run,
        "task": task,
        "planner": key.planner,
        "trial": key.trial,
        "outcome": item.outcome,
    }
    if (trial := item.trial) is not None:
        out["end"], out["spent"] = trial.end, dict(trial.spent)
        out["answer"], out["error"] = texts.put(trial.answer), texts.put(trial.error)
        out["limit"], out["seed"] = trial.limit, trial.seed
        out["provenance"] = dict(trial.provenance)
        if trial.offered is not None:
            out["offered"] = list(trial.offered)
    if (verdict := item.verdict) is not None:
        out["verdict"] = {"decision": verdict.decision, "reason": texts.put(verdict.reason)}
        if verdict.score is not None:
            out["verdict"]["score"] = verdict.score
        if verdict.votes:
            out["verdict"]["votes"] = [
                [vote.decision, vote.label, texts.put(vote.reason)] for vote in verdict.votes
            ]
    return out


def _node(node: Node, texts: Texts) -> dict[str, Any]:
    """A node, defaults left out."""
    out: dict[str, Any] = {"id": node.id}
    if node.action is not None:
        out["api"], out["args"] = node.action.api, texts.put(node.action.arguments)
    if node.thought:
        out["thought"] = texts.put(node.thought)
    if (step := node.step) is not None:
        info = step.info
        out["obs"], out["status"] = texts.put(step.observation), info.status
        out["prov"], out["latency"] = info.provenance, round(info.latency, 4)
        if info.detail:
            out["detail"] = dict(info.detail)
        if step.reward:
            out["reward"] = step.reward
    if (reply := node.reply) is not None and node.first:
        out["tokens"] = reply.tokens
        for what in ("usd", "logprob"):
            if value := getattr(reply, what):
                out[what] = value
        if reply.thinking:
            out["thinking"] = texts.put(reply.thinking)
    for what in ("value", "visits", "pruned"):
        if value := getattr(node, what):
            out[what] = value
    if node.failed is not None:
        out["failed"] = texts.put(node.failed)
    if not node.first:
        out["parallel"] = True
    if node.solved:
        out["solved"] = True
    return out


def _message(message: Message, texts: Texts) -> list[Any]:
    """A message: role, text, calls, name."""
    calls = [[name, texts.put(arguments)] for name, arguments in message.calls]
    return [message.role, texts.put(message.content), calls, message.name]


# ---------------------------------------------------------------------- prompts and time


def _policy(run: ScoredRun) -> Policy | None:
    """The policy of the run, if its words are still the same."""
    identity = run.directory.config["identity"]
    try:
        policy: Policy = make("policies", identity["policy"])
    except (UsageError, KeyError):
        return None
    return policy if policy.fingerprint == identity.get("prompts") else None


def _prompts(
    tree: Tree, task: Task, policy: Policy, shown: Mapping[str, str]
) -> dict[str, Sequence[Message]]:
    """The messages that each node added to its parent's."""
    offered = _offered(task)
    found: dict[str, Sequence[Message]] = {}
    for root in tree.roots:
        found[root.id] = policy.start(
            task, offered, shown.get(root.id, shown.get(tree.root.id, ""))
        )
        for node in list(root.walk())[1:]:
            found[node.id] = policy.extend(node)
    return found


def _offered(task: Task) -> tuple[API, ...]:
    """What a search offers: the task's functions, and Finish."""
    from ...core.finish import API_DOC
    from ...core.values import FINISH

    named = any(api.name == FINISH for api in task.apis)
    return task.apis if named else (*task.apis, API_DOC)


def _hints(tree: Tree, policy: Policy) -> dict[str, Sequence[Message]]:
    """What the model was told beside the path when it made a node: of its siblings, say."""
    there = {node.id: node for node in tree.walk()}
    found: dict[str, Sequence[Message]] = {}
    for node in there.values():
        if node.reply is None or node.parent is None or not node.first or not node.reply.hint:
            continue
        hint = _hint(node.reply.hint.to_json(), there)
        if hint is not None and (said := policy.hint(hint, node.parent)):
            found[node.id] = said
    return found


def _hint(data: Mapping[str, Any], there: Mapping[str, Node]) -> Hint | None:
    from ...core import Conclude, Reflections, WholePlan

    kind = data.get("kind")
    if kind == "siblings":
        ids = [id for id in str(data.get("nodes", "")).split("+") if id in there]
        return Siblings(tuple([there[id] for id in ids]))
    if kind == "reflections":
        return Reflections(tuple(data.get("texts", ())))
    return WholePlan() if kind == "whole_plan" else Conclude() if kind == "conclude" else None


class _Moments:
    """When each node was complete, by the journal; by its place where that is silent."""

    def __init__(self, tree: Tree, records: Iterable[Mapping[str, Any]]) -> None:
        by_key: dict[str, tuple[int, float | None]] = {}
        began: dict[str, tuple[int, float | None]] = {}
        self.shown: dict[str, str] = {}
        self.asked: dict[str, str] = {}  # by node: the digest of what was sent for it
        asked: dict[str, Any] = {}
        for number, record in enumerate(records):
            key = record.get("key")
            if not isinstance(key, str):
                continue
            by_key[key] = (number, record.get("at"))
            asked[key] = record.get("asked")
            began.setdefault(key.partition(":")[0], by_key[key])
            if key.endswith(":reset") and isinstance(record.get("got"), str):
                self.shown[key.removesuffix(":reset")] = record["got"]
        self._found: dict[str, tuple[int, float | None] | None] = {}
        self._order: dict[str, int] = {}
        opened: dict[str, int] = {}
        for node in tree.walk():
            parent, found = node.parent, by_key.get(f"{node.id}:step")
            if parent is None:
                found = by_key.get(f"{node.id}:reset") or began.get(node.id) or (-1, 0.0)
            elif node.first:
                nth = opened[parent.id] = opened.get(parent.id, -1) + 1
                key = f"{parent.id}:propose:{nth}"
                found = found or by_key.get(key)
                if isinstance(told := asked.get(key), str):
                    self.asked[node.id] = told
            else:
                found = found or self._found[parent.id]
            self._found[node.id] = found
            if found is not None:
                self._order[node.id] = found[0]
            else:
                assert parent is not None, "a root has a moment"
                self._order[node.id] = self._order[parent.id]

    def of(self, node: Node) -> int:
        """What nodes are sorted by, those of one moment in preorder."""
        return self._order[node.id]

    def at(self, node: Node) -> float | None:
        """Seconds from the trial's start, where the journal tells them."""
        found = self._found[node.id]
        return None if found is None else found[1]


def _sent(
    tree: Tree,
    task: Task,
    policy: Policy,
    adds: Mapping[str, Sequence[Message]],
    hints: Mapping[str, Sequence[Message]],
    asked: Mapping[str, str],
    seed: int,
) -> set[str]:
    """The nodes whose prompt, made again, has the digest that the journal kept of what was sent."""
    there = {node.id: node for node in tree.walk()}
    offered = _offered(task)
    prompts: dict[str, Prompt] = {}
    sent = set()
    for node in there.values():
        parent = node.parent
        if parent is None:
            prompts[node.id] = Prompt(adds[node.id])
            continue
        prompts[node.id] = prompts[parent.id].then(adds[node.id])
        if (want := asked.get(node.id)) is None:
            continue
        hint = node.reply.hint if node.reply is not None else None
        tools = policy.tools(offered, _hint(hint.to_json(), there) if hint else None)
        content = prompts[parent.id].then(hints.get(node.id, ())).digest + digest(tools)
        marks = (blake2b(content + b"%d/%d" % (n, seed), digest_size=8) for n in range(len(asked)))
        if any(mark.hexdigest() == want for mark in marks):
            sent.add(node.id)
    return sent
