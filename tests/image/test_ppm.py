import numpy as np
import pytest

from bigpicture.image import ImageError, decode


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P1\n# note\n3 2\n1 0 1\n010", [[0, 255, 0], [255, 0, 255]]),
        (b"P2 2 1 # depth\n15 0 15", [[0, 255]]),
        (b"P2 2 1 1023\n0 1023", [[0, 65535]]),
        (b"P3\n1 1\n255\n1 2 3", [[[1, 2, 3]]]),
        (b"P4\n3 1\n\xa0", [[0, 255, 0]]),
        (b"P5\n2 1\n100\n\x00\x64", [[0, 255]]),
        (b"P6 1 1 65535\n\x00\x01\x00\x02\x01\x00", [[[1, 2, 256]]]),
        (b"P5 2 1 255\n\n\t", [[10, 9]]),
    ],
)
def test_every_variant_of_ppm(data, expected):
    expected = np.array(expected)
    assert decode(data).colour.squeeze().tolist() == expected.squeeze().tolist()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"P6 2 2 255\nabc", "cut short"),
        (b"P2 2 2 255\n1 2 3", "cut short"),
        (b"P4 9 9\n", "cut short"),
        (b"P2 2 1 255\n1 x", r"'x' where a number must be"),
        (b"P2 2 1 255\n1 1_0", r"'1_0' where a number must be"),
        (b"P2 2 1 255\n-1 1", r"'-1' where a number must be"),
        (b"P2 1 1 255\n" + b"9" * 5000, r"'(9{20})' where a number must be"),
        (b"P1 3 1\n0 2 1", r"'2' where a number must be"),
        (b"P5 2 2 0\n", "largest value"),
        (b"P5 0 2 255\n", r"no pixels \(0 × 2\)"),
        (b"P5 2", "header"),
    ],
)
def test_broken_ppm_is_refused(data, reason):
    with pytest.raises(ImageError, match=reason):
        decode(data)
