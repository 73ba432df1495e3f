"""What quantizers call layers: the names of the tensors that their operators write."""

from __future__ import annotations

from refinterp.debug.reference.shadow import is_code
from refinterp.debug.result import LayerName
from refinterp.debug.setup import Setup
from refinterp.graph.model import OPTIONAL
from refinterp.graph.operators import facts
from refinterp.run.program import Step


def layer_names(setup: Setup) -> tuple[LayerName, ...]:
    """Name the operators that write what is compared, in order."""
    compared = setup.compared
    return tuple(
        _name(step, setup)
        for step in setup.quantized.steps
        if not compared.isdisjoint(step.outputs)
    )


def _name(step: Step, setup: Setup) -> LayerName:
    program, twin = setup.quantized, setup.float_model
    tensor = next(i for i in step.outputs if i != OPTIONAL)
    name = program.specs[tensor].name
    partner = setup.pairing.tensors.get(tensor)
    if twin is not None and partner is not None:
        return LayerName(step.operator, name, twin.specs[partner].name)
    converted = {  # what an output is called after its codes became reals
        other.outputs[0]
        for other in program.steps
        if facts(other.name).conversion
        and other.inputs[0] == tensor
        and not is_code(program.specs[other.outputs[0]])
    }
    for output in program.graph.outputs:
        if output in converted:
            return LayerName(step.operator, name, program.specs[output].name)
    return LayerName(step.operator, name, name)
