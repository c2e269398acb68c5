"""The optimiser of a run: Adam, whose settings are always those of the recipe.

    checkpoint ──averages of gradients──▶ Adam ◀──betas── recipe

PyTorch's takes its settings from a checkpoint as well, so that a run that goes on by a changed
recipe would go on by the old one.

Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    https://arxiv.org/abs/1412.6980
"""

from typing import Any

from torch.optim import Adam

__all__ = ["RecipeAdam"]


class RecipeAdam(Adam):
    """Adam that goes on from a state by the settings that it was built with."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the averages of a state, and none of its settings."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group.update(self.defaults)
