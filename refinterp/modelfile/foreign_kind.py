"""What the parts of `foreign` answer with, and advice that several of them give."""

from __future__ import annotations

from typing import Final, NamedTuple

IDENTIFIER: Final = b"TFL3"
"""Bytes 4 to 8 of every .tflite model."""

SUFFIXES: Final = (".tflite", ".lite")
"""What files of models are called."""


class Kind(NamedTuple):
    """What a file is, to stand behind "it is", and what to do; FILE in it stands for its path.

    certain: False where a text tells no more than that it is one.
    """

    what: str
    advice: str
    certain: bool = True


DATA: Final = "data is given with --data or --input, the model before it"
NOT_A_MODEL: Final = "it holds no model to run: check the path"
FROM_TENSORFLOW: Final = (
    "convert it with TensorFlow: tf.lite.TFLiteConverter.from_saved_model('FILE')"
)
FROM_KERAS: Final = (
    "convert it with TensorFlow: tf.lite.TFLiteConverter.from_keras_model("
    "tf.keras.models.load_model('FILE'))"
)
FROM_TORCH: Final = (
    "convert the PyTorch model: litert_torch.convert(model, inputs).export('model.tflite') "
    "(pip install litert-torch), or export it to ONNX and use onnx2tf"
)
FROM_ONNX: Final = "convert it: pip install onnx2tf; onnx2tf -i FILE (-oiqt for int8)"
