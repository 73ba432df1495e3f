"""Image files as samples, through Pillow where it is installed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import UsageError
from refinterp.graph.model import Shape
from refinterp.samples.inputs import ModelInput, Pattern
from refinterp.samples.stack import Stack

IMAGE_SUFFIXES: Final = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff",
     ".webp"}
)  # fmt: skip
_MODES: Final = {1: "L", 3: "RGB", 4: "RGBA"}
_WIDE: Final = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # grey values of 16 bits
_LOOKED_AT: Final = 2000  # images whose sizes are told
_NAMED: Final = 3  # sizes in a message
_ORIENTATION: Final = 274  # the EXIF tag


@dataclass(frozen=True, slots=True)
class PictureLayout:
    """How an input holds one picture. first: the channels lie before height and width."""

    height: int | None
    width: int | None
    channels: int
    first: bool = False


def image_stack(files: Sequence[Path], wanted: ModelInput, origin: str) -> Stack:
    """Image files as samples of an input, a file each, rows top-down; read when they are wanted.

    An image of another size is resized (bilinear, its sides stretched), of other channels
    converted; both are told. Sizes that the model leaves open are those of the first image.

    Raises UsageError when Pillow is missing, or when the input holds no picture.
    """
    frame = _frame(wanted.pattern, wanted, origin)
    if frame.height is None or frame.width is None:
        with _opened(files[0]) as image:
            width, height = image.size
        frame = PictureLayout(
            frame.height or height, frame.width or width, frame.channels, frame.first
        )
    height, width = frame.height or 0, frame.width or 0
    sides = {None: iter((height, width))}
    shape = tuple(next(sides[None]) if n is None else n for n in wanted.pattern)
    settled = PictureLayout(height, width, frame.channels, frame.first)
    return Stack(
        origin,
        len(files),
        np.dtype(np.uint8),
        shape,
        shape,
        lambda i: _read(files[i], settled, shape),
        "image",
        look=lambda: _look(files, settled),
        place=lambda i: str(files[i]) if len(files) > 1 else "the image",
    )


def _read(path: Path, frame: PictureLayout, shape: Shape) -> NDArray[Any]:
    assert frame.width is not None
    assert frame.height is not None
    with _opened(path) as image:
        picture = _narrowed(image).convert(_MODES[frame.channels])
        if picture.size != (frame.width, frame.height):
            from PIL import Image

            picture = picture.resize((frame.width, frame.height), Image.Resampling.BILINEAR)
        pixels = np.asarray(picture, np.uint8)
    if frame.first and frame.channels > 1:
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels).reshape(shape)


def _narrowed(image: Any) -> Any:
    """Grey values of 16 bits as their upper 8; Pillow would cut them off at 255.

    Raises ValueError for floats, which it would cut off too.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floats; save them as .npy")
    if image.mode not in _WIDE:
        return image
    from PIL import Image

    return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))


@contextmanager
def _opened(path: Path) -> Any:
    """Open an image, naming the file when that fails, at once or while it is read."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise UsageError(
            f"{path}: reading images needs Pillow; install it with: pip install 'refinterp[images]'"
        ) from None
    try:
        with Image.open(path) as image:
            yield image
    except UnidentifiedImageError:
        raise UsageError(f"{path}: not an image that Pillow can read") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path}: not a readable image: {error}") from None


def _look(files: Sequence[Path], frame: PictureLayout) -> tuple[str, ...]:
    """Tell what happens to images on the way in, from the heads of the first files."""
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    turned = frames = 0
    seen = files[:_LOOKED_AT]
    for path in seen:
        with _opened(path) as image:
            sizes[image.size] += 1
            modes[image.mode] += 1
            turned += image.getexif().get(_ORIENTATION, 1) != 1
            frames += getattr(image, "n_frames", 1) > 1
    many = f"of {len(seen)} image(s)" if len(seen) == len(files) else f"of the first {len(seen)}"
    told = []
    others = sizes.copy()
    others.pop((frame.width or 0, frame.height or 0), None)
    if others:
        named = ", ".join(f"{w}x{h}" for (w, h), _ in others.most_common(_NAMED))
        more = f" and {len(others) - _NAMED} other sizes" if len(others) > _NAMED else ""
        told.append(
            f"{sum(others.values())} {many} resized from {named}{more} to "
            f"{frame.width}x{frame.height} (width x height; bilinear, stretched, not cropped)"
        )
    mode = _MODES[frame.channels]
    converted = {m: n for m, n in modes.items() if m != mode}
    for found, count in converted.items():
        lost = ", its transparency dropped" if "A" in found and mode != "RGBA" else ""
        lost = ", the upper 8 of 16 bits" if found in _WIDE else lost
        told.append(f"{count} {many} converted from {_spoken(found)} to {_spoken(mode)}{lost}")
    if turned:
        told.append(f"{turned} {many} are marked to be turned (EXIF); they are taken as stored")
    if frames:
        told.append(f"{frames} {many} are animated; the first picture is taken")
    return tuple(told)


def _spoken(mode: str) -> str:
    names = {"L": "grey", "LA": "grey with transparency", "P": "a palette", "1": "black and white"}
    return names.get(mode, "16-bit grey" if mode in _WIDE else mode)


def _frame(dims: Pattern, wanted: ModelInput, origin: str) -> PictureLayout:
    """How an input of these sizes holds one picture."""
    if len(dims) == 4 and dims[0] == 1 and dims[3] in _MODES:
        return PictureLayout(dims[1], dims[2], int(dims[3]))
    if len(dims) == 4 and dims[0] == 1 and dims[1] in _MODES:
        return PictureLayout(dims[2], dims[3], int(dims[1]), first=True)
    if len(dims) == 3 and dims[2] in _MODES and dims[0] != 1:
        return PictureLayout(dims[0], dims[1], int(dims[2]))
    if len(dims) == 3 and dims[0] == 1:
        return PictureLayout(dims[1], dims[2], 1)
    if len(dims) == 2 and dims[0] is not None and dims[1] is not None:
        side = round(float(dims[1]) ** 0.5)
        if dims[0] == 1 and side * side == dims[1]:
            return PictureLayout(side, side, 1)
        if dims[0] > 1:
            return PictureLayout(dims[0], dims[1], 1)
    raise UsageError(
        f"{origin}: input {wanted.spec.name!r} of shape {wanted.allowed} does not hold one image; "
        "allowed: [1, height, width, 1, 3 or 4], [1, 1 or 3 or 4, height, width], [1, height, "
        "width], [height, width]"
    )
