"""One instruction on its way from a teacher's reply to a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...core import Task
from ...envs.toolbench import standardize
from ..documents import Document
from .reading import Item
from .sampling import Sample


@dataclass(frozen=True)
class Candidate:
    """An instruction, and what it was written for.

    Attributes:
        sample: the APIs that the teacher saw.
        number: its place in the reply.
        item: as the teacher wrote it.
        relevant: of the sample's documents, those it names; None for a pair that is not there.
    """

    sample: Sample
    number: int
    item: Item
    relevant: tuple[Document | None, ...]

    @property
    def instruction(self) -> str:
        """The text."""
        return self.item.instruction

    @property
    def needed(self) -> list[Document]:
        """The relevant documents that are there."""
        return [document for document in self.relevant if document is not None]

    @property
    def id(self) -> str:
        """Unique in its folder, and the same each time: ``i2-0007-03``."""
        return f"{self.sample.key.lower().replace('/', '-')}-{self.number:02d}"

    def task(self, teacher: str, seed: int) -> Task:
        """The task."""
        sample = self.sample
        relevant = tuple(dict.fromkeys(document.api.name for document in self.needed))
        extra: Mapping[str, object] = {
            "tools": [list(tool) for tool in sample.tools],
            "category": sorted({category for category, _ in sample.tools}),
            "teacher": teacher,
            "sample": sample.key,
            "seed": seed,
        }
        return Task(
            self.id, self.instruction, sample.apis, relevant, group=sample.level, extra=extra
        )


def candidate(sample: Sample, number: int, item: Item) -> Candidate:
    """Find the documents that an item names: by names as ToolBench standardises them."""
    known: dict[tuple[str, str], Document] = {}
    for document in sample.documents:
        api = document.api
        tool = standardize(api.tool or api.name)
        for name in (api.api or api.name, api.name):
            known.setdefault((tool, standardize(name)), document)
    found = [known.get((standardize(tool), standardize(api))) for tool, api in item.pairs]
    return Candidate(sample, number, item, tuple(found))
