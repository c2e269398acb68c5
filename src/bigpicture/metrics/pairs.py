"""The two pictures of a metric, checked to be comparable and converted to float64.

    restored (…, c, h, w), reference (…, c, h, w) ──▶ the same in float64

The squared error of a good restoration is about 1e-5 of the peak, and SSIM subtracts two nearly
equal moments: float32 would lose digits that tables print.
"""

from bigpicture.shapes import Float, Tensor


# "...": with named axes, the tests' shape checker would reject unequal pictures first.
def as_float64(
    restored: Float[Tensor, "..."], reference: Float[Tensor, "..."]
) -> tuple[Float[Tensor, "*batch c h w"], Float[Tensor, "*batch c h w"]]:
    """Return both pictures in float64.

    Raises:
        ValueError: If their shapes differ.
    """
    if restored.shape != reference.shape:
        raise ValueError(
            f"restored is {_size(restored)} but reference is {_size(reference)}; "
            "a metric compares pictures of one size"
        )
    if restored.device.type == "mps":  # which has no float64
        restored, reference = restored.cpu(), reference.cpu()
    return restored.double(), reference.double()


def _size(image: Tensor) -> str:
    return "×".join(str(side) for side in image.shape)


def check_peak(peak: int | float) -> None:
    """Check that a peak is positive.

    Raises:
        ValueError: If `peak` is not positive.
    """
    if not peak > 0:
        raise ValueError(f"peak is {peak}; give the largest possible value, such as 1 or 255")
