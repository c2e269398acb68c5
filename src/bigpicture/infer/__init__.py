"""Image → image: run networks over pictures of any size, in tiles that see the whole picture."""

from bigpicture.infer.model import Model
from bigpicture.infer.upscale import Tiling, render

__all__ = ["Model", "Tiling", "render"]
