"""Random one-operator models against installed runtimes: `python -m conformance.operators.run`.

`--help` tells the options.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.operators.case import Case
from conformance.operators.cases import load_all
from conformance.operators.compare import compare, run_ours
from conformance.operators.draw import RandomDraw
from conformance.operators.known_differences import whole_cells
from conformance.operators.known_proof import Proof, Runtimes
from refinterp.errors import RefinterpError
from refinterp.modelfile.writer import write_model
from refinterp.runtimes.outcome import Died, Ran, Refused, RuntimeCase

FLAVOURS = {
    "runtime:litert-reference": "litert-reference",
    "runtime:litert-optimized": "litert-reference",  # for operators the reference resolver lacks
    "runtime:tflm": "tflm",
}
"""Which flavour is held against which installed runtime."""

ORACLES = ("runtime:litert-reference", "runtime:tflm")
_LACKED = "Didn't find op for builtin opcode"


@dataclass(slots=True)
class Tally:
    """One cell of the matrix: an operator's dtype against an oracle.

    operator: its name.
    dtype: the key of the generator.
    oracle: the runtime.
    cases: models it ran.
    elements: of their tensors, compared.
    float_elements: those of them that are floats.
    differing: of the elements, ours against the oracle's.
    largest: the largest difference.
    refused: cases it would not run.
    died: cases on which its process ended.
    undefined: cases left out because the oracle has no defined result.
    held_against: the second oracle, where the cell is a known difference; else "".
    failures: the first that went wrong, in words.
    """

    operator: str
    dtype: str
    oracle: str
    cases: int = 0
    elements: int = 0
    float_elements: int = 0
    differing: int = 0
    largest: float = 0.0
    refused: int = 0
    died: int = 0
    undefined: int = 0
    held_against: str = ""
    failures: list[str] = field(default_factory=list)


def seed_of(seed: int, operator: str, dtype: str, index: int) -> tuple[int, ...]:
    """The seed of one case: the same whatever else runs."""
    return (seed, zlib.crc32(f"{operator}/{dtype}".encode()), index)


def draw_case(seed: int, operator: str, dtype: str, index: int, known: Proof | None = None) -> Case:
    """Draw one case again, for looking at a failure; known: the cell's row, if it has one."""
    draw = known.draw if known is not None else load_all()[operator, dtype]
    return draw(RandomDraw(seed_of(seed, operator, dtype, index)))


def run_cell(
    operator: str,
    dtype: str,
    oracle: str,
    count: int,
    seed: int,
    runtimes: Runtimes,
    plain: bool = False,
) -> Tally:
    """Draw cases of one cell until `count` are accepted, or three times as many are drawn.

    A failure names the case's number, from which `draw_case` makes it again. Against
    `runtime:litert-optimized` only operators that the reference resolver lacks are run: on others
    its results are another flavour's. A cell that is wholly a known difference is held against
    that row's second oracle; single cases that are undefined are left out.
    """
    tally = Tally(operator, dtype, oracle)
    if oracle == "runtime:litert-optimized" and not lacked(operator, dtype, seed, runtimes):
        return tally
    known = whole_cells().get((operator, dtype, oracle))
    if known is not None:
        tally.held_against = known.against
    cases: dict[int, Case] = {}

    indices = iter(range(3 * count))

    def requests() -> Iterator[RuntimeCase]:
        """As many as are still wanted, if all are accepted."""
        while tally.cases + tally.died + len(cases) < count:
            if tally.refused >= 60 and not tally.cases:
                return  # the runtime does not take the type
            if (index := next(indices, None)) is None:
                return
            case = draw_case(seed, operator, dtype, index, known)
            if known is None and oracle in case.undefined:
                tally.undefined += 1
                continue
            cases[index] = case
            label = f"{operator}/{dtype} seed {seed} case {index}"
            if known is not None:
                yield replace(known.request(case), label=label)
            else:
                yield RuntimeCase(
                    write_model(case.model),
                    case.samples,
                    label=label,
                    preserve=oracle.startswith("runtime:litert"),
                )

    runtime = runtimes[known.second if known is not None else oracle]
    flavour = known.flavour if known is not None else FLAVOURS[oracle]
    while True:
        drawn = 0
        for outcome in runtime.run_many(requests()):
            drawn += 1
            index = next(iter(cases))
            case = cases.pop(index)
            if known is not None and isinstance(outcome, Ran):
                outcome = known.expected(case, outcome)
            _account(tally, index, case, outcome, flavour, plain)
        if not drawn:
            return tally


def lacked(operator: str, dtype: str, seed: int, runtimes: Runtimes) -> bool:
    """Whether LiteRT's reference resolver has no kernel for an operator."""
    case = draw_case(seed, operator, dtype, 0)
    outcome = runtimes["runtime:litert-reference"].run(write_model(case.model))
    return isinstance(outcome, Refused) and _LACKED in outcome.reason


def _account(tally: Tally, index: int, case: Case, outcome: Any, flavour: str, plain: bool) -> None:
    """Count one case."""
    if isinstance(outcome, Died):
        tally.died += 1
        tally.failures.append(f"case {index}: {tally.oracle} died: {outcome}")
        return
    if isinstance(outcome, Refused):
        tally.refused += 1
        if tally.refused <= 3:
            tally.failures.append(f"case {index}: {tally.oracle} refused: {outcome}")
        return
    tally.cases += 1
    try:
        often = index % 3
        ours = run_ours(case.model, case.samples, flavour=flavour, plain=plain, often=often)
    except RefinterpError as error:
        tally.differing += 1
        tally.failures.append(f"case {index}: {type(error).__name__}: {error}")
        return
    result = compare(case, ours, outcome)
    tally.elements += result.elements
    tally.float_elements += result.float_elements
    for difference in result.differences:
        tally.differing += difference.differing
        tally.largest = max(tally.largest, difference.largest)
        tally.failures.append(f"case {index}: {difference}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cells asked for and print a line each; exit 1 if an element differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operator", action="append", help="only these (repeatable)")
    parser.add_argument("--dtype", action="append", help="only these dtype keys (repeatable)")
    parser.add_argument(
        "--oracle", action="append", choices=list(FLAVOURS), help="default: reference and tflm"
    )
    parser.add_argument("--cases", type=int, default=100, help="cases per cell (default 100)")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--plain", action="store_true", help="switch the fast paths off")
    parser.add_argument("--show", type=int, default=3, help="failures to print per cell")
    parser.add_argument("--json", help="write all tallies to this file")
    options = parser.parse_args(argv)
    tallies = []
    with Runtimes() as runtimes:
        for oracle in options.oracle or ORACLES:
            for operator, dtype in sorted(load_all()):
                if options.operator and operator not in options.operator:
                    continue
                if options.dtype and dtype not in options.dtype:
                    continue
                started = time.perf_counter()
                tally = run_cell(
                    operator, dtype, oracle, options.cases, options.seed, runtimes, options.plain
                )
                tallies.append(tally)
                print(
                    f"{operator:24} {dtype:10} {oracle:26} cases {tally.cases:5} "
                    f"elements {tally.elements + tally.float_elements:9} "
                    f"differing {tally.differing:6} largest {tally.largest:g} "
                    f"refused {tally.refused} died {tally.died} undefined {tally.undefined} "
                    f"({time.perf_counter() - started:.1f} s) "
                    + (f"known difference: {tally.held_against}" if tally.held_against else ""),
                    flush=True,
                )
                for failure in tally.failures[: options.show]:
                    print("    " + failure[:300])
    if options.json:
        with open(options.json, "w") as file:
            json.dump([{k: getattr(t, k) for k in t.__slots__} for t in tallies], file, indent=1)
    if not any(tally.cases for tally in tallies):
        print("no case ran", file=sys.stderr)
        return 1
    return int(any(tally.differing for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
