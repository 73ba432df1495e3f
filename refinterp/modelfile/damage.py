"""What has happened to a .tflite file whose beginning is right and whose rest is not."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_ENOUGH: Final = 8  # line ends, or replaced bytes, that are no accident
_REPLACED: Final = b"\xef\xbf\xbd"  # what UTF-8 puts for bytes that are no text


def explain(data: NDArray[np.uint8]) -> str:
    """Say what has probably been done to the bytes, and what to do."""
    feeds = np.flatnonzero(data == 0x0A)
    if feeds.size >= _ENOUGH and feeds[0] > 0 and bool((data[feeds - 1] == 0x0D).all()):
        return (
            "its line feeds have become CR LF, as when a file is copied as text (FTP, git's "
            "autocrlf): copy it as binary"
        )
    if data.tobytes().count(_REPLACED) >= _ENOUGH:
        return (
            "bytes that are no text have been replaced, as when a file is opened and saved as "
            "text: fetch it again as binary"
        )
    return f"the file is cut off at {data.size:,} bytes, or damaged: fetch or convert it again"
