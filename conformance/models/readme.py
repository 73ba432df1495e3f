"""The README beside the models: what they are, and a table of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HEADER = "| file | bytes | operators | held-out | bundled | sha256 |"

INTRODUCTION = """# Models and samples

Written by `python -m conformance.models.make_models`; do not edit. Trained and converted with
TensorFlow {version} (Keras 2), seed {seed}. Licence: Apache-2.0, as the rest of the project.

`*_float` is float32. `*_int8` is the same network after full-integer quantization (int8 input
and output, per-channel convolution weights, per-tensor fully-connected weights), calibrated
with the first {calibration} training samples. `*_int16x8` has 16-bit activations and 8-bit
weights. `*_samples.npz` holds the first {bundled} held-out samples, float32, under the model's
input name, and their `labels`; `*_labels.txt` names the classes.

**held-out** is measured on every held-out sample and **bundled** on those in the `.npz`, with
the reference kernels: the share of samples classified correctly, for `anomaly` the area under
the ROC curve of the reconstruction error.

"""

ORIGINS = {
    "digits": "**digits**: handwritten digits, 8 x 8 x 1 in 0..1, from scikit-learn's "
    "`load_digits` (UCI *Optical Recognition of Handwritten Digits*, E. Alpaydin and C. Kaynak, "
    "CC BY 4.0), 30 % held out. A residual network of depthwise-separable convolutions. "
    "`digits_outlier_int8` is deliberately bad: the same network, but in one of its {calibration} "
    "calibration images one hot pixel reads {hot_pixel:g} (a stuck 10-bit converter on this 4-bit "
    "scale), so that every range from the input to the logits is too wide for real images.",
    "shapes": "**shapes**: six figures drawn by `conformance/models/model_data.py`, 16 x 16 x 1 "
    "in 0..1, "
    "turned, shifted, faint and noisy. Three branches of different receptive field, joined by a "
    "concatenation, gated channel by channel, with a coarse path resized and added back. "
    "No int16x8 twin: HARD_SWISH has no 16-bit form.",
    "motor": "**motor**: the state of a motor from 80 ms of three-axis vibration in g, drawn by "
    "`conformance/models/model_data.py`. Depthwise-separable convolutions with ReLU6.",
    "anomaly": "**anomaly**: band levels of the same vibration; a fully-connected autoencoder "
    "trained on healthy motors only, so that faults lie outside the calibrated ranges. "
    "Label 1 is faulty.",
}


def row(path: Path, scores: list[float], ops: int) -> str:
    """One line of the README table, in the order of HEADER."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    held_out, bundled = (f"{score:.4f}" for score in scores)
    return f"| {path.name} | {len(content)} | {ops} | {held_out} | {bundled} | `{digest}` |"


def existing_rows(folder: Path) -> dict[str, str]:
    """The table rows already in the folder's README, by file."""
    readme = folder / "README.md"
    lines = readme.read_text().splitlines() if readme.exists() else []
    return {line.split("|")[1].strip(): line for line in lines if ".tflite |" in line}


def readme(rows: Mapping[str, str], families: Iterable[str], facts: Mapping[str, Any]) -> str:
    """The page: its introduction, the rows in the order of the files, where the families come from.

    facts: what the texts name in braces.
    """
    text = INTRODUCTION.format(**facts)
    text += f"{HEADER}\n|---|---|---|---|---|---|\n"
    text += "".join(f"{rows[name]}\n" for name in sorted(rows))
    return text + "".join(f"\n{ORIGINS[name].format(**facts)}\n" for name in families)
