"""The one error of this folder."""

__all__ = ["WeightsError"]


class WeightsError(ValueError):
    """Weights that cannot be used: names the file or model and says what would do."""
