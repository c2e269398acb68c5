"""Files of what a published network made: tensors, configuration, inputs and outputs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from support.networks import without


@dataclass(frozen=True)
class Golden:
    """A published network and what it was seen to make.

    Attributes:
        public: The network's tensors, under the names that it was published with.
        config: The arguments that it was built with.
        seen: All else: "input.0", "output.0" …
    """

    public: dict[str, Tensor]
    config: dict[str, Any]
    seen: dict[str, Tensor]

    @property
    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Inputs and outputs."""
        count = sum(key.startswith("input.") for key in self.seen)
        return [(self.seen[f"input.{i}"], self.seen[f"output.{i}"]) for i in range(count)]


def read_golden(path: Path) -> Golden:
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        config = json.loads(file.metadata()["config"])
    seen = {key: x for key, x in tensors.items() if not key.startswith("model.")}
    return Golden(without("model.", tensors), config, seen)
