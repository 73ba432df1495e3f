"""Plants faults in healthy models and asks the debugger for them.

    python -m conformance.planted_faults            200 trials, writes the result and the page
    python -m conformance.planted_faults --page     only the page, from the result

Each trial draws a fault, a healthy model that it fits and a layer, plants it, and gives the model
to `refinterp debug` (as a library) with samples, with the float model or, where the fault does not
need it, by chance without. It counts as found when the first layer is the one it was planted in,
one of that layer's own causes is the fault's, and no layer has an own cause of another name that
the healthy model does not have as well. A fault that changes no output is drawn again, and counted.

Results go to `conformance/planted_faults.json`, from which `docs/planted-faults.md` is written.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from conformance.surgery import Patient
from refinterp.debug.compare import Comparison, debug
from refinterp.debug.products import CHANNEL_AXIS
from refinterp.debug.result import DebugReport
from refinterp.errors import ModelError
from refinterp.graph.model import OPTIONAL, Model
from refinterp.modelfile.reader import read_model
from refinterp.run.executor import Executor
from refinterp.run.prepare import prepare
from refinterp.samples.convert import dequantize, fit_input
from refinterp.samples.source import Samples, open_samples

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "conformance" / "planted_faults.json"
PAGE = ROOT / "docs" / "planted-faults.md"
SEED = 5
TRIALS = 200

Rng = np.random.Generator


@dataclass(frozen=True)
class Subject:
    """A healthy pair with data that its ranges fit; baseline: causes it has all the same."""

    name: str
    model: Model
    twin: Model
    samples: Samples
    baseline: frozenset[tuple[int, str]] = frozenset()


@dataclass
class Plant:
    """A planted fault: the two models, the data, and the operators it may be reported at."""

    model: Model
    twin: Model
    samples: Samples
    operators: frozenset[int]
    detail: str
    needs_twin: bool = False


@dataclass(frozen=True)
class Fault:
    """A cause and the way to plant it; plant returns None where it does not fit the model."""

    id: str
    plant: Callable[[Subject, Rng], Plant | None]


@dataclass
class Trial:
    fault: str
    model: str
    twin: bool
    detail: str
    expected: list[int]
    first: int
    causes: list[str]
    others: list[str]
    ranked: bool = field(default=False)
    named: bool = field(default=False)

    @property
    def found(self) -> bool:
        return self.ranked and self.named and not self.others


# Where faults can go


def weighted(patient: Patient) -> list[int]:
    """Operators with constant weights and integers throughout."""
    return [
        i
        for i, o in enumerate(patient.operators)
        if o.name in CHANNEL_AXIS and patient.is_constant(o.inputs[1])
    ]


def free_outputs(patient: Patient) -> list[int]:
    """Operators that compute an activation whose scale nothing else has to share."""
    sharing = {"AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION", "RESHAPE", "PAD", "SQUEEZE",
               "STRIDED_SLICE", "RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE"}  # fmt: skip
    found = []
    for i, o in enumerate(patient.operators):
        readers = [patient.operators[r].name for r in patient.readers(o.outputs[0])]
        if o.name in (*CHANNEL_AXIS, "ADD", "MUL", "MEAN") and not sharing & set(readers):
            found.append(i)
    return found


def draw(rng: Rng, choices: list[int]) -> int | None:
    return int(rng.choice(choices)) if choices else None


def plain(subject: Subject, patient: Patient, operator: int, detail: str, **more: Any) -> Plant:
    return Plant(
        patient.build(), subject.twin, subject.samples, frozenset({operator}), detail, **more
    )


# The faults


def range_off(low: float, high: float) -> Callable[[Subject, Rng], Plant | None]:
    def plant(subject: Subject, rng: Rng) -> Plant | None:
        patient = Patient(subject.model)
        operator = draw(rng, free_outputs(patient))
        if operator is None:
            return None
        bits = rng.uniform(low, high)
        patient.rescale(patient.operators[operator].outputs[0], 2.0**bits)
        return plain(subject, patient, operator, f"output scale * 2^{bits:.1f}")

    return plant


def spread(subject: Subject, rng: Rng) -> Plant | None:
    """One channel's weights times 2^6..2^9 in both models, taken back by the layer that reads."""
    patient, twin = Patient(subject.model), Patient(subject.twin)
    places = []
    for i in weighted(patient):
        readers = patient.readers(patient.operators[i].outputs[0])
        activation = patient.operators[i].options.get("fused_activation_function")
        axis = patient.axis(i)
        fits = (
            len(readers) == 1
            and patient.operators[readers[0]].name in ("CONV_2D", "FULLY_CONNECTED")
            and patient.scale(patient.operators[i].inputs[1]).size > 1
            and activation in ("NONE", "RELU")
            and patient.tensors[patient.operators[i].inputs[1]].shape[axis] >= 4
        )
        if fits:
            places.append(i)
    operator = draw(rng, places)
    if operator is None:
        return None
    bits = float(rng.integers(6, 10))
    factor = 2.0**bits
    _x, w, _bias = patient.parts(operator)
    y = patient.operators[operator].outputs[0]
    channel = int(rng.integers(patient.scale(w).size))
    follower = patient.readers(y)[0]
    up = np.ones(patient.scale(w).size)
    up[channel] = factor
    for side, reals in ((patient, False), (twin, True)):
        _, sw, sb = side.parts(operator)
        _, fw, _ = side.parts(follower)
        axis = side.axis(operator)
        if reals:
            shape = [1] * len(side.tensors[sw].shape)
            shape[axis] = -1
            side.set_values(sw, side.values(sw) * up.reshape(shape))
            if sb != OPTIONAL:
                side.set_values(sb, side.values(sb) * up)
            weights = side.values(fw).copy()
            weights[..., channel] /= factor
            side.set_values(fw, weights)
        else:
            side.set_grid(sw, scale=side.scale(sw) * up)
            if sb != OPTIONAL:
                side.set_grid(sb, scale=side.scale(sb) * up)
            weights = side.values(fw).astype(np.float64)
            weights[..., channel] /= factor
            side.set_values(fw, np.rint(weights))
    model = recalibrated(patient.build(), twin.build(), subject.samples)
    detail = f"channel {channel} * 2^{bits:.0f} in both models, taken back by operator {follower}"
    return Plant(model, twin.build(), subject.samples, frozenset({operator}), detail)


def bias_saturated(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    operator = draw(rng, [i for i in weighted(patient) if _int32_bias(patient, i)])
    if operator is None:
        return None
    bias = patient.parts(operator)[2]
    codes = patient.values(bias).astype(np.int64)
    some = rng.random(codes.size) < rng.uniform(0.05, 0.5)
    some[rng.integers(codes.size)] = True
    codes[some] = np.where(rng.random(some.sum()) < 0.5, 2**31 - 1, -(2**31))
    patient.set_values(bias, codes)
    return plain(subject, patient, operator, f"{int(some.sum())} of {codes.size} biases at the end")


def _int32_bias(patient: Patient, operator: int) -> bool:
    bias = patient.parts(operator)[2]
    return bias != OPTIONAL and patient.tensors[bias].dtype == "int32"


def overflow(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    operator = draw(rng, [i for i in weighted(patient) if _int32_bias(patient, i)])
    if operator is None:
        return None
    _x, w, bias = patient.parts(operator)
    codes = patient.values(bias).astype(np.int64)
    channel = int(rng.integers(codes.size))
    weights = np.moveaxis(patient.values(w).astype(np.int64), patient.axis(operator), 0)
    outwards = 1 if weights[channel].sum() >= 0 else -1
    codes[channel] = outwards * (2**31 - int(rng.integers(200, 2000)))
    patient.set_values(bias, codes)
    if not _wraps(patient.build(), subject.samples, operator, channel):
        return None
    return plain(subject, patient, operator, f"bias of channel {channel}: {codes[channel]}")


def _wraps(model: Model, samples: Samples, operator: int, channel: int) -> bool:
    """Whether a channel with a bias at the end of int32 reaches both ends: its sums wrap around."""
    program = prepare(model)
    executor = Executor(program)
    seen: list[np.ndarray] = []

    def look(moment: str, step: Any, _inputs: Any, results: Any) -> None:
        if moment == "after" and step.operator == operator:
            seen.append(results[0][..., channel].copy())

    for sample in samples:
        for tensor, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = fit_input(values, program.specs[tensor])[0]
        executor.invoke([look])
    return len(np.unique(np.concatenate([one.reshape(-1) for one in seen]))) > 1


def multiplier(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    operator = draw(rng, [i for i in weighted(patient) if i in free_outputs(patient)])
    if operator is None:
        return None
    x, w, _ = patient.parts(operator)
    y = patient.operators[operator].outputs[0]
    if rng.random() < 0.7:
        factor = (patient.scale(x) * patient.scale(w) / patient.scale(y)).min()
        wanted = 2.0 ** rng.uniform(0.1, 6)
        patient.rescale(y, factor / wanted)
        return plain(
            subject, patient, operator, f"output scale so that multipliers are {wanted:.3g}"
        )
    factor = (patient.scale(x) * patient.scale(w) / patient.scale(y)).max()
    wanted = 2.0 ** rng.uniform(-44, -34)
    patient.rescale(y, factor / wanted)
    return plain(subject, patient, operator, f"multipliers of {wanted:.3g} by output scale")


def dead(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    operator = draw(rng, weighted(patient))
    if operator is None:
        return None
    w = patient.parts(operator)[1]
    codes = np.moveaxis(patient.values(w).copy(), patient.axis(operator), 0)
    some = rng.random(len(codes)) < rng.uniform(0.1, 0.6)
    some[rng.integers(len(codes))] = True
    codes[some] = 0
    patient.set_values(w, np.moveaxis(codes, 0, patient.axis(operator)))
    return plain(subject, patient, operator, f"weights of {int(some.sum())} channels are 0")


def input_scaling(subject: Subject, rng: Rng) -> Plant | None:
    """The data times 255, divided by it, or on -1..1 for 0..1, or half a range beside."""
    patient = Patient(subject.model)
    graph = subject.model.subgraphs[0]
    x = graph.inputs[0]
    span = patient.scale(x)[0] * 255
    kind = int(rng.integers(3))
    low = -(patient.zero(x) + 128) * patient.scale(x)[0]

    def change(values: np.ndarray) -> np.ndarray:
        if kind == 0:
            return (values * 255).astype(np.float32)
        if kind == 1:
            return (values / 255).astype(np.float32)
        if low == 0:
            return (2 * values - span).astype(np.float32)
        return (values + span / 2).astype(np.float32)

    samples = Samples(
        subject.samples.count,
        lambda i: [change(values) for values in subject.samples.get(i)],
        "changed",
    )
    beside = "data on -1..1 for 0..1" if low == 0 else "data half a range beside"
    detail = ("data * 255", "data / 255", beside)[kind]
    return Plant(
        subject.model,
        subject.twin,
        samples,
        frozenset(patient.readers(x)),
        detail,
        needs_twin=False,
    )


def fixed(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    places = [i for i, o in enumerate(patient.operators) if o.name in ("SOFTMAX", "LOGISTIC")]
    operator = draw(rng, places)
    if operator is None:
        return None
    y = patient.operators[operator].outputs[0]
    factor = float(rng.choice([0.25, 0.5, 1.5, 2.0, 4.0]))
    patient.set_grid(y, scale=patient.scale(y) * factor)
    return plain(subject, patient, operator, f"{patient.operators[operator].name} scale * {factor}")


def concat(subject: Subject, rng: Rng) -> Plant | None:
    """One branch's layer 2^-5..2^-8 as large, in both models."""
    places = []
    patient, twin = Patient(subject.model), Patient(subject.twin)
    for i, o in enumerate(patient.operators):
        if o.name == "CONCATENATION":
            for x in o.inputs:
                writer = patient.writer(x)
                if writer in weighted(patient):
                    places.append((i, writer))
    if not places:
        return None
    operator, branch = places[int(rng.integers(len(places)))]
    bits = rng.uniform(5, 7.5)
    _shrink(patient, twin, branch, 2.0**-bits)
    detail = f"branch of operator {branch} * 2^-{bits:.1f} in both models"
    model = recalibrated(patient.build(), twin.build(), subject.samples)
    return Plant(model, twin.build(), subject.samples, frozenset({operator}), detail)


def _shrink(patient: Patient, twin: Patient, operator: int, factor: float) -> None:
    """Scale a layer's weights and bias in both models; the int8 codes stay."""
    for side in (patient, twin):
        _, w, bias = side.parts(operator)
        for tensor in (w, bias):
            if tensor == OPTIONAL:
                continue
            if side is twin:
                side.set_values(tensor, side.values(tensor) * np.float32(factor))
            else:
                side.set_grid(tensor, scale=side.scale(tensor) * factor)


def residual(subject: Subject, rng: Rng) -> Plant | None:
    """One side of an addition 2^-5..2^-7 as large in both models, with a range of its own."""
    patient, twin = Patient(subject.model), Patient(subject.twin)
    places = []
    for i, o in enumerate(patient.operators):
        if o.name == "ADD":
            for x in o.inputs:
                writer = patient.writer(x)
                if writer in weighted(patient) and len(patient.readers(x)) == 1:
                    places.append((i, writer))
    if not places:
        return None
    operator, branch = places[int(rng.integers(len(places)))]
    bits = rng.uniform(5, 7.5)
    _shrink(patient, twin, branch, 2.0**-bits)
    patient.rescale(patient.operators[branch].outputs[0], 2.0**-bits)
    detail = f"side of operator {branch} * 2^-{bits:.1f} in both models"
    model = recalibrated(patient.build(), twin.build(), subject.samples)
    return Plant(model, twin.build(), subject.samples, frozenset({operator}), detail)


def recalibrated(model: Model, twin: Model, samples: Samples) -> Model:
    """The model with every range set anew from the float model's values, as a converter does.

    For plants that change what the network computes: only then do the other ranges stay healthy.
    Tensors that share their scale keep sharing it; outputs with a fixed scale and inputs stay.
    """
    comparison = Comparison(model, twin)
    report = comparison.report(comparison.measure(samples))
    patient = Patient(model)
    shared: dict[int, list[Any]] = {}
    group = {i: i for i in range(len(patient.tensors))}

    def root(tensor: int) -> int:
        while group[tensor] != tensor:
            tensor = group[tensor]
        return tensor

    for step in patient.operators:
        if step.name in (*CHANNEL_AXIS, "ADD", "MUL", "SOFTMAX", "LOGISTIC", "MEAN", "HARD_SWISH"):
            continue
        for x in step.inputs:
            if x != OPTIONAL and not patient.is_constant(x):
                group[root(x)] = root(step.outputs[0])
    for layer in report.layers:
        if layer.op_name not in ("SOFTMAX", "LOGISTIC"):
            shared.setdefault(root(layer.tensor), []).append(layer)
    for layers in shared.values():
        low = min(0.0, *(layer.reals.lowest for layer in layers))
        high = max(0.0, *(layer.reals.highest for layer in layers))
        scale = float(np.float32((high - low) / 255)) or 1.0
        zero = round(-128 - low / scale)
        for layer in layers:
            patient.rescale(layer.tensor, scale / patient.scale(layer.tensor)[0])
            patient.set_grid(layer.tensor, scale=scale, zero_point=zero)
    return patient.build()


def zero_point(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    operator = draw(rng, free_outputs(patient))
    if operator is None:
        return None
    wanted = int(rng.choice([-1, 1]) * rng.integers(130, 400))
    patient.set_grid(patient.operators[operator].outputs[0], zero_point=wanted)
    return plain(subject, patient, operator, f"zero point of the output: {wanted}")


def bad_scale(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    wanted = float(rng.choice([0.0, np.inf, np.nan, 1e-40, -0.01]))
    if rng.random() < 0.5:
        operator = draw(rng, free_outputs(patient))
        tensor = None if operator is None else patient.operators[operator].outputs[0]
    else:
        operator = draw(rng, weighted(patient))
        tensor = None if operator is None else patient.parts(operator)[1]
    if operator is None or tensor is None:
        return None
    scales = patient.scale(tensor)
    scales[rng.integers(scales.size)] = wanted
    patient.set_grid(tensor, scale=scales)
    what = "output" if tensor in patient.operators[operator].outputs else "weights"
    return plain(subject, patient, operator, f"a scale of the {what}: {wanted}")


def wrong_dimension(subject: Subject, rng: Rng) -> Plant | None:
    """Weights quantized along another dimension of the same size, as the file then says."""
    patient, twin = Patient(subject.model), Patient(subject.twin)
    places = []
    for i in weighted(patient):
        w = patient.parts(i)[1]
        shape = patient.tensors[w].shape
        others = [
            a for a, s in enumerate(shape) if a != patient.axis(i) and s == shape[patient.axis(i)]
        ]
        if patient.scale(w).size > 1 and others:
            places.append((i, others[0]))
    if not places:
        return None
    operator, axis = places[int(rng.integers(len(places)))]
    _, w, _ = patient.parts(operator)
    reals = twin.values(twin.parts(operator)[1]).astype(np.float64)
    rest = tuple(a for a in range(reals.ndim) if a != axis)
    scales = np.float32(np.maximum(np.abs(reals).max(axis=rest), 1e-9) / 127).astype(np.float64)
    shape = [1] * reals.ndim
    shape[axis] = -1
    patient.set_values(w, np.clip(np.rint(reals / scales.reshape(shape)), -127, 127))
    patient.set_grid(w, scale=scales, quantized_dimension=axis)
    patient.follow_bias(operator)
    return plain(subject, patient, operator, f"weights quantized along dimension {axis}")


def bias_scale(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    operator = draw(rng, [i for i in weighted(patient) if patient.parts(i)[2] != OPTIONAL])
    if operator is None:
        return None
    bias = patient.parts(operator)[2]
    factor = 2.0 ** (rng.choice([-1, 1]) * rng.uniform(0.5, 4))
    patient.set_values(bias, np.rint(patient.values(bias) / factor))
    patient.set_grid(bias, scale=patient.scale(bias) * factor)
    return plain(subject, patient, operator, f"bias quantized with {factor:.3g} times its scale")


def other_weights(subject: Subject, rng: Rng) -> Plant | None:
    patient = Patient(subject.model)
    operator = draw(rng, weighted(patient))
    if operator is None:
        return None
    w = patient.parts(operator)[1]
    codes = np.moveaxis(patient.values(w).copy(), patient.axis(operator), 0)
    kind = int(rng.integers(3))
    if kind == 0:
        channel = int(rng.integers(len(codes)))
        codes[channel] = -codes[channel]
        detail = f"weights of channel {channel} negated"
    elif kind == 1:
        codes = codes[rng.permutation(len(codes))]
        detail = "channels of the weights permuted"
    else:
        flat = codes.reshape(-1)
        some = rng.choice(flat.size, max(1, flat.size // 20), replace=False)
        flat[some] = rng.integers(-127, 128, some.size)
        detail = "5 % of the weights drawn anew"
    patient.set_values(w, np.moveaxis(codes, 0, patient.axis(operator)))
    return plain(subject, patient, operator, detail, needs_twin=True)


FAULTS = (
    Fault("range_too_wide", range_off(2, 5)),
    Fault("range_clipped", range_off(-4, -1.5)),
    Fault("weight_scale_spread", spread),
    Fault("bias_saturated", bias_saturated),
    Fault("accumulator_overflow", overflow),
    Fault("multiplier_out_of_range", multiplier),
    Fault("dead_channels", dead),
    Fault("input_scaling", input_scaling),
    Fault("fixed_output_scale", fixed),
    Fault("concat_scale_mismatch", concat),
    Fault("residual_side_lost", residual),
    Fault("zero_point_out_of_range", zero_point),
    Fault("bad_scale", bad_scale),
    Fault("wrong_quantized_dimension", wrong_dimension),
    Fault("bias_scale_mismatch", bias_scale),
    Fault("weights_disagree", other_weights),
)


# Trials


def subjects() -> Iterator[Subject]:
    """The healthy pairs: the project's own, and those of the corpus where it is."""
    own = ROOT / "refinterp" / "data", ROOT / "conformance" / "models"
    for folder, family in ((own[0], "digits"), (own[0], "shapes"), (own[1], "motor")):
        yield _subject(
            family,
            folder / f"{family}_int8.tflite",
            folder / f"{family}_float.tflite",
            folder / f"{family}_samples.npz",
        )
    named = os.environ.get("REFINTERP_CORPUS")
    corpus = (Path(named) if named else ROOT.parent / "shared") / "models"
    for family, low, high in (
        ("resnet8_cifar", 0.0, 255.0), ("mobilenet_v2_224", 0.0, 1.0), ("ad01", -40.0, 0.0),
    ):  # fmt: skip
        quantized = corpus / f"{family}_int8.tflite"
        if quantized.is_file():
            twin = corpus / f"{family}_float.tflite"
            yield _subject(family, quantized, twin, (low, high))


def _subject(name: str, quantized: Path, twin: Path, data: Path | tuple[float, float]) -> Subject:
    models = read_model(quantized), read_model(twin)
    comparison = Comparison(*models)
    specs = [comparison.quantized.specs[i] for i in comparison.quantized.graph.inputs]
    if isinstance(data, Path):
        source = open_samples(data, specs)
        kept = [source.get(i) for i in range(48)]
        samples = Samples(len(kept), kept.__getitem__, str(data.name))
    else:
        smooth = name == "resnet8_cifar"
        drawn = [[(_smooth if smooth else _white)(specs[0].shape, *data, k)] for k in range(6)]
        kind = "smooth" if smooth else "white"
        samples = Samples(len(drawn), drawn.__getitem__, f"{kind} noise in {data[0]}..{data[1]}")
    report = comparison.report(comparison.measure(samples))
    return Subject(name, *models, samples, frozenset(own_causes(report)))


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


def own_causes(report: DebugReport) -> set[tuple[int, str]]:
    return {
        (layer.operator, cause.id)
        for layer in report.layers
        for cause in layer.causes
        if cause.implied_by is None
    }


@np.errstate(all="ignore")
def outputs(model: Model, samples: Samples) -> list[np.ndarray] | None:
    """The model's outputs as reals, None if it cannot be prepared."""
    try:
        program = prepare(model)
    except ModelError:
        return None
    executor = Executor(program)
    found = []
    for sample in samples:
        for tensor, values in zip(program.graph.inputs, sample, strict=True):
            executor.input(tensor)[0] = fit_input(values, program.specs[tensor])[0]
        executor.invoke()
        found += [dequantize(executor.read(t)[0], program.specs[t]) for t in program.graph.outputs]
    return found


def changes_output(subject: Subject, plant: Plant) -> bool:
    faulty = outputs(plant.model, plant.samples)
    if faulty is None:
        return True
    healthy = outputs(subject.model, subject.samples)
    assert healthy is not None
    return any(not np.array_equal(a, b) for a, b in zip(faulty, healthy, strict=True))


def attempt(fault: Fault, subject: Subject, plant: Plant, *, twin: bool) -> Trial:
    report = debug(plant.model, plant.samples, plant.twin if twin else None)
    found = own_causes(report)
    first = report.layers[0]
    own = [cause.id for cause in first.causes if cause.implied_by is None]
    others = sorted({
        f"{id_} at {operator}"
        for operator, id_ in found - subject.baseline
        if id_ != fault.id
    })  # fmt: skip
    return Trial(
        fault.id, subject.name, twin, plant.detail, sorted(plant.operators), first.operator, own,
        others, first.operator in plant.operators, fault.id in own,
    )  # fmt: skip


def run(trials: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    patients = list(subjects())
    done: list[Trial] = []
    drawn_again: Counter[str] = Counter()
    while len(done) < trials:
        fault = FAULTS[len(done) % len(FAULTS)]
        subject = patients[int(rng.integers(len(patients)))]
        plant = fault.plant(subject, rng)
        if plant is None:
            continue
        if not changes_output(subject, plant):
            drawn_again[fault.id] += 1
            continue
        trial = attempt(fault, subject, plant, twin=plant.needs_twin or bool(rng.random() < 0.5))
        done.append(trial)
        print(
            f"{len(done):3d} {'ok  ' if trial.found else 'MISS'} {trial.fault} {trial.model} "
            f"twin={trial.twin} {trial.expected} {trial.detail}"
            + ("" if trial.found else f" -> {trial.first} {trial.causes} others {trial.others}"),
            flush=True,
        )
    return {
        "seed": seed,
        "models": {
            s.name: {"samples": s.samples.origin, "healthy_causes": sorted(map(list, s.baseline))}
            for s in patients
        },
        "drawn_again": dict(drawn_again),
        "trials": [{**vars(t), "found": t.found} for t in done],
    }


def page(result: dict[str, Any]) -> str:
    rows = []
    trials = result["trials"]
    for fault in FAULTS:
        own = [t for t in trials if t["fault"] == fault.id]
        if own:
            found, ranked, named, alone = (
                sum(bool(t[k]) if k != "others" else not t[k] for t in own)
                for k in ("found", "ranked", "named", "others")
            )
            again = result["drawn_again"].get(fault.id, 0)
            models = ", ".join(sorted({t["model"] for t in own}))
            rows.append(
                f"| `{fault.id}` | {len(own)} | {found} | {ranked} | {named} | {alone} | {again} | "
                f"{models} |"
            )
    total = sum(t["found"] for t in trials)
    missed = [
        f"- `{t['fault']}` in {t['model']}, operator {t['expected']} ({t['detail']}; "
        f"{'with' if t['twin'] else 'without'} the float model): first was operator {t['first']} "
        f"with {', '.join(t['causes']) or 'no cause'}"
        + (f"; also named: {', '.join(t['others'])}" if t["others"] else "")
        for t in trials
        if not t["found"]
    ]
    models = "\n".join(
        f"- {name}: {about['samples']}; causes before anything is planted: "
        + (", ".join(f"{id_} at {op}" for op, id_ in about["healthy_causes"]) or "none")
        for name, about in result["models"].items()
    )
    return PAGE_TEXT.format(
        total=total,
        count=len(trials),
        share=100 * total / len(trials),
        rows="\n".join(rows),
        missed="\n".join(missed) or "None.",
        models=models,
        seed=result["seed"],
        again=sum(result["drawn_again"].values()),
    )


PAGE_TEXT = """# Planted faults

Written by `python -m conformance.planted_faults`; do not edit.

A healthy model is given one fault at a random layer, and the debugger is asked for it. A trial
counts as **found** when that layer is ranked **first**, the fault is **named** among its causes,
and no layer has a cause of another name (**alone**) that does not follow from another cause.
Faults that changed no output were drawn again ({again} times); a model that can no longer be run
counts as changed, and the debugger has only its file to go by.

Found: **{total} of {count}** ({share:.1f} %), seed {seed}. The debugger had the float model in
about half of the trials, and in all where the cause needs it.

| cause | trials | found | first | named | alone | drawn again | models |
|---|---|---|---|---|---|---|---|
{rows}

## Models and data

{models}

## Not found

{missed}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    if options.page:
        result = json.loads(RESULTS.read_text("utf-8"))
    else:
        result = run(options.trials, options.seed)
        if not options.dry:
            RESULTS.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if options.dry:
        print(page(result))
    else:
        PAGE.write_text(page(result), "utf-8")


if __name__ == "__main__":
    main()
