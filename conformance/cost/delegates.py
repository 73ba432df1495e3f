"""What Vela and LiteRT's default really take, beside what the package says they take.

    REFINTERP_CORPUS=FOLDER python -m conformance.cost.delegates --vela PATH_OF_VELA

runs Vela, which is installed elsewhere, on models of the corpus, and writes how far the rules of
`refinterp/verdicts/delegates` agree, to `conformance/results/delegates.json`. LiteRT is asked in
a process of its own, which some models end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import refinterp
from refinterp.errors import RefinterpError
from refinterp.graph.model import Model
from refinterp.modelfile.reader import read_model
from refinterp.verdicts.delegates.taken import taken

ROOT: Final = Path(refinterp.__file__).parents[1]
RESULTS: Final = ROOT / "conformance" / "results" / "delegates.json"
_FOR_VELA: Final = ("models", "oneop", "data")  # folders; Vela takes a second or two for a model
_ASK: Final = """
import json, sys
from ai_edge_litert.interpreter import Interpreter
for path in sys.stdin.read().split("\\n"):
    print(json.dumps(["begun", path]), flush=True)
    try:
        interpreter = Interpreter(path)
        interpreter.allocate_tensors()
        nodes = interpreter._get_ops_details()
        told = [[n["op_name"], list(map(int, n["inputs"])), list(map(int, n["outputs"]))]
                for n in nodes]
    except Exception as error:
        told = str(error)
    print(json.dumps(["told", path, told]), flush=True)
"""


def corpus_models(corpus: Path) -> list[Path]:
    """The corpus' models and the checkout's own."""
    folders = [corpus / name for name in ("models", "oneop", "random", "flavour_oneop")]
    folders += [ROOT / "refinterp" / "data", ROOT / "conformance" / "models"]
    return sorted({path for folder in folders for path in folder.rglob("*.tflite")})


def litert_nodes(paths: Sequence[Path]) -> dict[Path, list[Any] | str]:
    """Ask LiteRT's default for the nodes of each model; a sentence where it has none."""
    left, found = list(paths), {}
    while left:
        done = subprocess.run(
            [sys.executable, "-c", _ASK], input="\n".join(map(str, left)), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        begun = None
        for line in done.stdout.splitlines():
            what, path, *told = json.loads(line)
            begun = Path(path) if what == "begun" else None
            if told:
                found[Path(path)] = told[0]
        if begun is not None:
            found[begun] = "the process ended"
        left = [path for path in left if path not in found]
    return found


def delegated_nodes(nodes: Sequence[Any]) -> set[int]:
    """The operators inside delegates: those that lead from a delegate's inputs to its outputs."""
    own = [node for node in nodes if node[0] != "DELEGATE"]
    makers = {tensor: at for at, (_, _, outputs) in enumerate(own) for tensor in outputs}
    inside: set[int] = set()
    for name, inputs, outputs in nodes:
        waiting = list(outputs) if name == "DELEGATE" else []
        seen = set(inputs)
        while waiting:
            tensor = waiting.pop()
            if tensor in seen or tensor not in makers:
                continue
            seen.add(tensor)
            inside.add(makers[tensor])
            waiting.extend(own[makers[tensor]][1])
    return inside


def living(model: Model) -> set[int]:
    """The operators that an output depends on; of others nobody can tell where they run."""
    graph = model.subgraphs[0]
    wanted, found = set(graph.outputs), set()
    for index in reversed(range(len(graph.operators))):
        if wanted & set(graph.operators[index].outputs):
            found.add(index)
            wanted |= set(graph.operators[index].inputs)
    return found


def vela_left(vela: str, path: Path) -> set[str] | None:
    """The names of tensors that operators left on the processor write; None where Vela fails."""
    with tempfile.TemporaryDirectory() as folder:
        words = [vela, str(path), "--accelerator-config", "ethos-u55-128", "--output-dir", folder]
        subprocess.run(words, capture_output=True, timeout=300, check=False)
        written = list(Path(folder).glob("*_vela.tflite"))
        if not written:
            return None
        graph = read_model(str(written[0])).subgraphs[0]
        return {
            _key(operator.name, graph.tensors[tensor].name)
            for operator in graph.operators
            for tensor in operator.outputs
            if operator.name != "ethos-u"
        }


def _key(operator: str, tensor: str) -> str:
    """An operator by the tensor it writes; those without a name are told by the operator alone."""
    return f"{operator} {'' if tensor == '<unnamed>' else tensor}"


def disagreements(model: Model, delegate: str, left: set[int]) -> Iterator[tuple[int, str]]:
    """The operators of which the package says otherwise. left: what really stays."""
    alive = living(model)
    for one in taken(model, delegate):
        judged = one.operator in alive and one.answer != "not tried"
        if judged and (one.answer == "stays") != (one.operator in left):
            yield one.operator, one.op_name


def main() -> int:
    """Ask both, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vela", required=True, help="the vela command")
    vela = parser.parse_args().vela
    paths = corpus_models(Path(os.environ["REFINTERP_CORPUS"]))
    nodes = litert_nodes(paths)
    counts = {name: {"models": 0, "operators": 0, "off": 0} for name in ("xnnpack", "ethos-u55")}
    off: list[dict[str, Any]] = []
    for path in paths:
        try:
            model = read_model(str(path))
        except RefinterpError:
            continue
        answers: dict[str, set[int]] = {}
        told = nodes[path]
        if not isinstance(told, str):
            every = range(len(model.subgraphs[0].operators))
            answers["xnnpack"] = set(every) - delegated_nodes(told)
        names = vela_left(vela, path) if path.parent.name in _FOR_VELA else None
        if names is not None:
            graph = model.subgraphs[0]
            answers["ethos-u55"] = {
                at for at, o in enumerate(graph.operators)
                if any(_key(o.name, graph.tensors[t].name) in names for t in o.outputs if t >= 0)
            }  # fmt: skip
        for delegate, left in answers.items():
            found = list(disagreements(model, delegate, left))
            counts[delegate]["models"] += 1
            counts[delegate]["operators"] += len(living(model))
            counts[delegate]["off"] += len(found)
            off += [
                {"delegate": delegate, "model": path.name, "operator": at, "op_name": name}
                for at, name in found
            ]
    written = {"schema_version": "1.0.0", "counts": counts, "off": off}
    RESULTS.write_text(json.dumps(written, indent=1) + "\n", "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
