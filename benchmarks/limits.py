"""Limits for measured figures: each is printed beside its figure and decides the exit status."""

__all__ = ["Limits"]


class Limits:
    """Counts the figures that break their limits."""

    def __init__(self) -> None:
        self.broken = 0

    def most(self, figure: float, limit: float | None) -> str:
        """Return as text a figure that must not exceed a limit, if it has one."""
        return self._said(figure, limit, "≤", limit is None or figure <= limit)

    def least(self, figure: float, limit: float) -> str:
        """Return as text a figure that must reach a limit."""
        return self._said(figure, limit, "≥", figure >= limit)

    def _said(self, figure: float, limit: float | None, sign: str, kept: bool) -> str:
        if limit is None:
            return f"{figure:.3f}"
        self.broken += not kept
        return f"{figure:.3f} ({sign} {limit:g}{'' if kept else ': BROKEN'})"

    @property
    def status(self) -> int:
        """The exit status: 1 if a limit was broken."""
        return int(self.broken > 0)
