"""Images as model inputs, through Pillow where it is installed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UnsupportedError, UsageError
from refinterp.graph.model import STORAGE
from refinterp.graph.spec import TensorSpec

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".webp"})
IMAGE_RANGES = ("raw", "0..255", "0..1", "-1..1")


def read_image(path: Path, spec: TensorSpec, image_range: str) -> NDArray[Any]:
    """Read an image as one sample of an input (batch, height, width, channels) or (…, h, w).

    image_range: "raw" reinterprets the bytes 0..255 as the input's 8-bit dtype; "0..255", "0..1"
    and "-1..1" give float32 reals in that range, to be quantized like any reals. Rows are top-down.
    An image of another size is resized (bilinear), of other channels converted.

    Raises UnsupportedError when Pillow is missing, UsageError when the input is no image.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading images needs Pillow; install it with: pip install 'refinterp[images]'"
        ) from None
    if image_range not in IMAGE_RANGES:
        raise UsageError(f"image range {image_range!r}; allowed: {', '.join(IMAGE_RANGES)}")
    height, width, channels = _layout(spec, path)
    with Image.open(path) as image:
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        picture = image.convert(mode)
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(picture, np.uint8).reshape(spec.shape)
    if image_range == "raw":
        if STORAGE[spec.dtype].itemsize != 1:
            raise UsageError(f"{path}: raw pixels are bytes, input {spec.name!r} is {spec.dtype}")
        return pixels.view(STORAGE[spec.dtype])
    low, high = (float(part) for part in re.split(r"\.\.", image_range))
    return (pixels.astype(np.float32) / np.float32(255) * (high - low) + low).astype(np.float32)


def _layout(spec: TensorSpec, path: Path) -> tuple[int, int, int]:
    """Height, width and channels of an input that holds one image."""
    dims = list(spec.shape)
    if len(dims) == 4 and dims[0] == 1 and dims[3] in (1, 3, 4):
        return dims[1], dims[2], dims[3]
    if len(dims) == 3 and dims[2] in (1, 3, 4) and dims[0] != 1:
        return dims[0], dims[1], dims[2]
    if len(dims) == 3 and dims[0] == 1:
        return dims[1], dims[2], 1
    if len(dims) == 2:
        side = round(float(dims[1]) ** 0.5)
        return (side, side, 1) if dims[0] == 1 and side * side == dims[1] else (dims[0], dims[1], 1)
    raise UsageError(
        f"{path}: input {spec.name!r} of shape {dims} does not hold one image; allowed: "
        "[1, height, width, 1, 3 or 4], [1, height, width], [height, width]"
    )
