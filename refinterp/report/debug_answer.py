"""What a debug report comes to, in a few lines: how far off, which layer, which cause, what to do.

The same lines stand first in the terminal, on the page and in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from refinterp.debug.faults.fault import OF_DATA, OF_STEPS, REMEDIES
from refinterp.debug.keep_in_float import larger_part
from refinterp.debug.measure.output_parts import OutputPart
from refinterp.debug.result import Cause, DebugReport, Layer, Output
from refinterp.report.words import decibels, one_line, shorten, some

_NAME: Final = 40  # characters of a tensor's name
_OUTPUTS: Final = 4  # that the verdict tells of
_PLACES: Final = 12  # operators that a remedy lists

RANDOM: Final = (
    "random, as no --data was given. It shows what the file and its arithmetic do wrong, but "
    "neither accuracy nor whether ranges fit your data (range too wide, range clipped, input "
    "scaling, outputs below their grid): for these give --data"
)

_AT_THE_OUTPUT: Final = "; check with `refinterp sensitivity` what this gains at the output"

Lines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """Layers that share a cause and what to do about it, worst first."""

    id: str
    remedy: str
    found: tuple[tuple[Layer, Cause], ...]

    @property
    def operators(self) -> list[int]:
        """Their operators, each once."""
        return list(dict.fromkeys(layer.operator for layer, _ in self.found))


def cause_groups(layers: Sequence[Layer], *, implied: bool = False) -> list[CauseGroup]:
    """Return causes by their id and remedy, in the order of the layers.

    implied: those that follow from another cause, instead of those that do not.
    """
    groups: dict[tuple[str, str], list[tuple[Layer, Cause]]] = {}
    for layer in layers:
        for cause in layer.causes:
            if (cause.implied_by is not None) == implied:
                groups.setdefault((cause.id, cause.remedy), []).append((layer, cause))
    return [CauseGroup(id_, remedy, tuple(found)) for (id_, remedy), found in groups.items()]


def debug_answer(report: DebugReport) -> Lines:
    """Return (label, text) lines: verdict, layer, cause, remedy."""
    groups = cause_groups(report.layers)
    lines = [("verdict", _verdict(report))]
    if report.random:
        lines.append(("data", RANDOM))
    if report.remarks:
        lines.append(("first", one_line("; ".join(report.remarks))))
    if groups:
        return lines + _first_cause(groups) + _keep(report)
    if report.layers and report.samples:
        worst = report.layers[0]
        size = worst.local.rmse_over_scale
        steps = "" if size is None else f", RMSE/scale {size:.3g} (rounding alone: 0.29)"
        if worst.weights is not None:
            steps = f": {parts(worst)}"
        lines.append(("layer", f"{place(worst)} loses the most by itself{steps}"))
        if report.random:
            cause = "none found in the file; random data may be cut where yours are not"
            lines.append(("cause", cause))
            lines.append(("remedy", "give --data PATH, samples as the model will see them"))
            return lines
        lines.append(("cause", "none found; what was looked for is listed at the end"))
        lines += _keep(report) or [("remedy", _no_layer(report))]
    return lines


def _no_layer(report: DebugReport) -> str:
    """What to do where no layer stands out."""
    tells = "`refinterp sensitivity` tells which layers matter at the output"
    part = larger_part(report.layers, report.outputs)
    if part is None:
        return f"none needed for a single layer; {tells}"
    if part == "weights":
        whole = any(one.weights and one.weights.granularity == "tensor" for one in report.layers)
        scales = ", or a scale for each output channel" if whole else ""
        return (
            "how weights are stored costs many layers about the same: give the weights more "
            f"bits{scales}; {tells}"
        )
    return (
        "quantizing data at run time costs many layers about the same: store the weights in fewer "
        f"bits, but compute in float (weight-only); {tells}"
    )


def _keep(report: DebugReport) -> Lines:
    """Which hybrid layers to keep in float."""
    if not report.keep_in_float:
        return []
    which = operators([one.operator for one in report.keep_in_float])
    text = (
        f"in float: {which}, which lose the most by themselves; `refinterp sensitivity --recover "
        "DB --recipe F` tries that at the output, and writes a recipe for your quantizer"
    )
    return [("keep", text)]


def looked_for(report: DebugReport) -> str:
    """The causes that a comparison looks for, in words."""
    left_out = OF_DATA if report.random else frozenset()
    return ", ".join(id_.replace("_", " ") for id_ in REMEDIES if id_ not in left_out)


def place(layer: Layer) -> str:
    """A layer by its index, operator and name: 5 CONV_2D 'stem/Conv2D'."""
    name = shorten(one_line(layer.name), _NAME)
    return f"{layer.operator} {layer.op_name} {name!r}"


def parts(layer: Layer) -> str:
    """The two parts of what a hybrid layer loses, in a few words."""
    assert layer.weights is not None
    assert layer.activations is not None
    about = " (estimated)" if layer.weights.estimated else ""
    text = f"SQNR of its {layer.weights.dtype} weights {decibels(layer.weights.errors.sqnr_db)} dB"
    if layer.activations.run_time is None:
        return f"{text}{about}; it computes in float"
    run_time = decibels(layer.activations.errors.sqnr_db)
    return f"{text}{about}, of its data quantized at run time {run_time} dB"


def evidence(layer: Layer, cause: Cause) -> str:
    """What was found, without the layer's own name, which may be long and stands beside it."""
    text = cause.evidence.replace(f"{layer.name!r}: ", "").replace(f" ({layer.name!r})", "")
    return one_line(text)


def part_name(part: OutputPart) -> str:
    """A part of an output by its columns, and its branch: columns 4..6 ('head/scores')."""
    if part.name is None:
        return part.where
    return f"{part.where} ({shorten(one_line(part.name), _NAME)!r})"


def _first_cause(groups: Sequence[CauseGroup]) -> Lines:
    first = groups[0]
    layer, cause = first.found[0]
    others = [i for i in first.operators if i != layer.operator]
    where = place(layer)
    if others:
        where += f"; {first.id} too at {operators(others)}"
    lines = [
        ("layer", where),
        ("cause", f"{first.id}: {evidence(layer, cause)}"),
        ("remedy", one_line(first.remedy) + (_AT_THE_OUTPUT if first.id in OF_STEPS else "")),
    ]
    if len(groups) > 1:
        more = ", ".join(f"{g.id} at {operators(g.operators)}" for g in groups[1:])
        lines.append(("also", more))
    return lines


def operators(indices: Sequence[int]) -> str:
    """Operators by their indices: operator 5; operators 5, 7, 9."""
    word = "operator" if len(indices) == 1 else "operators"
    return f"{word} {some(indices, _PLACES)}"


def _verdict(report: DebugReport) -> str:
    if report.refused:
        return f"the model cannot be run: {one_line(report.refused)}"
    against = "the float model" if report.reference == "float model" else "the float shadow"
    stopped = "" if not report.interrupted else (
        f"interrupted after {report.samples} of {report.asked} samples: "
    )  # fmt: skip
    if not report.outputs:
        return f"{stopped}no output of the model can be compared with {against}"
    shown = [_said(output, report.samples) for output in report.outputs[:_OUTPUTS]]
    if len(report.outputs) > _OUTPUTS:
        shown.append(f"and {len(report.outputs) - _OUTPUTS} more outputs")
    if any(layer.weights is not None and layer.weights.estimated for layer in report.layers):
        against += ", which has the stored weights: what storing them lost is not in it (--float)"
    return f"{stopped}{_judged(report)}{'; '.join(shown)}, against {against}"


def _judged(report: DebugReport) -> str:
    """How the worst output stands to what was asked for; empty where nothing was."""
    if report.wanted_db is None:
        return ""
    reached = report.worst_output_sqnr_db >= report.wanted_db
    word = "reaches" if reached else "is below"
    return f"the worst output {word} the {report.wanted_db:g} dB asked for: "


def _said(output: Output, samples: int) -> str:
    name = shorten(one_line(output.name), 24) or f"tensor {output.tensor}"
    parts = [f"output {name!r}: SQNR {decibels(output.accumulated.sqnr_db)} dB"]
    if output.worst_part is not None:
        part = output.worst_part
        parts[0] += f", but of {part_name(part)} {decibels(part.sqnr_db)} dB"
    if output.top1_agreement is not None:
        agreed = round(output.top1_agreement * samples)
        parts.append(f"top-1 agreement {100 * output.top1_agreement:.1f} % ({agreed} of {samples})")
    if output.metric is not None:
        one = output.metric
        parts.append(f"{one.name} {one.quantized:.4g} (reference {one.reference:.4g})")
    return ", ".join(parts)
