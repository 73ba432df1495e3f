"""Image files as samples: what happens to them on the way in is told."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from refinterp.errors import UsageError
from refinterp.samples.source import open_samples
from tests.samples.models import SIGNED, free, spec

Image = pytest.importorskip("PIL.Image")

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
COLOUR = np.random.default_rng(2).integers(0, 256, (8, 8, 3), np.uint8)


def save(path, pixels, **rest):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **rest)
    return path


def test_pixels_are_the_files_in_the_inputs_range(tmp_path):
    """No resizing, no conversion: each pixel is its real, rows top-down."""
    path = save(tmp_path / "a.png", COLOUR)
    samples = open_samples(path, [spec((1, 8, 8, 3), "int8", SIGNED)])
    expected = COLOUR.astype(np.float64) / 255 * 2 - 1
    np.testing.assert_allclose(samples.get(0)[0][0], expected, atol=1e-6)
    assert "-1..1" in samples.taken[0]
    assert samples.look() == ()


def test_raw_bytes_are_codes(tmp_path):
    """raw: the bytes as they are, read as int8."""
    path = save(tmp_path / "a.png", GREY)
    samples = open_samples(path, [spec((1, 8, 8, 1))], image_range="raw")
    np.testing.assert_array_equal(samples.get(0)[0][0, :, :, 0], GREY.view(np.int8))


@pytest.mark.parametrize(
    ("shape", "back"),
    [
        ((1, 8, 8, 3), (0, 1, 2, 3)),
        ((8, 8, 3), (0, 1, 2)),
        ((1, 3, 8, 8), (0, 2, 3, 1)),
    ],
)
def test_channels_last_and_first(tmp_path, shape, back):
    """A picture's channels lie where the input wants them."""
    path = save(tmp_path / "a.png", COLOUR)
    samples = open_samples(path, [spec(shape, "uint8", (1.0, 0))], image_range="raw")
    got = samples.get(0)[0]
    assert got.shape == shape
    np.testing.assert_array_equal(got.transpose(back).reshape(8, 8, 3), COLOUR)


def test_sizes_and_colours_are_told(tmp_path):
    """How many images, from which sizes and colours, to which."""
    save(tmp_path / "cat" / "a.png", GREY)
    save(tmp_path / "cat" / "b.jpg", np.repeat(np.repeat(COLOUR, 5, 0), 3, 1))
    save(tmp_path / "dog" / "c.png", np.dstack([COLOUR, GREY]))
    samples = open_samples(tmp_path, [spec((1, 8, 8, 3))])
    assert samples.labels.tolist() == [0, 0, 1]
    told = "\n".join(samples.look())
    assert "1 of 3 image(s) resized from 24x40 to 8x8" in told
    assert "converted from grey to RGB" in told
    assert "converted from RGBA to RGB, its transparency dropped" in told
    assert samples.get(1)[0].shape == (1, 8, 8, 3)


def test_grey_values_of_16_bits_keep_their_upper_8(tmp_path):
    """Pillow would cut them off at 255."""
    path = save(tmp_path / "a.png", GREY.astype(np.uint16) * 256 + 77)
    samples = open_samples(path, [spec((1, 8, 8, 1), "uint8", (1.0, 0))], image_range="raw")
    np.testing.assert_array_equal(samples.get(0)[0][0, :, :, 0], GREY)
    assert "16-bit" in samples.look()[0]


def test_open_sizes_are_the_first_images(tmp_path):
    """The others are resized to it."""
    save(tmp_path / "a.png", GREY[:6])
    save(tmp_path / "b.png", GREY)
    samples = open_samples(tmp_path, [free((1, 1, 1, 1), (-1, -1, -1, 1))])
    assert samples.inputs[0].spec.shape == (1, 6, 8, 1)
    assert samples.get(1)[0].shape == (1, 6, 8, 1)


@pytest.mark.parametrize("shape", [(1, 640), (1, 2, 3, 4, 5), (1, 8, 8, 2), (4,)])
def test_inputs_that_hold_no_picture(tmp_path, shape):
    """The message has the file, the shape, and those that are allowed."""
    path = save(tmp_path / "a.png", GREY)
    with pytest.raises(UsageError, match=r"a\.png.*does not hold one image"):
        open_samples(path, [spec(shape)])


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.webp"])
@pytest.mark.parametrize("keep", [0, 4, 30, -20])
def test_damaged_images_name_the_file(tmp_path, name, keep):
    """Cut off anywhere, or no image at all, they are told by name or read as far as they go."""
    path = save(tmp_path / name, GREY)
    path.write_bytes(path.read_bytes()[:keep])
    try:
        open_samples(path, [spec((1, 8, 8, 1))]).get(0)
    except UsageError as error:
        assert name in str(error)  # noqa: PT017 - some formats show what is left of them
    else:
        assert keep == -20


def test_without_pillow_the_command_is_told(tmp_path, monkeypatch):
    """An optional package is named with how to get it."""
    path = save(tmp_path / "a.png", GREY)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UsageError, match=r"pip install 'refinterp\[images\]'"):
        open_samples(path, [spec((1, 8, 8, 1))]).get(0)
