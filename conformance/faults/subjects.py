"""The healthy models that faults are planted in, with data that their ranges fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from conformance.faults.recalibration import recalibrated
from refinterp.debug.compare import Comparison
from refinterp.debug.reference.shadow import shadow_of
from refinterp.debug.result import DebugReport
from refinterp.debug.setup import set_up
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.samples.samples import Samples
from refinterp.samples.source import open_samples

ROOT = Path(__file__).resolve().parents[2]
SEED = 5

_OWN = (
    (ROOT / "refinterp" / "data", "digits"),
    (ROOT / "refinterp" / "data", "shapes"),
    (ROOT / "conformance" / "models", "motor"),
    (ROOT / "conformance" / "models", "anomaly"),
)
_LARGE = 200  # rows of a picture: fewer of these do
_CORPUS = (
    # model, float model ("" for the model's own weights in float), noise, its lowest and highest,
    # whether ranges are set anew, from the noise
    ("resnet8_cifar_int8", "resnet8_cifar_float", "smooth", 0.0, 255.0, False),
    ("vww_96_int8", "vww_96_float", "smooth", 0.0, 1.0, True),
    ("kws_ref_model", "", "white", -80.0, 25.0, True),
    ("ad01_int8", "ad01_float", "white", -40.0, 0.0, False),
    ("person_detect", "", "smooth", -1.0, 1.0, True),
    ("mobilenet_v2_224_int8", "mobilenet_v2_224_float", "white", 0.0, 1.0, False),
)


@dataclass(frozen=True)
class HealthyPair:
    """A healthy pair with data that its ranges fit; baseline: causes it has all the same."""

    name: str
    model: Model
    twin: Model
    samples: Samples
    baseline: frozenset[tuple[int, str]] = frozenset()


def own_subjects() -> Iterator[HealthyPair]:
    """The project's own pairs, on held-out samples of what they were trained on."""
    for folder, family in _OWN:
        model = read_model(folder / f"{family}_int8.tflite")
        twin = read_model(folder / f"{family}_float.tflite")
        program = set_up(model, twin).quantized
        specs = [program.specs[i] for i in program.graph.inputs]
        source = open_samples(folder / f"{family}_samples.npz", specs)
        usual = range(source.count)
        if family == "anomaly":  # its ranges are made for what is no anomaly
            usual = np.flatnonzero(source.labels == 0)
        kept = [source.get(int(i)) for i in usual[:48]]
        origin = f"{len(kept)} of {family}_samples.npz"
        samples = Samples(len(kept), kept.__getitem__, origin)
        yield subject(family, model, twin, samples)


def corpus_subjects() -> Iterator[HealthyPair]:
    """Those of the corpus, where it is, on noise."""
    named = os.environ.get("REFINTERP_CORPUS")
    corpus = (Path(named) if named else ROOT.parent / "shared") / "models"
    for name, float_name, kind, low, high, anew in _CORPUS:
        if not (corpus / f"{name}.tflite").is_file():
            continue
        model = read_model(corpus / f"{name}.tflite")
        if float_name:
            twin = read_model(corpus / f"{float_name}.tflite")
        else:
            twin = shadow_of(model, 0).model
        shape = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape
        family = name.removesuffix("_int8").removesuffix("_model")
        samples = noise(
            kind, shape, low, high, count=3 if len(shape) == 4 and shape[1] >= _LARGE else 6
        )
        if anew:
            model = recalibrated(model, twin, samples)
            samples = replace(samples, origin=f"{samples.origin}, ranges set anew for it")
        if not float_name:
            samples = replace(samples, origin=f"{samples.origin}; its own weights in float")
        yield subject(family, model, twin, samples)


def subjects() -> Iterator[HealthyPair]:
    """All of them."""
    yield from own_subjects()
    yield from corpus_subjects()


def subject(name: str, model: Model, twin: Model, samples: Samples) -> HealthyPair:
    """A model with what the debugger says of it before anything is planted, with either twin."""
    found: set[tuple[int, str]] = set()
    for other in (twin, None):
        comparison = Comparison(model, other)
        found |= own_causes(comparison.report(comparison.measure(samples)))
    return HealthyPair(name, model, twin, samples, frozenset(found))


def own_causes(report: DebugReport) -> set[tuple[int, str]]:
    """The causes that do not follow from others, with their operators."""
    return {
        (layer.operator, cause.id)
        for layer in report.layers
        for cause in layer.causes
        if cause.implied_by is None
    }


def noise(kind: str, shape: tuple[int, ...], low: float, high: float, count: int = 6) -> Samples:
    """White noise between two values, or noise that is smooth as pictures are."""
    make = _smooth if kind == "smooth" else _white
    drawn = [[make(shape, low, high, k)] for k in range(count)]
    return Samples(count, drawn.__getitem__, f"{kind} noise in {low}..{high}")


def _smooth(shape: tuple[int, ...], low: float, high: float, seed: int) -> np.ndarray:
    """Noise of several sizes, like the light and shade of a photograph."""
    rng = np.random.default_rng((SEED, seed))
    _, rows, columns, channels = shape
    image = np.zeros((rows, columns, channels))
    size = 2
    while size <= rows:
        coarse = rng.normal(size=(size, size, channels))
        index = np.arange(rows) * size // rows, np.arange(columns) * size // columns
        image += coarse[np.ix_(*index)] / np.sqrt(size)
        size *= 2
    image -= image.min()
    image /= image.max()
    return (low + (high - low) * image)[None].astype(np.float32)


def _white(shape: tuple[int, ...], low: float, high: float, seed: int) -> np.ndarray:
    return np.random.default_rng((SEED, seed)).uniform(low, high, shape).astype(np.float32)
