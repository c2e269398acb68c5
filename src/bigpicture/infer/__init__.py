"""Image → image: runs networks over pictures of any size, in tiles that see the whole picture."""

from bigpicture.infer.enlarge import Cancelled, EngineWarning, Report
from bigpicture.infer.model import Model
from bigpicture.infer.upscale import Tiling, render

__all__ = ["Cancelled", "EngineWarning", "Model", "Report", "Tiling", "render"]
