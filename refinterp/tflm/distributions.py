"""Distributions of TFLM: libraries that people flash, each at one commit, as data.

Sizes follow from members and the target's ABI, as in `structs`; what kernels do otherwise stands in
the layers of `kernels/older_*` and `kernels/edge_impulse`.

Source    each distribution's own sources at its commit, built with arm-none-eabi-gcc 12.2.1 and
          measured under qemu-system-arm; `conformance.planners.distributions` compares.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from refinterp.tflm.versions import Build, Version

_NOT_STATIC: Final = (
    ("TfLiteTensor", (
        "enum ptr ptr TfLiteQuantizationParams enum size ptr*3 int bool*2 TfLiteQuantization ptr*2"
    )),
    ("TfLiteNode", "ptr*7 int ptr bool"),
)  # fmt: skip
"""Built without TF_LITE_STATIC_MEMORY: LiteRT's own tensors and nodes."""

_UNTIL_2024_12: Final = (("OpDataReduce", "int*5 float int float int*2"),)
_UNTIL_2024_05: Final = (
    *_UNTIL_2024_12,
    ("OpDataAbsRsqrt", "int*4 bool"),
    ("OpDataFullyConnected", "int*9"),
    ("CmsisOpDataFullyConnected", "OpDataFullyConnected ptr*2 int ptr int*3"),
    ("Relu6OpData", "i8*2"),
)
_UNTIL_2023_02: Final = (
    *_NOT_STATIC,
    *_UNTIL_2024_05,
    ("CmsisOpDataFullyConnected", "OpDataFullyConnected ptr*2 int*4"),
    ("OpDataSelect", "bool*2"),
    ("TfLiteConvParams", "enum int*2 enum int*2"),
    ("TfLiteFullyConnectedParams", "enum*2 bool*2"),
    ("TfLiteStridedSliceParams", "int*5"),
)
_UNTIL_2023_01: Final = (*_UNTIL_2023_02, ("OpDataLSTM", "int*96"))
_EDGE_IMPULSE: Final = (
    *_UNTIL_2023_02,
    ("OpDataReduce", "int*5 float int float int"),
    ("OpDataRfft2d", "int"),
    ("OpDataTile", "bool"),
    ("HybridOpDataBatchMatmul", "float int*3 ptr bool"),
)
"""Of a struct that stands twice the later members hold."""

_SIGNAL: Final = frozenset(
    f"Signal{name}"
    for name in (
        "Delay", "Energy", "FftAutoScale", "FilterBank", "FilterBankLog",
        "FilterBankSpectralSubtraction", "FilterBankSquareRoot", "Framer", "Irfft", "OverlapAdd",
        "PCAN", "Rfft", "Stacker", "Window",
    )
)  # fmt: skip
_LACKS_2024_12: Final = frozenset(
    {"DYNAMIC_UPDATE_SLICE", "REDUCE_ALL", "REDUCE_MIN", "REVERSE_V2", "TFLM_DECODE"}
)
_LACKS_2023: Final = _LACKS_2024_12 | _SIGNAL | {"BATCH_MATMUL", "EMBEDDING_LOOKUP"}

_ARDUINO: Final = (
    Build("cortex-m4", "cmsis-nn", measured=True),
    Build("cortex-m3", "cmsis-nn"),
    Build("cortex-m55", "cmsis-nn"),
    Build("generic-32", "cmsis-nn"),
)

_ZEPHYR: Final = Version(
    "zephyr", _UNTIL_2024_05, False, "Zephyr's tflite-micro module, TFLM of 2024-05-28",
    source="zephyrproject-rtos/tflite-micro",
    commit="48613f7ba1ffbda46ad771a77a35408f48f922e9", date="2024-06-27",
    layers=("older_2024_12", "older_2024_05"), lacks=_LACKS_2024_12,
    builds=(
        Build("cortex-m4", "cmsis-nn", measured=True),
        Build("cortex-m3", "cmsis-nn"),
        Build("cortex-m55", "cmsis-nn"),
        Build("cortex-m4", "reference"),
        Build("cortex-m3", "reference"),
        Build("cortex-m55", "reference"),
        Build("generic-32", "reference"),
    ),
    usual="zephyr-build",
    why_usual="Zephyr's own build files leave TF_LITE_STATIC_MEMORY undefined, so that structs are "
    "larger than those of this distribution, which was measured with it",
)  # fmt: skip

DISTRIBUTIONS: Final = (
    Version(
        "chirale-2.0.0", _UNTIL_2023_01, False, "Chirale_TensorFLowLite 2.0.0 for Arduino",
        source="spaziochirale/Chirale_TensorFLowLite, library 2.0.0",
        commit="46da2f989205a9216229d38cd3d1c657d79d6781", date="2024-07-05",
        layers=("older_2024_12", "older_2024_05", "older_2023_02", "older_2023_01"),
        lacks=_LACKS_2023, builds=_ARDUINO,
    ),
    Version(
        "arduino", _UNTIL_2023_02, False, "Arduino's own library, TFLM of 2023-02-27",
        source="tensorflow/tflite-micro-arduino-examples",
        commit="7948b85e020470a30a83bf00e10fc43b486bfcba", date="2023-12-22",
        layers=("older_2024_12", "older_2024_05", "older_2023_02"),
        lacks=_LACKS_2023, builds=_ARDUINO,
    ),
    Version(
        "esp-tflite-micro", (), False, "esp-tflite-micro 1.4.0 with ESP-NN 1.2.3",
        source="espressif/esp-tflite-micro 1.4.0, espressif/esp-nn d45b843ca",
        commit="99f49e1498b0984f4db54d9bf3938aceb99ad422", date="2026-08-14",
        builds=(
            Build("generic-32", "esp-nn", measured=True),
            Build("generic-32", "esp-nn-s3"),
            Build("generic-32", "esp-nn-p4"),
            Build("generic-32", "reference"),
        ),
    ),
    Version(
        "pico-tflmicro", _UNTIL_2024_12, False, "pico-tflmicro, TFLM of 2024-12",
        source="raspberrypi/pico-tflmicro",
        commit="dfea53b977f131dc50d7060568ad4fd355d4d71e", date="2024-12-26",
        layers=("older_2024_12",), lacks=_LACKS_2024_12,
        builds=(
            Build("cortex-m3", "cmsis-nn", measured=True, core="cortex-m0plus"),
            Build("cortex-m4", "cmsis-nn"),
        ),
    ),
    _ZEPHYR,
    Version(
        "edge-impulse", _EDGE_IMPULSE, False, "Edge Impulse's SDK with its interpreter, not EON",
        source="edgeimpulse/firmware-arduino-nano-33-ble-sense",
        commit="0b8b16093fdb14096e14e9e2dfec99324c3093ab", date="2026-06-30",
        layers=("older_2024_12", "older_2024_05", "older_2023_02", "edge_impulse"),
        lacks=(_LACKS_2023 | {"TFLM_DECODE"}) - {"BATCH_MATMUL", "REDUCE_ALL", "REDUCE_MIN"},
        builds=_ARDUINO,
    ),
)  # fmt: skip

AS_BUILT: Final = (
    replace(
        _ZEPHYR,
        name="zephyr-build",
        changes=(*_NOT_STATIC, *_UNTIL_2024_05),
        summary="Zephyr's tflite-micro module as Zephyr's own build files compile it",
        usual="",
        why_usual="",
    ),
)
"""Distributions in another build than the one that bears their name, and that people flash."""
