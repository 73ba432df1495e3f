"""How each row about an installed runtime is tried out."""

from __future__ import annotations

from typing import Any

from conformance.operators import definitions
from conformance.operators import known_biases as biases
from conformance.operators import known_scales as scales
from conformance.operators import known_shapes as shapes
from conformance.operators.known_edits import node_of, usual
from conformance.operators.known_proof import ALL, DEFAULT, LITERT, OPTIMIZED, TFLM, Proof, short
from conformance.operators.known_sparse import as_dense, sparse
from refinterp.kernels.flavours import DEFAULT_FLAVOUR
from refinterp.verdicts.differences.table import by_id


def concerned(row: str, operator: str, dtype: str) -> Any:
    """Models of the operator's generator that a row concerns."""
    return usual(operator, dtype, lambda case: by_id()[row].concerns(node_of(case)))


def _biases() -> list[Proof]:
    """int32 biases of int16 data."""
    proofs = [
        *(
            Proof("litert-conv-int32-bias", "int16x8", o, biases.unnamed_bias("CONV_2D", 2), TFLM)
            for o in ALL
        ),
        Proof(
            "tflm-depthwise-int32-bias", "int16x8", TFLM, biases.short_bias, TFLM, "tflm",
            biases.long_bias, "the bias as int64",
        ),
        Proof(
            "tflm-transpose-conv-int32-bias", "int16x8", TFLM,
            concerned("tflm-transpose-conv-int32-bias", "TRANSPOSE_CONV", "int16x8"),
            TFLM, "tflm", biases.long_bias, "the bias as int64",
        ),
    ]  # fmt: skip
    for row, oracle, operator, position in (
        ("litert-fully-connected-int32-bias", LITERT, "FULLY_CONNECTED", 2),
        *(("litert-transpose-conv-int32-bias", o, "TRANSPOSE_CONV", 3) for o in ALL),
    ):
        draw = biases.unnamed_bias(operator, position)
        proofs.append(
            Proof(
                row, "int16x8", oracle, draw, LITERT,
                twin=biases.named_bias, meaning="the option set to INT32",
            )
        )  # fmt: skip
    return proofs


def _sparse() -> list[Proof]:
    """Constants that are stored sparse."""
    plan = [
        ("sparse-weights-int8", "int8", LITERT, 4),
        ("sparse-weights-int8", "int8", OPTIMIZED, 1),
        ("sparse-weights-float", "float32", OPTIMIZED, 8),
        ("sparse-weights-xnnpack", "int8", DEFAULT, 1),
        ("sparse-weights-xnnpack", "float32", DEFAULT, 4),
        ("sparse-weights-zero-point", "int8", DEFAULT, 1),
        ("sparse-weights-hybrid", "float32x8", LITERT, 1),
        ("sparse-weights-hybrid", "float32x8", OPTIMIZED, 4),
        ("sparse-weights-int16x8", "int16x8", LITERT, 1),
        ("sparse-weights-int16x8", "int16x8", OPTIMIZED, 4),
        ("sparse-weights-int16x8", "int16x8", DEFAULT, 16),
        ("sparse-weights-tflm", "int8", TFLM, 1),
        ("sparse-weights-tflm", "float32", TFLM, 4),
        ("sparse-weights-tflm", "int16x8", TFLM, 1),
    ]
    proofs = [
        _densely(row, dtype, oracle, "FULLY_CONNECTED", 1, block)
        for row, dtype, oracle, block in plan
    ]
    constants = [
        ("CONV_2D", "int8", 1), ("DEPTHWISE_CONV_2D", "float32", 1), ("TRANSPOSE_CONV", "int8", 1),
        ("BATCH_MATMUL", "float32", 1), ("ADD", "int8", 1), ("MUL", "int8", 1),
        ("CONCATENATION", "int8", 1), ("GATHER", "int8", 0), ("EMBEDDING_LOOKUP", "float32", 1),
    ]  # fmt: skip
    for operator, dtype, position in constants:
        proofs += [
            _densely("sparse-constant", dtype, oracle, operator, position)
            for oracle in (LITERT, OPTIMIZED, TFLM)
        ]
    return proofs


def _densely(
    row: str, dtype: str, oracle: str, operator: str, position: int, block: int = 1
) -> Proof:
    """Held against the same runtime on the constant stored dense (LiteRT's by its reference)."""
    flavour = "tflm" if oracle == TFLM else DEFAULT_FLAVOUR
    second = TFLM if oracle == TFLM else LITERT
    wanted = by_id()[row].concerns
    return Proof(
        row, dtype, oracle, sparse(operator, dtype, wanted, position, block), second, flavour,
        as_dense, "the constant stored dense", operator=operator,
    )  # fmt: skip


def _of_all_litert() -> list[Proof]:
    """What all of LiteRT's kernels do alike."""
    proofs = []
    for oracle in ALL:
        proofs += [
            Proof("litert-svdf-int8-state", "int8", oracle, usual("SVDF", "int8"), TFLM, "tflm"),
            Proof(
                "litert-add-powers-of-two", "int16", oracle, scales.shifted_sum, LITERT,
                twin=shapes.repeated, meaning="the operand repeated beforehand",
            ),
            Proof(
                "litert-sub-fine-output", "int8", oracle, scales.scaled_up,
                definition=definitions.difference,
            ),
            Proof(
                "litert-stablehlo-gather-bare-starts", "int32", oracle, shapes.bare_starts, LITERT,
                twin=shapes.wrapped_starts, meaning="an axis of size one added to the starts",
            ),
            Proof(
                "litert-gather-int4", "int4", oracle, shapes.odd_slices, LITERT,
                twin=shapes.as_bytes, meaning="the same codes as int8",
            ),
        ]  # fmt: skip
    return proofs


def _of_other_litert() -> list[Proof]:
    """What LiteRT's reference kernels do right and its optimized ones wrong."""
    rows = [
        *(
            ("litert-depthwise-no-bias", "DEPTHWISE_CONV_2D", dtype)
            for dtype in ("float32", "int8")
        ),
        *(("litert-reduce-prod-of-one", "REDUCE_PROD", dtype) for dtype in ("int8", "int16")),
        *((f"litert-reduce-{end}-bool", f"REDUCE_{end.upper()}", "bool") for end in ("max", "min")),
    ]
    proofs = [
        Proof(row, dtype, oracle, concerned(row, operator, dtype), LITERT)
        for row, operator, dtype in rows
        for oracle in (OPTIMIZED, DEFAULT)
    ]
    row = "litert-batch-matmul-computed-weights"
    draw = concerned(row, "BATCH_MATMUL", "float32x8")
    of_biases = [
        Proof(f"litert-{name}-bias-scales", "int8", DEFAULT, biases.with_bias_scales(*bias), LITERT)
        for name, bias in (
            ("conv", ("CONV_2D", 2)), ("transpose-conv", ("TRANSPOSE_CONV", 3)),
        )
    ]  # fmt: skip
    zero = [
        Proof("litert-div-by-zero", "int8", oracle, scales.zero_divisor, TFLM, "tflm")
        for oracle in ALL
    ]
    wide = [
        Proof(f"litert-{operator.lower().replace('_', '-')}-wide-factor", "int8", DEFAULT,
              scales.with_output_scale(operator), LITERT)
        for operator in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    ]  # fmt: skip
    batch = [
        Proof("litert-transpose-conv-batch", "int8", oracle, shapes.no_batch, TFLM, "tflm")
        for oracle in (LITERT, OPTIMIZED)
    ]
    pad = Proof("litert-pad-scales", "int8", DEFAULT, scales.unequal_pad, LITERT)
    return [
        *proofs,
        *wide,
        *batch,
        pad,
        *of_biases,
        *zero,
        Proof(row, "float32x8", DEFAULT, draw, LITERT),
    ]


def _comparisons() -> list[Proof]:
    names = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    return [
        Proof(
            f"tflm-{name.lower().replace('_', '-')}-wide-scale", "int8", TFLM,
            scales.wide_scales(name), LITERT, "tflm",
        )
        for name in names
    ]  # fmt: skip


PROOFS: tuple[Proof, ...] = (
    Proof("litert-sum-int8", "int8", LITERT, usual("SUM", "int8"), TFLM),
    Proof("litert-sum-int16", "int16", LITERT, usual("SUM", "int16"), TFLM),
    *_biases(),
    Proof(
        "litert-fully-connected-uint8-no-bias", "uint8", LITERT, biases.without_bias, LITERT,
        twin=biases.zero_bias, meaning="a bias of zeros added",
    ),
    *_of_all_litert(),
    *_of_other_litert(),
    Proof(
        "litert-fully-connected-blocks", "float32x4", LITERT,
        concerned("litert-fully-connected-blocks", "FULLY_CONNECTED", "float32x4"), OPTIMIZED,
    ),
    *(
        Proof(
            row, dtype, oracle, draw(dtype), definition=definitions.softmax, flavour=short(oracle)
        )
        for row, draw in (
            ("softmax-long-rows", scales.large_rows), ("softmax-flat-rows", scales.flat_rows)
        )
        for dtype, oracle in (("int8", LITERT), ("uint8", LITERT), ("int8", TFLM))
    ),
    *(
        Proof(
            "resize-bilinear-beyond", "int8", oracle, shapes.enlarged("int8"),
            definition=definitions.resize_bilinear,
            flavour="tflm" if oracle == TFLM else DEFAULT_FLAVOUR,
        )
        for oracle in (*ALL, TFLM)
    ),
    Proof(
        "tflm-space-to-batch-paddings", "int8", TFLM,
        concerned("tflm-space-to-batch-paddings", "SPACE_TO_BATCH_ND", "int8"), LITERT, "tflm",
    ),
    *(
        Proof("tflm-slice-six-axes", dtype, TFLM, shapes.six_axes(dtype), LITERT, "tflm")
        for dtype in ("int8", "float32")
    ),
    *_comparisons(),
    Proof("tflm-greater-int16", "int16", TFLM, scales.plain_int16("GREATER"), LITERT, "tflm"),
    Proof(
        "tflm-lstm-int8-weights", "float32x8", TFLM,
        usual("UNIDIRECTIONAL_SEQUENCE_LSTM", "float32x8", shapes.plain_cell), LITERT, "tflm",
    ),
    *_sparse(),
)  # fmt: skip
"""How each row about an installed runtime is tried out."""
