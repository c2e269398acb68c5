import torch
from hypothesis import given
from hypothesis import strategies as st

from bigpicture.compute.rectangle import Rectangle


@given(st.data(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5))
def test_a_part_of_its_surroundings_is_the_part_of_the_whole(data, height, width, halo):
    top, left = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
    bottom, right = data.draw(st.integers(top, height)), data.draw(st.integers(left, width))
    part = Rectangle(top, bottom, left, right)
    x = torch.arange(2.0 * height * width).view(height, width, 2)
    around = part.grown(halo, height, width)
    assert part.of(x).shape == (bottom - top, right - left, 2)
    assert part.area == part.of(x)[..., 0].numel()
    assert torch.equal(part.within(around, around.of(x)), part.of(x))
    # every pixel up to the halo away is there, and none beyond
    near = torch.nn.functional.max_pool2d(mark(part, height, width), 2 * halo + 1, 1, halo)
    if part.area:
        assert torch.equal(near, mark(around, height, width))


def mark(part: Rectangle, height: int, width: int) -> torch.Tensor:
    """A picture that is 1 in a rectangle."""
    x = torch.zeros(1, height, width)
    part.of(x[0])[:] = 1
    return x
