"""Valid one-operator models with one field changed: who runs them, and who refuses them.

    python -m conformance.refusals.run                         all cells whose rules changed
    python -m conformance.refusals.run --operator CONV_2D --runtime tflm --cases 50 --show 5

Each model is run by the installed runtime (allocate, then one run) and judged by the table in
`refinterp/verdicts`; what the table lets pass is run by us as well. What is drawn next follows the
runtime's answers, so that it refuses about half of the models. A death counts and is never drawn
anew. Results of whole runs go to `conformance/results/disturbed.json`, from which
`docs/refusals.md` is written.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from conformance.operators.cases import load_all
from conformance.operators.known_proof import Runtimes
from conformance.refusals.cache import Answers
from conformance.refusals.page import Key, Row, read_rows, row_of, sources, write
from conformance.refusals.trial import RefusalCell, oracle, run_cell, share

CASES = 200
SEED = 2026
NAMES = ("litert", "tflm")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cells asked for; exit 1 if an operator's agreement is below --least."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operator", action="append", help="only these (repeatable)")
    parser.add_argument("--runtime", choices=NAMES, action="append", help="default: both")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--show", type=int, default=0, help="disagreements to print per cell")
    parser.add_argument("--all", action="store_true", help="run cells again that are current")
    parser.add_argument("--least", type=float, default=0.0, help="agreement, in per cent")
    parser.add_argument("--answers", help="a file that keeps what runtimes said")
    options = parser.parse_args(argv)
    started = time.perf_counter()
    whole = options.cases == CASES and options.seed == SEED
    rows = {(row["operator"], row["runtime"]): row for row in read_rows()}
    wanted = options.operator or sorted({name for name, _ in load_all()} - {"GRAPH"})
    cells: list[RefusalCell] = []
    done: dict[Key, Row] = {}
    with Runtimes() as runtimes, Answers(options.answers) as answers:
        for operator in wanted:
            for name in options.runtime or NAMES:
                runtime = oracle(operator, name)
                row = rows.get((operator, runtime))
                if not runtime or (
                    whole
                    and not options.all
                    and row
                    and row["sources"] == sources(operator, runtime)
                ):
                    continue
                cell = run_cell(operator, runtime, options.cases, options.seed, runtimes, answers)
                cells.append(cell)
                done[operator, runtime] = row_of(cell, options.seed)
                print(line(cell), flush=True)
                if whole and len(cells) % 10 == 0:
                    write(done)
    if whole:
        write(done)
    print_worst(cells, options.show)
    print(f"({time.perf_counter() - started:.0f} s)")
    return int(any(100 * cell.judgement < options.least for cell in cells))


def line(cell: RefusalCell) -> str:
    """One cell in a line."""
    aborts = sum(t.theirs == "aborts" for t in cell.trials)
    crashes = sum("crashes" in (t.ours, t.judged) for t in cell.trials)
    return (
        f"{cell.operator:28} {cell.runtime:16} {len(cell.trials):4} refused {cell.refused:4.0%} "
        f"aborts {aborts:3} agree {cell.agreement:6.1%} table {cell.judgement:6.1%}"
        + (f" CRASHES {crashes}" if crashes else "")
    )


def print_worst(cells: Sequence[RefusalCell], show: int) -> None:
    """All cells, the worst first, with what we disagree on."""
    trials = [t for cell in cells for t in cell.trials]
    print(
        f"\n{len(cells)} cells, {len(trials)} models, "
        f"agreement {share(t.agrees for t in trials):.2%}, "
        f"table alone {share(t.judged_agrees for t in trials):.2%}"
    )
    for cell in sorted(cells, key=lambda c: (c.judgement, c.agreement)):
        if cell.agreement == 1 and cell.judgement == 1:
            continue
        print(line(cell))
        bad = [t for t in cell.trials if not t.agrees or not t.judged_agrees]
        for t in sorted(bad, key=lambda t: t.judged_agrees)[:show]:
            print(f"   #{t.index} {t.dtype} [{t.field}] {t.what}")
            print(f"      runtime {t.theirs}: {t.theirs_why[:230]!r}")
            print(f"      table {t.judged}: {t.judged_why[:140]!r}")
            if t.judged == "runs":
                print(f"      ours {t.ours}: {t.ours_why[:200]!r}")


if __name__ == "__main__":
    sys.exit(main())
