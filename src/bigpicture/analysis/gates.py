"""Gates: how much each block of a network has learned to let through.

    γ (c) of each block ──▶ |γ|₁ / c, the mean over the channels of |γ|

RGT's HAI adds γ ⊙ a block's input to the block's output; a large mean of |γ| mixes local and global
features. SRGRN's GRUM and GRRB have a single γ for all channels: the share of the graph's output.
A γ of 0 switches HAI or the graph off.

Source: Chen et al., "Recursive Generalization Transformer for Image Super-Resolution", ICLR 2024,
    Fig. 5 (|α|/C there). https://arxiv.org/abs/2303.06373. The paper does not name the norm; only
    with the sum of magnitudes is the quotient by C a mean.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from bigpicture.analysis.operators import find
from bigpicture.analysis.panels import Bars, Lines, Panel
from bigpicture.layers.hai import HybridAdaptiveIntegration
from bigpicture.models.heads.graph import GlobalReasoningReconstruction, GlobalReasoningUpsampling
from bigpicture.shapes import Float, Tensor

__all__ = ["Gate", "gates", "show_gates"]

_GATED = (HybridAdaptiveIntegration, GlobalReasoningUpsampling, GlobalReasoningReconstruction)
_SHARES = (0.9, 0.5, 0.1)


class Gate(NamedTuple):
    """The gate of a block."""

    gamma: Float[Tensor, " c"]
    """The learned values, with their sign; a single one where all channels share it."""

    @property
    def mean(self) -> float:
        """|γ|₁ / c."""
        return self.gamma.abs().mean().item()


def gates(network: nn.Module) -> dict[str, Gate]:
    """Return the gate of each block that has one, by the block's name.

    Raises:
        ValueError: If the network has no gates.
    """
    found = find(network, _GATED, "gates")
    return {_block(name, module): _gate(module) for name, module in found.items()}


def _block(name: str, module: nn.Module) -> str:
    """Return the name of the block: the parent of HAI, the module itself for GRUM and GRRB."""
    return name.rpartition(".")[0] if isinstance(module, HybridAdaptiveIntegration) else name


def _gate(
    module: HybridAdaptiveIntegration | GlobalReasoningUpsampling | GlobalReasoningReconstruction,
) -> Gate:
    return Gate(module.gamma.detach().double().cpu().reshape(-1))


def show_gates(found: Mapping[str, Gate]) -> tuple[list[Panel], str, dict[str, Any]]:
    """Return the panels, the caption and the numbers of a figure of gates."""
    means = {str(place): gate.mean for place, gate in enumerate(found.values())}
    panels: list[Panel] = [Bars("Mean over the channels", means, "block", "|γ|₁ / c")]
    if any(len(gate.gamma) > 1 for gate in found.values()):
        shares = torch.tensor(_SHARES, dtype=torch.float64)
        spread = torch.stack([gate.gamma.abs().quantile(shares) for gate in found.values()])
        curves = {f"{100 * share:.0f} %": spread[:, i].tolist() for i, share in enumerate(_SHARES)}
        panels.append(Lines("Quantiles over the channels", curves, "block", "|γ|"))
    names = list(found)
    caption = (
        f"Gates γ of {len(names)} blocks, numbered from {names[0]} to {names[-1]}: how much of its "
        "input (HAI) or of its graph's output (GRUM, GRRB) each lets through."
    )
    numbers = {
        "blocks": [
            {"name": name, "mean": gate.mean, "gamma": gate.gamma.tolist()}
            for name, gate in found.items()
        ]
    }
    return panels, caption, numbers
