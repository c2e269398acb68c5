"""The optimiser of a run: Adam, whose settings are always those of the recipe.

    checkpoint ──averages of gradients──▶ Adam ◀──betas── recipe

PyTorch's Adam also takes its settings from a checkpoint, so a run that is resumed with a changed
recipe would keep the old ones.

Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    https://arxiv.org/abs/1412.6980
"""

from typing import Any

from torch.optim import Adam

__all__ = ["RecipeAdam"]


class RecipeAdam(Adam):
    """Adam that resumes from a state but keeps the settings that it was built with."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the averages of a state, but none of its settings."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group.update(self.defaults)
