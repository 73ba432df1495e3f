"""Train the small models refinterp ships and converts them: float, int8 and int16x8 twins.

    python -m conformance.models.make_models            # all of them
    python -m conformance.models.make_models digits     # only these; the tables keep the rest

Needs TensorFlow with its Keras 2 (`pip install tensorflow-cpu tf-keras scikit-learn`); nothing
else in the project does. Everything is seeded and TensorFlow's operators are held to their
deterministic forms, on one thread: the same TensorFlow on the same kind of processor makes the
same files. Another version or processor may train to slightly other weights, so the files are
committed and their README, written here too, records what they are.

Models the package uses go to `refinterp/data/`, the others to `conformance/models/`.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf

from conformance.models.model_data import (
    Dataset,
    Floats,
    anomaly,
    dequantize,
    digits,
    motor,
    quality,
    quantize,
    shapes,
)
from conformance.models.networks import (
    Network,
    anomaly_network,
    digits_network,
    motor_network,
    shapes_network,
)
from conformance.models.readme import existing_rows, readme, row

ROOT = Path(__file__).resolve().parents[2]
PACKAGED = ROOT / "refinterp" / "data"
OTHERS = ROOT / "conformance" / "models"
SEED = 42
MAX_BYTES = 100_000
CALIBRATION_SAMPLES = 200
BUNDLED_SAMPLES = 128

# --- training ---------------------------------------------------------------------------------


def build(network: Network, data: Dataset, batch: int | None) -> Any:
    """The Keras model; a batch of 1 gives the converter static shapes throughout."""
    tf.keras.backend.clear_session()  # layer names count from the start, whatever was made before
    x = tf.keras.Input(data.train_x.shape[1:], batch, name=data.input_name)
    y = network(x, len(data.classes))
    return tf.keras.Model(x, y, name=data.name)


def train(network: Network, data: Dataset, epochs: int) -> Any:
    """Train from the seed; returns the model with a batch of 1."""
    tf.keras.utils.set_random_seed(SEED)
    model = build(network, data, None)
    batch = 32
    steps = epochs * -(-len(data.train_x) // batch)
    rate = tf.keras.optimizers.schedules.CosineDecay(4e-3, steps)
    loss = "mse" if data.name == "anomaly" else "sparse_categorical_crossentropy"
    target = data.train_x if data.name == "anomaly" else data.train_y
    model.compile(tf.keras.optimizers.Adam(rate), loss)
    model.fit(data.train_x, target, batch, epochs, verbose=0)
    weights = model.get_weights()
    fixed = build(network, data, 1)
    fixed.set_weights(weights)
    return fixed


# --- conversion -------------------------------------------------------------------------------


def rename_tensor(model: bytes, old: str, new: str) -> bytes:
    """Shorten a tensor's name where it stands: nothing in the file moves.

    A string is a 32-bit length, the bytes and a zero; the bytes left over become padding.
    """
    stored = struct.pack("<I", len(old)) + old.encode() + b"\0"
    if model.count(stored) != 1 or len(new) > len(old):
        raise ValueError(f"{old!r} occurs {model.count(stored)} times, or is shorter than {new!r}")
    short = struct.pack("<I", len(new)) + new.encode()
    return model.replace(stored, short.ljust(len(stored), b"\0"))


def convert(keras_model: Any, kind: str, calibration: Floats) -> bytes:
    """To a .tflite file: `float`, `int8` (integers in and out) or `int16x8`."""
    converter = tf.lite.TFLiteConverter.from_keras_model(keras_model)
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[None]] for x in calibration)
        opsets = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            opsets.TFLITE_BUILTINS_INT8
            if kind == "int8"
            else opsets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        integer = tf.int8 if kind == "int8" else tf.int16
        converter.inference_input_type = converter.inference_output_type = integer
        # CMSIS-NN has no per-channel 16x8 FULLY_CONNECTED; the twins keep one structure.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    model: bytes = converter.convert()
    interpreter = reference(model)
    ends = (interpreter.get_input_details()[0], interpreter.get_output_details()[0])
    names = (keras_model.input_names[0], keras_model.output_names[0])
    for details, name in zip(ends, names, strict=True):
        model = rename_tensor(model, details["name"], name)
    return model


def reference(model: bytes) -> Any:
    """TensorFlow's interpreter with the reference kernels."""
    kind = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(
        model_content=model, experimental_op_resolver_type=kind, num_threads=1
    )
    interpreter.allocate_tensors()
    return interpreter


def run(model: bytes, x: Floats) -> Floats:
    """Real outputs for every sample: quantized on the way in, dequantized on the way out."""
    interpreter = reference(model)
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    results = []
    for sample in quantize(x, *source["quantization"], source["dtype"]):
        interpreter.set_tensor(source["index"], sample[None])
        interpreter.invoke()
        results.append(interpreter.get_tensor(sink["index"])[0])
    return dequantize(np.stack(results), *sink["quantization"])


def operators(model: bytes) -> list[str]:
    """Operator names in execution order."""
    return [op["op_name"] for op in reference(model)._get_ops_details()]


# --- what is made -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """One trained network and the files converted from it."""

    data: Callable[[int], Dataset]
    network: Network
    epochs: int
    kinds: tuple[str, ...]
    folder: Path
    hot_pixel: float | None = None  # also an int8 model calibrated with one pixel at this value


FAMILIES = {
    "digits": Family(
        digits, digits_network, 60, ("float", "int8", "int16x8"), PACKAGED, hot_pixel=64.0
    ),
    # HARD_SWISH has no 16-bit form, hence no int16x8 twin.
    "shapes": Family(shapes, shapes_network, 40, ("float", "int8"), PACKAGED),
    "motor": Family(motor, motor_network, 30, ("float", "int8", "int16x8"), OTHERS),
    "anomaly": Family(anomaly, anomaly_network, 200, ("float", "int8", "int16x8"), OTHERS),
}


def variants(family: Family, data: Dataset, keras_model: Any) -> Iterator[tuple[str, bytes]]:
    """The family's files, as (suffix, bytes)."""
    calibration = data.train_x[:CALIBRATION_SAMPLES]
    for kind in family.kinds:
        yield kind, convert(keras_model, kind, calibration)
    if family.hot_pixel is not None:
        spoilt = calibration.copy()
        spoilt[0, 3, 4] = family.hot_pixel
        yield "outlier_int8", convert(keras_model, "int8", spoilt)


def save_samples(path: Path, arrays: dict[str, Any]) -> None:
    """`numpy.savez_compressed` without the clock: equal arrays give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.save(stream, array)
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, stream.getvalue())


def make(family: Family) -> list[str]:
    """Train, convert, measure and write one family; returns its rows of the README table."""
    data = family.data(SEED)
    keras_model = train(family.network, data, family.epochs)
    samples_x, samples_y = data.test_x[:BUNDLED_SAMPLES], data.test_y[:BUNDLED_SAMPLES]
    rows, structure = [], []
    for suffix, model in variants(family, data, keras_model):
        path = family.folder / f"{data.name}_{suffix}.tflite"
        if len(model) > MAX_BYTES:
            raise ValueError(f"{path.name} takes {len(model)} bytes, more than {MAX_BYTES}")
        structure.append(operators(model))
        if structure[-1] != structure[0]:
            print(f"note: {path.name} differs in structure: {structure[-1]} from {structure[0]}")
        output = run(model, data.test_x)
        scores = [
            quality(data.name, data.test_x[:count], data.test_y[:count], output[:count])
            for count in (len(output), BUNDLED_SAMPLES)
        ]
        path.write_bytes(model)
        rows.append(row(path, scores, len(structure[-1])))
        print(rows[-1])
    samples = family.folder / f"{data.name}_samples.npz"
    save_samples(samples, {data.input_name: samples_x, "labels": samples_y})
    labels = family.folder / f"{data.name}_labels.txt"
    labels.write_text("".join(f"{name}\n" for name in data.classes))
    print(f"{samples.name}: {samples.stat().st_size} bytes; operators {structure[0]}")
    return rows


def write_readme(folder: Path, rows: dict[str, str]) -> None:
    """The table of one folder's files, with where they come from."""
    names = [name for name, family in FAMILIES.items() if family.folder == folder]
    facts = {
        "version": tf.__version__,
        "seed": SEED,
        "calibration": CALIBRATION_SAMPLES,
        "bundled": BUNDLED_SAMPLES,
        "hot_pixel": FAMILIES["digits"].hot_pixel,
    }
    (folder / "README.md").write_text(readme(rows, names, facts))


def main(names: list[str]) -> None:
    """Make the named families, or all of them, and rewrite the READMEs."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    for name in names or list(FAMILIES):
        family = FAMILIES[name]
        family.folder.mkdir(parents=True, exist_ok=True)
        rows = existing_rows(family.folder)
        rows.update({line.split("|")[1].strip(): line for line in make(family)})
        write_readme(family.folder, rows)


if __name__ == "__main__":
    main(sys.argv[1:])
