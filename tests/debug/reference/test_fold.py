"""Constants that are only unpacked (sparse, float16, weight-only) are constants like others."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from refinterp.debug.compare import debug
from refinterp.debug.faults.lint import lint
from refinterp.debug.reference.fold import fold
from refinterp.debug.reference.shadow import shadow_of
from refinterp.debug.reference.weights import all_weights
from refinterp.debug.study.sensitivity import sensitivity
from refinterp.debug.study.variants import Variants
from refinterp.graph.build import GraphBuilder
from refinterp.graph.constants import constant
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.modelfile.writer import write_model
from refinterp.samples.samples import Samples

UNITS, DEPTH = 6, 8


def rows_of(codes: np.ndarray) -> dict[str, Any]:
    """A matrix's sparsity, row by row."""
    segments = np.concatenate([[0], np.cumsum((codes != 0).sum(axis=1))]).astype(np.int32)
    indices = np.nonzero(codes)[1].astype(np.uint8)
    return {
        "traversal_order": np.arange(2, dtype=np.int32),
        "block_map": np.zeros(0, np.int32),
        "dim_metadata": (
            {"format": "DENSE", "dense_size": len(codes), "array_segments": None,
             "array_indices": None},
            {"format": "SPARSE_CSR", "dense_size": 0,
             "array_segments": ("Int32Vector", {"values": segments}),
             "array_indices": ("Uint8Vector", {"values": indices})},
        ),
    }  # fmt: skip


def codes_of() -> np.ndarray:
    """Weights of which more than half are 0, -127 or 127 among the others of each row."""
    rng = np.random.default_rng(5)
    codes = rng.integers(-127, 128, (UNITS, DEPTH)) * (rng.uniform(size=(UNITS, DEPTH)) < 0.4)
    codes[np.arange(UNITS), rng.integers(0, DEPTH, UNITS)] = 127
    return codes.astype(np.int8)


def model_of(form: str, *, channels: bool) -> Model:
    """FULLY_CONNECTED on int8 whose weights are dense, sparse behind DENSIFY, or sparse."""
    codes = codes_of()
    scale = np.linspace(0.01, 0.03, UNITS) if channels else np.array([0.02])
    g = GraphBuilder()
    x = g.input("x", (1, DEPTH), "int8", scale=0.05, zero_point=4)
    if form == "dense":
        w = g.constant("w", codes, scale=scale)
    else:
        stored = codes[codes != 0]
        sparse = {"shape": codes.shape, "sparsity": MappingProxyType(rows_of(codes))}
        w = g.constant("packed", stored, **sparse, scale=scale)
        if form == "densify":
            packed, w = w, g.tensor("w", codes.shape, "int8", scale=scale)
            g.operator("DENSIFY", [packed], [w])
    b = g.constant("b", np.arange(UNITS, dtype=np.int32) * 40, scale=scale * 0.05)
    y = g.tensor("y", (1, UNITS), "int8", scale=0.3, zero_point=-5)
    g.operator("FULLY_CONNECTED", [x, w, b], [y])
    return read_model(write_model(g.build(outputs=[y])))


def samples(count: int = 5) -> Samples:
    data = np.random.default_rng(1).uniform(-4, 4, (count, 1, DEPTH)).astype(np.float32)
    return Samples(count, lambda i: [data[i]], "drawn")


@pytest.mark.parametrize("channels", [False, True])
@pytest.mark.parametrize("form", ["densify", "sparse"])
def test_sparse_weights_give_the_figures_of_dense_ones(form, channels):
    """Debug and sensitivity say of sparse weights what they say of the same weights, dense."""
    dense, model = model_of("dense", channels=channels), model_of(form, channels=channels)
    ours, theirs = debug(model, samples()), debug(dense, samples())
    assert [one.name for one in ours.layers] == ["y"]
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        assert (one.local, one.accumulated) == (other.local, other.accumulated)
        assert one.causes == other.causes
    assert [o.accumulated for o in ours.outputs] == [o.accumulated for o in theirs.outputs]
    effects = [sensitivity(Variants(m, samples()), 40.0) for m in (model, dense)]
    assert effects[0].base == effects[1].base
    assert [one.kept for one in effects[0].layers] == [one.kept for one in effects[1].layers]
    assert not any(f.severity == "error" for f in lint(model))


@pytest.mark.parametrize("form", ["densify", "sparse"])
def test_a_dense_twin_is_a_twin(form):
    """The float twin of a sparse model may be dense, or the other way round."""
    sparse, dense = model_of(form, channels=True), model_of("dense", channels=True)
    floats = [shadow_of(fold(m).model).model for m in (dense, sparse)]
    for quantized in (sparse, dense):
        for twin in floats:
            report = debug(quantized, samples(), twin)
            assert report.unpaired == ()
            assert report.worst_output_sqnr_db > 30


def test_other_weights_behind_densify_are_found():
    """A scale that is wrong in one channel is seen through DENSIFY."""
    model = model_of("densify", channels=True)
    graph = model.subgraphs[0]
    tensors = list(graph.tensors)
    for index in (1, 2):  # as it is stored and as it is unpacked
        grid = tensors[index].quantization
        assert grid is not None
        scale = grid.scale.copy()
        scale[3] *= 5
        tensors[index] = replace(tensors[index], quantization=replace(grid, scale=scale))
    wrong = replace(model, subgraphs=(replace(graph, tensors=tuple(tensors)),))
    twin = shadow_of(model_of("dense", channels=True)).model
    causes = {cause.id for layer in debug(wrong, samples(), twin).layers for cause in layer.causes}
    assert "weights_disagree" in causes


def test_int16_and_float_variants_of_sparse_layers_run():
    """Sparse weights may be kept in float, or under 16-bit activations, written out as well."""
    for precision in ("float", "int16"):
        study = Variants(model_of("densify", channels=True), samples(), precision=precision)
        kept = sensitivity(study, 30.0)
        assert kept.layers[0].unsupported is None
        variant = study.mixer.mix({1: precision})
        assert study.trials.effect(read_model(write_model(variant))) == kept.layers[0].kept


def test_the_unpacked_constant_is_the_one_the_operator_computes():
    """Fold spreads what the file holds, says where it came from, and keeps all indices."""
    model = model_of("densify", channels=True)
    folded = fold(model)
    assert dict(folded.origins) == {2: 1}
    assert folded.model.subgraphs[0].operators == model.subgraphs[0].operators
    value = constant(folded.model, folded.model.subgraphs[0].tensors[2])
    np.testing.assert_array_equal(value, codes_of())
    assert all_weights(model, [1])[1].used.tolist() == [1.0] * UNITS


def test_float16_weights_are_unpacked():
    """DEQUANTIZE of a float16 constant is that constant in float32."""
    g = GraphBuilder()
    x = g.input("x", (1, 4))
    half = g.constant("half", np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float16))
    w = g.tensor("w", (3, 4))
    y = g.tensor("y", (1, 3))
    g.operator("DEQUANTIZE", [half], [w])
    g.operator("FULLY_CONNECTED", [x, w], [y])
    folded = fold(g.build(outputs=[y])).model
    value = constant(folded, folded.subgraphs[0].tensors[w])
    expected = np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(value, expected)
