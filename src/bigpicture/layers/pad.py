"""Mirroring, which operators need as layers do: see `bigpicture.context.pad`."""

from bigpicture.context.pad import mirror_to, mirror_to_multiple

__all__ = ["mirror_to", "mirror_to_multiple"]
