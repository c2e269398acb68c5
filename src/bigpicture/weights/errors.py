"""The error that this folder's modules raise."""

__all__ = ["WeightsError"]


class WeightsError(ValueError):
    """Weights cannot be used; the message names the file or model and, if possible, a remedy."""
