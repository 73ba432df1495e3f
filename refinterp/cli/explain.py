"""Derive one output element step by step, or describe every operator in words and formulas.

`--op N --at I,J,…` picks an element of the first output of operator N of the main subgraph. It is
computed again from the operator's definition, and has to come to what the run stored.
"""

from __future__ import annotations

import argparse
from typing import Any

from refinterp.cli.common import (
    add_flavour,
    add_model,
    open_model,
    print_document,
    tell_refusals,
)
from refinterp.cli.data import SaidOfData, add_data, data_request, open_with_data, say_notes
from refinterp.errors import UnsupportedError, UsageError
from refinterp.explain.definition import (
    check_index,
    explain,
    explained,
    find_definition,
    nearest_explained,
)
from refinterp.explain.operation import ExplainedOperand, Operation, record
from refinterp.explain.steps import Explanation
from refinterp.graph.model import Model
from refinterp.graph.specs import tensor_specs
from refinterp.report.explain_text import explanation_lines, overview, overview_lines, verdict
from refinterp.report.machine import document
from refinterp.report.terminal import console, print_answer, print_text
from refinterp.run.prepare import prepare
from refinterp.run.program import Program
from refinterp.samples.convert import fit_input
from refinterp.samples.samples import Samples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_model(parser)
    parser.add_argument("--op", type=int, metavar="N", help="the operator's index")
    parser.add_argument(
        "--at",
        metavar="I,J,…",
        help="index of the element in the operator's first output, batch axis included",
    )
    add_data(parser, without="without it a seeded random input")
    parser.add_argument(
        "--sample", type=int, default=0, metavar="K", help="which sample of the data (default 0)"
    )
    parser.add_argument("--all", action="store_true", help="show every tap")
    add_flavour(parser)


def run(options: argparse.Namespace) -> int:
    """Explain; 1 if the derived element is not the stored one."""
    request = data_request(options, count=max(options.sample, 0) + 1)
    model = open_model(options.model)
    tell_refusals(model, options.flavour)
    if options.op is None:
        if options.at is not None:
            raise UsageError("--at needs --op N, the index of the operator")
        return _overview(model, options)
    model, samples, said = open_with_data(model, request, 1)
    program = prepare(model, flavour=options.flavour)
    operation = _record(program, samples, options, said)
    index = _index(options.at, operation.output)
    explanation = explain(operation, index)
    if options.json:
        print_document(_document(model, operation, explanation, options.sample, samples.origin))
    else:
        print_answer([("verdict", verdict(explanation, operation))])
        print_text()
        width = console().width
        for line in explanation_lines(explanation, operation, all_taps=options.all, width=width):
            print_text(line)
    return 0 if explanation.agrees else 1


def _record(
    program: Program, samples: Samples, options: argparse.Namespace, said: SaidOfData
) -> Operation:
    """Run one sample and return the operator as it ran."""
    count = len(program.steps)
    if not 0 <= options.op < count:
        allowed = f"operators are 0..{count - 1}" if count else "the model has no operators"
        raise UsageError(f"--op {options.op} does not exist; {allowed}")
    step = program.steps[options.op]
    if not step.outputs:
        raise UsageError(f"--op {options.op} ({step.name}) writes no tensor: nothing to explain")
    _require_definition(program, options.op)
    output = step.outputs[0]
    _index(options.at, ExplainedOperand(output, program.specs[output]))  # before the run
    specs = [program.specs[i] for i in program.graph.inputs]
    wanted = options.sample
    if not 0 <= wanted < samples.count:
        raise UsageError(
            f"--sample {wanted} does not exist; {samples.origin} holds 0..{samples.count - 1}"
        )
    fitted = [fit_input(v, spec) for v, spec in zip(samples.get(wanted), specs, strict=True)]
    say_notes([note for _, note in fitted if note], said)
    return record(program, [codes for codes, _ in fitted], options.op)


def _require_definition(program: Program, wanted: int) -> None:
    """Refuse an operator that has no definition, and say which to explain instead."""
    operations = _operations(program.model, program.flavour)
    if find_definition(operations[wanted]) is not None:
        return
    name, key = operations[wanted].name, operations[wanted].key
    near = nearest_explained(operations, wanted)
    instead = "" if near is None else (
        f"; explain what its data come from: --op {near} ({operations[near].name})"
    )  # fmt: skip
    raise UnsupportedError(
        f"--op {wanted}, {name} ({key or 'no kernel'}), cannot be explained{instead}; "
        f"{explained(name)}"
    )


def _operations(model: Model, flavour: str) -> list[Operation]:
    """The operators of the main subgraph, without values."""
    specs = tensor_specs(model, 0)
    return [
        Operation.of(model, 0, index, specs, flavour)
        for index in range(len(model.subgraphs[0].operators))
    ]


def _index(text: str | None, y: ExplainedOperand) -> tuple[int, ...]:
    """Read --at and check it against the output's shape."""
    shape = list(y.shape)
    if text is None and not shape:
        return ()  # the only element
    if text is None:
        raise UsageError(
            f"--op needs --at, {len(shape)} numbers with commas: the output's shape is {shape} "
            f"({y.spec.name!r})"
        )
    try:
        index = tuple(int(part) for part in text.replace(" ", "").split(",") if part)
    except ValueError:
        raise UsageError(
            f"--at {text!r} is no index; write {len(shape)} numbers with commas: "
            f"the output's shape is {shape} ({y.spec.name!r})"
        ) from None
    check_index(y, index)
    return index


def _document(
    model: Model, operation: Operation, explanation: Explanation, sample: int, origin: str
) -> dict[str, Any]:
    return document(
        model=model.source,
        flavour=explanation.flavour,
        summary={"verdict": verdict(explanation, operation)},
        data=origin,
        sample=sample,
        subgraph=explanation.subgraph,
        operator=explanation.operator,
        op_name=explanation.op_name,
        tensor=explanation.tensor,
        name=explanation.name,
        dtype=explanation.dtype,
        index=explanation.index,
        stored=explanation.stored,
        derived=explanation.derived,
        equal=explanation.agrees,
        bound=explanation.bound,
        **_description(operation),
        taps=[
            {
                "index": tap.index,
                "code": tap.code,
                "code_minus_zero_point": tap.centred,
                "weight_index": tap.weight_index,
                "weight": tap.weight,
                "product": tap.product,
                "padding": tap.padding,
            }
            for tap in explanation.taps
        ],
        steps=[
            {"name": step.name, "formula": step.formula, "value": step.value}
            for step in explanation.steps
        ],
    )


def _overview(model: Model, options: argparse.Namespace) -> int:
    """One operator after the other, in words and formulas."""
    operations = _operations(model, options.flavour)
    if options.json:
        entries = [
            {
                "subgraph": operation.subgraph,
                "operator": operation.operator,
                "op_name": operation.name,
                "kernel": operation.key,
                **_description(operation),
            }
            for operation in operations
        ]
        summary = {"verdict": overview(operations)}
        print_document(
            document(
                model=model.source, flavour=options.flavour, summary=summary, operators=entries
            )
        )
    else:
        print_answer([("verdict", overview(operations))])
        print_text()
        for line in overview_lines(operations):
            print_text(line)
    return 0


def _description(operation: Operation) -> dict[str, Any]:
    """Words, formula and operands; null words where there is no definition."""
    found = find_definition(operation)
    return {
        "words": found.words if found else None,
        "formula": found.formula_for(operation) if found else None,
        "operands": [
            {
                "side": side,
                "tensor": operand.tensor,
                "name": operand.spec.name,
                "dtype": operand.dtype,
                "shape": operand.shape,
                "scale": operand.spec.scale,
                "zero_point": operand.spec.zero_point,
            }
            for side, operands in (("input", operation.inputs), ("output", operation.outputs))
            for operand in operands
            if operand is not None
        ],
    }
