"""A debug report as a JSON document (`schema/debug.schema.json`) and as CSV."""

from __future__ import annotations

import csv
from dataclasses import asdict
from typing import Any, Final, TextIO

import numpy as np

from refinterp.debug.measure.error_sums import ErrorFigures
from refinterp.debug.measure.ranges import CodeFigures
from refinterp.debug.reference.pairing import Unpaired
from refinterp.debug.result import ActivationsPart, DebugReport, Layer, Output, WeightsPart
from refinterp.debug.study.recipe import denylisted_nodes, quantizer_recipe
from refinterp.report.debug_answer import debug_answer
from refinterp.report.machine import document, plain

_SUBGRAPH: Final = 0  # the one that is compared
_BINS: Final = 64
_WORST: Final = 8  # channels

CSV_COLUMNS: Final = (
    "op_name", "tensor_idx", "num_elements", "stddev", "mean_error", "max_abs_error",
    "mean_squared_error", "scale", "zero_point", "tensor_name",
)  # fmt: skip
"""The columns of TensorFlow's QuantizationDebugger.layer_statistics_dump, in its order."""


def debug_document(
    report: DebugReport, model: str | None = None, float_model: str | None = None
) -> dict[str, Any]:
    """Return the document; model, float_model: where they were read from."""
    return document(
        model=model,
        float_model=float_model,
        summary=dict(debug_answer(report)),
        flavour=report.flavour,
        reference=report.reference,
        samples=report.samples,
        samples_asked=report.samples if report.asked is None else report.asked,
        interrupted=report.interrupted,
        random_data=report.random,
        notes=list(report.notes),
        remarks=list(report.remarks),
        unpaired=[_unpaired(one) for one in report.unpaired],
        refused=report.refused,
        keep_in_float=_keep(report),
        outputs=[_output(one) for one in report.outputs],
        layers=[_layer(one) for one in report.layers],
    )


def write_csv(report: DebugReport, file: TextIO) -> None:
    """Write one row per layer, in the order of execution, as QuantizationDebugger does.

    Its statistics are means over samples: of each sample's standard deviation of the error, mean
    error, largest absolute error and mean squared error; num_elements counts one sample. scale and
    zero_point are those of the first channel, empty for outputs that are reals. Text is UTF-8; a
    name's bytes that are not are shown as escapes.
    """
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    for layer in sorted(report.layers, key=lambda one: (one.operator, one.tensor)):
        local = layer.local
        writer.writerow(
            (
                layer.op_name,
                layer.tensor,
                local.elements // local.samples if local.samples else 0,
                local.mean_stddev,
                local.mean_error,
                local.mean_max_abs_error,
                local.mean_squared_error,
                layer.scale[0] if layer.scale else "",
                layer.zero_point[0] if layer.zero_point else "",
                plain(layer.name),
            )
        )


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "subgraph": _SUBGRAPH,
        "operator": layer.operator,
        "op_name": layer.op_name,
        "tensor": layer.tensor,
        "name": layer.name,
        "shape": list(layer.shape),
        "dtype": layer.dtype,
        "scale": list(layer.scale),
        "zero_point": list(layer.zero_point),
        "local": _figures(layer.local),
        "local_reference": layer.local_reference,
        "accumulated": _figures(layer.accumulated),
        "saturated_fraction": layer.saturated_fraction,
        "weights": _weights(layer.weights),
        "activations": _activations(layer.activations),
        "codes": _codes(layer.codes),
        "reals": _reals(layer),
        "channels": _channels(layer),
        "causes": [
            {
                "id": cause.id,
                "evidence": cause.evidence,
                "remedy": cause.remedy,
                "implied_by": cause.implied_by,
            }
            for cause in layer.causes
        ],
    }


def _output(output: Output) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "subgraph": _SUBGRAPH,
        "tensor": output.tensor,
        "name": output.name,
        "accumulated": _figures(output.accumulated),
        "top1_agreement": output.top1_agreement,
        "kl_divergence": output.divergence,
        "metric": None if output.metric is None else asdict(output.metric),
        "parts": [asdict(part) for part in output.parts],
    }
    if output.top1_agreement is None:
        fields["top1_agreement_note"] = "not a list of scores"
    if output.divergence is None:
        fields["kl_divergence_note"] = "not a list of scores"
    return fields


def _keep(report: DebugReport) -> dict[str, Any] | None:
    """Which hybrid layers to keep in float, as quantizers are told; None without hybrid layers."""
    if not any(layer.weights is not None for layer in report.layers):
        return None
    return {
        "operators": [one.operator for one in report.keep_in_float],
        "denylisted_nodes": denylisted_nodes(report.keep_in_float),
        "ai_edge_quantizer": quantizer_recipe(report.keep_in_float, "float", report.scheme),
    }


def _weights(part: WeightsPart | None) -> dict[str, Any] | None:
    """What a hybrid layer loses by storing its constants in fewer bits."""
    if part is None:
        return None
    return {
        **_figures(part.errors),
        "estimate": part.estimated,
        "tensor": part.tensor,
        "dtype": part.dtype,
        "granularity": part.granularity,
        "step_lowest": part.step_lowest,
        "step_highest": part.step_highest,
        "codes_used": part.codes_used,
        "codes_possible": part.codes_possible,
        "ends_fraction": part.ends_fraction,
    }


def _activations(part: ActivationsPart | None) -> dict[str, Any] | None:
    """What a hybrid layer loses by quantizing its data at run time."""
    if part is None:
        return None
    run = part.run_time
    if run is None:
        return {**_figures(part.errors), "run_time": None}
    reach = np.sort(run.feature_reach)[::-1]
    return {
        **_figures(part.errors),
        "run_time": {
            "unit": "image" if run.images else "row",
            "units": run.units,
            "symmetric": run.symmetric,
            "step_lowest": run.step_lowest,
            "step_highest": run.step_highest,
            "lost_fraction": run.lost_fraction,
            "outlier_bits": run.outlier_bits,
            "largest_features": [
                {"feature": int(i), "reach": float(run.feature_reach[i])}
                for i in np.argsort(-run.feature_reach, kind="stable")[:_WORST]
            ],
            "median_reach": float(np.median(reach)) if reach.size else None,
            "codes": _codes(run.codes),
        },
    }


def _codes(codes: CodeFigures | None) -> dict[str, Any] | None:
    if codes is None:
        return None
    return {
        "lowest": codes.lowest,
        "highest": codes.highest,
        "low_fraction": codes.low_fraction,
        "high_fraction": codes.high_fraction,
        "entropy_bits": codes.entropy_bits,
        "constant_channels": int((codes.channel_lowest == codes.channel_highest).sum()),
        "histogram": _coarse(codes.histogram),
    }


def _reals(layer: Layer) -> dict[str, Any] | None:
    reals = layer.reals
    if reals is None:
        return None
    return {
        "lowest": reals.lowest,
        "highest": reals.highest,
        "below_fraction": reals.below_fraction,
        "above_fraction": reals.above_fraction,
        "excess_steps": reals.excess_steps,
        "histogram": _coarse(reals.histogram),
    }


def _coarse(histogram: tuple[int, ...]) -> list[int]:
    """At most 64 bins, each of as many codes."""
    each = max(1, len(histogram) // _BINS)
    return [sum(histogram[i : i + each]) for i in range(0, len(histogram), each)]


def _channels(layer: Layer) -> list[dict[str, Any]]:
    """The channels that lose the most by themselves, worst first."""
    figures = layer.local_channels
    if figures is None:
        return []
    size = np.nan_to_num(figures.rmse_over_scale, nan=np.inf)
    worst = np.argsort(-size, kind="stable")[:_WORST]
    return [
        {
            "channel": int(c),
            "rmse_over_scale": float(figures.rmse_over_scale[c]),
            "sqnr_db": float(figures.sqnr_db[c]),
            "mean_error": float(figures.mean_error[c]),
        }
        for c in worst
    ]


def _figures(figures: ErrorFigures | None) -> dict[str, Any]:
    names = (
        "rmse_over_scale", "sqnr_db", "cosine", "max_abs_error", "mean_error",
        "mean_squared_error",
    )  # fmt: skip
    fields: dict[str, Any] = {}
    for name in names:
        value = None if figures is None else getattr(figures, name)
        fields[name] = value
        if value is None:
            fields[f"{name}_note"] = "unpaired" if figures is None else "the tensor has no scale"
    return fields


def _unpaired(one: Unpaired) -> dict[str, Any]:
    return {
        "model": one.model,
        "subgraph": _SUBGRAPH,
        "operator": one.operator,
        "op_name": one.op_name,
        "tensor": one.tensor,
        "name": one.name,
        "reason": one.reason,
    }
