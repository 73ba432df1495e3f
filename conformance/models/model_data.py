"""The data sets our own models are trained on: one that ships with scikit-learn, three we draw.

Every function returns float32 inputs in the model's input shape (samples on axis 0) and int64
labels, from a seed and NumPy alone, so that the held-out samples can be drawn again anywhere.
Values lie on a coarse grid (a 4-bit scan, an 8-bit camera, a 1/64 g accelerometer), as a
sensor's would, which also lets the sample files compress.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """A named, split data set. `classes` gives the meaning of each label."""

    name: str
    input_name: str
    classes: tuple[str, ...]
    train_x: Floats
    train_y: Labels
    test_x: Floats
    test_y: Labels


def split(
    x: NDArray[np.floating], y: Labels, held_out: float, seed: int
) -> tuple[Floats, Labels, Floats, Labels]:
    """Shuffle and cut into (train_x, train_y, test_x, test_y)."""
    order = np.random.default_rng(seed).permutation(len(x))
    cut = round(len(x) * (1 - held_out))
    x32 = x.astype(np.float32)
    return x32[order[:cut]], y[order[:cut]], x32[order[cut:]], y[order[cut:]]


def digits(seed: int) -> Dataset:
    """Handwritten digits, 8 x 8 x 1 in 0..1 (scikit-learn's `load_digits`, 1,797 images)."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    x = (raw.images / 16.0)[..., None]
    y = raw.target.astype(np.int64)
    return Dataset("digits", "image", tuple("0123456789"), *split(x, y, 0.3, seed))


# --- vibration of a small motor ---------------------------------------------------------------

SAMPLE_RATE = 1600.0  # Hz
WINDOW = 128  # samples: 80 ms
MOTOR_STATES = ("idle", "normal", "imbalance", "bearing", "loose")


def vibration_window(state: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """One window of three-axis acceleration in g, shape (WINDOW, 3), on a 1/64 g grid.

    A motor turning at 20..35 Hz: imbalance is a strong first harmonic in the radial axes, a
    bearing fault is a train of impacts that ring a resonance, looseness adds half and higher
    harmonics and clips on one side.
    """
    t = np.arange(WINDOW) / SAMPLE_RATE
    turn = 2 * np.pi * rng.uniform(20, 35)
    phase, gain = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.3)
    angle = turn * t + phase
    g = np.zeros((WINDOW, 3))
    if state != "idle":
        radial = rng.uniform(0.45, 1.0) if state == "imbalance" else rng.uniform(0.15, 0.45)
        g[:, 0] = radial * np.cos(angle)
        g[:, 1] = radial * np.sin(angle)
        g[:, 2] = rng.uniform(0.05, 0.15) * np.cos(2 * angle)
    if state == "bearing":
        since = np.mod(angle * rng.uniform(4.3, 5.1), 2 * np.pi) / (turn * 4.7)
        ring = np.exp(-since * 350) * np.sin(2 * np.pi * rng.uniform(380, 520) * since)
        g += ring[:, None] * rng.uniform(0.25, 0.9) * np.array([0.6, 0.4, 1.0])
    if state == "loose":
        rattle = 0.5 * np.cos(angle / 2) + 0.4 * np.cos(3 * angle) + 0.3 * np.cos(4 * angle)
        g += rattle[:, None] * rng.uniform(0.35, 0.9) * np.array([1.0, 0.7, 0.5])
        g = np.minimum(g, rng.uniform(0.3, 0.6))
    g = gain * g + rng.normal(0, rng.uniform(0.04, 0.13), g.shape)
    g += rng.normal(0, 0.03, 3)  # mounting tilt left over after gravity is taken out
    return np.clip(np.round(g * 64) / 64, -4, 4)


def vibration(seed: int, per_class: int = 500) -> tuple[NDArray[np.float64], Labels]:
    """Windows of every motor state: (5 * per_class, WINDOW, 3) and their labels."""
    rng = np.random.default_rng(seed)
    x = [vibration_window(state, rng) for state in MOTOR_STATES for _ in range(per_class)]
    return np.stack(x), np.repeat(np.arange(len(MOTOR_STATES)), per_class).astype(np.int64)


def motor(seed: int) -> Dataset:
    """Motor state from 80 ms of acceleration: WINDOW x 1 x 3 in g."""
    x, y = vibration(seed)
    return Dataset("motor", "window", MOTOR_STATES, *split(x[:, :, None, :], y, 0.3, seed))


BANDS = 16


def band_levels(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log energies of 16 bands for each axis: (N, WINDOW, 3) -> (N, 48)."""
    power = np.abs(np.fft.rfft(x * np.hanning(WINDOW)[:, None], axis=1)[:, 1:]) ** 2
    bands = power.reshape(len(x), BANDS, -1, 3).mean(axis=2)
    return np.log10(bands + 1e-3).transpose(0, 2, 1).reshape(len(x), -1)


def anomaly(seed: int) -> Dataset:
    """Band levels of a healthy motor (label 0, all that is trained on) and of faulty ones (1)."""
    windows, state = vibration(seed + 1)
    levels = band_levels(windows)
    healthy = state == MOTOR_STATES.index("normal")
    faulty = state > MOTOR_STATES.index("normal")
    centre, spread = levels[healthy].mean(axis=0), levels[healthy].std(axis=0)
    levels = np.round((levels - centre) / spread * 32) / 32
    train_x, train_y, test_x, test_y = split(
        levels[healthy], np.zeros(healthy.sum(), np.int64), 0.3, seed
    )
    faults = levels[faulty].astype(np.float32)
    faults = faults[np.random.default_rng(seed).permutation(len(faults))[: len(test_x)]]
    mixed = np.concatenate([test_x, faults])
    labels = np.concatenate([test_y, np.ones(len(faults), np.int64)])
    order = np.random.default_rng(seed).permutation(len(mixed))
    return Dataset(
        "anomaly", "levels", ("healthy", "faulty"), train_x, train_y, mixed[order], labels[order]
    )


# --- small pictures ---------------------------------------------------------------------------

SHAPES = ("disc", "ring", "square", "triangle", "cross", "bars")
SIDE = 16


def shape_image(shape: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """One grey picture, (SIDE, SIDE) in 0..1 on a 1/255 grid: a turned, noisy, faint figure."""
    fine = 4  # each pixel is the mean of fine x fine points
    grid = (np.arange(SIDE * fine) + 0.5) / fine - SIDE / 2
    dx, dy = rng.uniform(-2.5, 2.5, 2)
    turn, r = rng.uniform(0, 2 * np.pi), rng.uniform(3.2, 5.5)
    x0, y0 = grid[None, :] - dx, grid[:, None] - dy
    u = (np.cos(turn) * x0 + np.sin(turn) * y0) / r
    v = (np.cos(turn) * y0 - np.sin(turn) * x0) / r
    radius, box = np.hypot(u, v), np.maximum(np.abs(u), np.abs(v))
    inside = {
        "disc": radius < 1,
        "ring": (radius < 1) & (radius > 0.6),
        "square": box < 0.85,
        "triangle": (v > -0.6) & (v + 1.8 * np.abs(u) < 1.0),
        "cross": (box < 1) & (np.minimum(np.abs(u), np.abs(v)) < 0.28),
        "bars": (box < 1) & (np.abs(np.abs(u) - 0.6) < 0.3),
    }[shape]
    figure = inside.reshape(SIDE, fine, SIDE, fine).mean(axis=(1, 3))
    low, high = rng.uniform(0.0, 0.35), rng.uniform(0.55, 1.0)
    image = low + (high - low) * figure + rng.normal(0, rng.uniform(0.02, 0.1), figure.shape)
    return np.clip(np.round(image * 255), 0, 255) / 255


def shapes(seed: int, per_class: int = 500) -> Dataset:
    """Six figures, 16 x 16 x 1 in 0..1."""
    rng = np.random.default_rng(seed)
    x = np.stack([shape_image(shape, rng) for shape in SHAPES for _ in range(per_class)])
    y = np.repeat(np.arange(len(SHAPES)), per_class).astype(np.int64)
    return Dataset("shapes", "image", SHAPES, *split(x[..., None], y, 0.3, seed))


# --- measuring --------------------------------------------------------------------------------


def quantize(x: Floats, scale: float, zero: int, dtype: DTypeLike) -> NDArray[Any]:
    """Real values to codes of `dtype`, saturated; a scale of 0 leaves them as they are."""
    if not scale:
        return x
    limits = np.iinfo(np.dtype(dtype))
    codes = np.round(x / np.float32(scale)) + zero
    return np.clip(codes, limits.min, limits.max).astype(dtype)


def dequantize(codes: NDArray[Any], scale: float, zero: int) -> Floats:
    """Codes to real values; a scale of 0 leaves them as they are."""
    real = codes.astype(np.float32)
    return (real - zero) * np.float32(scale) if scale else real


def quality(family: str, x: Floats, labels: Labels, output: Floats) -> float:
    """How good real outputs are, 0..1.

    A classifier: the share of samples whose highest score is the label's. `anomaly`: the area
    under the ROC curve of the mean squared reconstruction error, ties counting half.
    """
    if family != "anomaly":
        return float(np.mean(output.argmax(axis=1) == labels))
    error = np.mean((output.astype(np.float64) - x) ** 2, axis=1)
    faulty, healthy = error[labels == 1][:, None], error[labels == 0][None, :]
    return float(np.mean((faulty > healthy) + 0.5 * (faulty == healthy)))
