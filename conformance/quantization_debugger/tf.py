"""TensorFlow's side of the comparison: the models, its QuantizationDebugger, and what it ran.

    python -m conformance.quantization_debugger.tf report CSV    what a user does
    python -m conformance.quantization_debugger.tf models WORK   all files for comparing

`report` makes the model, converts it, debugs it and writes the debugger's report. Needs TensorFlow
and nothing of refinterp. `models` writes into WORK: samples.npy, float.tflite, int8.tflite
(`get_nondebug_quantized_model`), debug.tflite (with NumericVerify), tensorflow.csv (the debugger's
report), reference.csv (the same debugger on reference kernels), on_grid.csv (the same on samples
that the input's codes hold exactly), codes.npz (int8 outputs by layer on the default path, `S<row
of the csv>`: (samples, *shape)), float.npz (what NumericVerify was given to compare with).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.lite.tools.optimize.debugging.python import debugger as tf_debugger  # noqa: E402

SEED = 0
SAMPLES = 10
SIDE = 224
Array = np.ndarray[Any, Any]


def samples() -> Array:
    """Uniform noise from -1 to 1, (samples, side, side, 3)."""
    rng = np.random.default_rng(SEED)
    return rng.uniform(-1, 1, (SAMPLES, SIDE, SIDE, 3)).astype(np.float32)


def keras_model(data: Array) -> Any:
    """MobileNet V2 with seeded random weights, its batch-norm statistics those of the samples."""
    tf.keras.utils.set_random_seed(SEED)
    model = tf.keras.applications.MobileNetV2((SIDE, SIDE, 3), weights=None)
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(data, training=True)
    return model


def dataset(data: Array) -> Callable[[], Iterator[list[Array]]]:
    """What calibrates, and what is debugged: one sample at a time."""
    return lambda: ([one[None]] for one in data)


def debugger(model: Any, data: Array) -> Any:
    """Convert and quantize a model."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = dataset(data)
    return tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=dataset(data)
    )


def dump(one: Any, path: Path) -> None:
    """Run a debugger and write its report."""
    one.run()
    with path.open("w") as file:
        one.layer_statistics_dump(file)


def report(path: Path) -> None:
    """From nothing to the report; says where the time went."""
    marks = [("import", time.perf_counter())]
    data = samples()
    model = keras_model(data)
    marks.append(("model", time.perf_counter()))
    one = debugger(model, data)
    marks.append(("convert", time.perf_counter()))
    dump(one, path)
    marks.append(("run", time.perf_counter()))
    before = STARTED
    for name, now in marks:
        print(f"phase {name} {now - before:.3f}")
        before = now


def on_grid(data: Array, model: bytes) -> Array:
    """The samples, rounded to what the model's int8 input holds."""
    interpreter = tf.lite.Interpreter(model_content=model)
    (step,) = [d for d in interpreter.get_tensor_details() if d["name"] == "tfl.quantize"]
    scale, zero = np.float32(step["quantization"][0]), step["quantization"][1]
    steps = data / scale
    nearest = np.trunc(steps + np.copysign(np.float32(0.5), steps))  # as QUANTIZE: ties away from 0
    codes = np.clip(nearest + zero, -128, 127)
    return (codes - zero).astype(np.float32) * scale


def on_reference(model: bytes, data: Array, path: Path) -> None:
    """Run the debugger with LiteRT's reference kernels, which it has no option for."""
    original = tf_debugger._interpreter.Interpreter
    kind = tf.lite.experimental.OpResolverType.BUILTIN_REF
    tf_debugger._interpreter.Interpreter = partial(original, experimental_op_resolver_type=kind)
    try:
        one = tf.lite.experimental.QuantizationDebugger(
            quant_debug_model_content=model, debug_dataset=dataset(data)
        )
        dump(one, path)
    finally:
        tf_debugger._interpreter.Interpreter = original


def record(model: bytes, data: Array, work: Path) -> None:
    """Keep what each NumericVerify was given on the default path."""
    interpreter = tf.lite.Interpreter(
        model_content=model, experimental_preserve_all_tensors=True
    )  # changes no value
    interpreter.allocate_tensors()
    verify = [o for o in interpreter._get_ops_details() if o["op_name"] == "NumericVerify"]
    kept: tuple[dict[str, list[Array]], dict[str, list[Array]]] = ({}, {})
    (entry,) = interpreter.get_input_details()
    for one in data:
        interpreter.set_tensor(entry["index"], one[None])
        interpreter.invoke()
        for row, operator in enumerate(verify):
            for arrays, tensor in zip(kept, operator["inputs"], strict=True):
                arrays.setdefault(f"S{row}", []).append(interpreter.get_tensor(tensor)[0])
    for arrays, name in zip(kept, ("codes", "float"), strict=True):
        np.savez(work / f"{name}.npz", **{k: np.stack(v) for k, v in arrays.items()})


def models(work: Path) -> None:
    """Write all that the comparison needs."""
    work.mkdir(parents=True, exist_ok=True)
    data = samples()
    np.save(work / "samples.npy", data)
    model = keras_model(data)
    plain = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (work / "float.tflite").write_bytes(plain)
    one = debugger(model, data)
    dump(one, work / "tensorflow.csv")
    (work / "debug.tflite").write_bytes(one.quant_model)
    (work / "int8.tflite").write_bytes(one.get_nondebug_quantized_model())
    on_reference(one.quant_model, data, work / "reference.csv")
    on_reference(one.quant_model, on_grid(data, one.quant_model), work / "on_grid.csv")
    record(one.quant_model, data, work)


if __name__ == "__main__":
    {"report": report, "models": models}[sys.argv[1]](Path(sys.argv[2]))
