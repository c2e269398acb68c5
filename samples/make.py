"""Make the pictures in this folder from those that scikit-image carries (see ATTRIBUTION.md).

    python samples/make.py

Each is halved with MATLAB's bicubic, which is what the shipped networks undo. The cat is cut out
round, with black under the transparent pixels, as many programs store them.
"""

from pathlib import Path

import numpy as np
from skimage import data

from bigpicture.degrade.bi import bi
from bigpicture.image import Picture, write

FOLDER = Path(__file__).parent


def main() -> None:
    """Write all pictures."""
    pictures = {
        "astronaut": bi(data.astronaut(), 2),
        "camera": bi(data.camera(), 2),
        "rocket": bi(data.rocket(), 2),
        "cat_cutout": cut_out(bi(data.cat(), 2)[:, 20:176]),
    }
    for name, pixels in pictures.items():
        write(Picture.from_array(pixels), FOLDER / f"{name}.png")


def cut_out(photograph: np.ndarray) -> np.ndarray:
    """Return the largest circle in the middle, opaque, its edge one pixel wide."""
    height, width = photograph.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    alpha = np.clip(min(height, width) / 2 - distance, 0, 1)[..., None]
    colour = np.where(alpha > 0, photograph, 0)
    return np.concatenate([colour, np.rint(255 * alpha)], axis=2).astype(np.uint8)


if __name__ == "__main__":
    main()
