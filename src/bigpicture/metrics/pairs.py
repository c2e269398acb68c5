"""The two pictures of a metric: checked to be comparable, in float64.

    restored (…, c, h, w), reference (…, c, h, w) ──▶ the same in float64

A squared error of a good restoration is some 1e-5 of the peak, and SSIM subtracts two nearly equal
moments: float32 would lose the digits that tables print.
"""

from bigpicture.shapes import Float, Tensor


# "...": with named axes the shape checker of the tests would refuse unequal pictures first.
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
    """Refuse a peak that is not the largest value of a range.

    Raises:
        ValueError: If `peak` is not positive.
    """
    if not peak > 0:
        raise ValueError(f"peak is {peak}; give the largest possible value, such as 1 or 255")
