"""The text of a module, and of the module that checks it on the board."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from refinterp.export.micropython.core import CoreGraph
from refinterp.export.micropython.kernel_text import THUMB, inner_products, rendered
from refinterp.export.micropython.memory import MemoryPlan
from refinterp.export.micropython.weights_file import Placed
from refinterp.graph.spec import TensorSpec
from refinterp.version import __version__

_TEMPLATE: Final = Path(__file__).with_name("module.txt")
IMAGE_ZERO: Final = -128
"""The zero point of an input whose codes are pixels 0..255 but for a bit."""

_SUM = """@micropython.viper
def _sum(p: ptr8, n: int, s: int) -> int:
    # a checksum of 30 bits
    while n:
        s = (s * 33 + p[0]) & 0x3FFFFFFF
        p = ptr8(int(p) + 1)
        n -= 1
    return s

"""

_OPEN = """        if path is None:
            path = __file__[: __file__.rfind("/") + 1] + "{name}.bin"
        try:
            self.f = f = open(path, "rb")
        except OSError as e:
            raise OSError("%s: %s" % (path, e))
        n = f.seek(0, 2)
        if n != {bytes}:
            raise OSError("%s has %d bytes, not {bytes}" % (path, n))
        f.seek(0)
        s = 1
        while n:
            k = f.readinto(m)
            s = _sum(m, k, s)
            n -= k
        if s != {checksum}:
            raise OSError("%s is of another export" % path)"""

_ONE_RUN = """    def run(self, x):
        # x: codes of {name}, int8; returns codes of {result}, the same array every time
        if len(x) != {size}:
            raise ValueError("the input has {size} codes, not %d" % len(x))
        _take(self.m, {at}, x, 0, {size}, 128)
        self._run()
{collect}
"""

_SEVERAL_RUN = """    def run(self, xs):
        # xs: {count} inputs' codes, int8; returns {returned}
        if len(xs) != {count}:
            raise ValueError("there are {count} inputs, not %d" % len(xs))
{takes}
        self._run()
{collect}
"""

_IMAGE = """    def run_image(self, pixels):
        # pixels 0..255 as a camera gives them: they are the arena's bytes already
        if len(pixels) != {size}:
            raise ValueError("the image has {size} bytes, not %d" % len(pixels))
        _take(self.m, {at}, pixels, 0, {size}, 0)
        self._run()
{collect}
"""


def module_text(
    name: str,
    title: str,
    flavour: str,
    core: CoreGraph,
    memory: MemoryPlan,
    placed: Placed,
    *,
    in_module: bool,
) -> str:
    """Return NAME.py. in_module: whether the weights stand in it, instead of in a file."""
    inputs, outputs = core.inputs, core.outputs
    features = frozenset[str]().union(*(op.features for op in core.operators))
    several = len(inputs) > 1 or len(outputs) > 1
    fields = {
        "title": title.encode("unicode_escape").decode("ascii"),
        "version": __version__,
        "flavour": flavour,
        "name": name,
        "opens": f"reads {name}.bin" if not in_module else "its weights stand below",
        "takes": _takes(inputs),
        "gives": "an array of int8 codes" if len(outputs) == 1 else "a tuple of arrays of codes",
        "where": "" if in_module else "\n# Weights are read from the file, a block at a time.",
        "steps": _steps(core, memory, placed),
        "imports": "from io import BytesIO\n" if in_module else "",
        "kernels": (inner_products() + "\n" if THUMB in features else "")
        + "\n".join(rendered(one, features) for one in placed.kernels),
        "sum": "" if in_module else _SUM,
        "kernel_names": "".join(f"{one}, " for one in placed.kernels).rstrip(),
        "weights": f"_WEIGHTS = {placed.data!r}\n" if in_module else "",
        "parameters": "self" if in_module else "self, path=None",
        "inputs": ", ".join(map(_port, inputs)),
        "outputs": ", ".join(map(_port, outputs)),
        "single": (
            ("\n        self.input = self.inputs[0]" if len(inputs) == 1 else "")
            + ("\n        self.output = self.outputs[0]" if len(outputs) == 1 else "")
        ),
        "arena": arena_bytes(memory, placed),
        "arguments_bytes": 4 * placed.width,
        "views": "".join(f"memoryview(m)[{view}:], " for view in placed.views).rstrip(),
        "result": _result(outputs),
        "open": "        self.f = BytesIO(_WEIGHTS)" if in_module else _OPEN.format(
            name=name, bytes=len(placed.data), checksum=placed.checksum
        ),
        "reset_call": "        self.reset()\n" if memory.variables else "",
        "run": _run(core, memory),
        "calls": placed.calls,
        "reset": _reset(memory),
        "port_parameter": ", port=0" if several else "",
        "port_index": "port" if several else "0",
        "first_output": "first " if len(outputs) > 1 else "",
        "first_result": "self.y" if len(outputs) == 1 else "self.y[0]",
    }  # fmt: skip
    template = _TEMPLATE.read_text("utf-8")
    text = re.sub(r"\{(\w+)\}", lambda found: str(fields[found[1]]), template)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def arena_bytes(memory: MemoryPlan, placed: Placed) -> int:
    """Return the length of the arena."""
    return memory.arena_bytes + placed.reach + -(memory.arena_bytes + placed.reach) % 4


def grid(spec: TensorSpec) -> tuple[float, int]:
    """Return an end's scale and zero point; codes without them stand for themselves."""
    return (spec.step, spec.zero) if spec.scale.size else (1.0, 0)


def _takes(inputs: Sequence[TensorSpec]) -> str:
    if len(inputs) > 1:
        return f"a list of {len(inputs)} inputs' int8 codes, bytes-like"
    return f"{inputs[0].size:,} int8 codes, bytes-like"


def _port(spec: TensorSpec) -> str:
    return f"Port({spec.name!a}, {spec.shape!r}, {grid(spec)[0]!r}, {spec.zero})"


def _steps(core: CoreGraph, memory: MemoryPlan, placed: Placed) -> str:
    """The operators as comments: what, where from and to, in how many calls."""
    specs = core.program.specs
    lines = ["# operator, by its number in the model: bytes of the arena read -> written, calls"]
    for op, (calls, size) in zip(core.operators, placed.per_operator, strict=True):
        spans = [
            ", ".join(f"{memory.offsets[t]}+{specs[t].size}" for t in tensors)
            for tensors in (op.reads, op.writes)
        ]
        told = f"{calls} x" if calls > 1 else ""
        done = (
            "the same bytes"
            if op.same
            else f"{told} {size:,} bytes of weights and arguments".strip()
        )
        lines.append(f"# {op.operator:3} {op.title}: {spans[0]} -> {spans[1]}, {done}")
    return "\n".join(lines)


def _result(outputs: Sequence[TensorSpec]) -> str:
    arrays = [f'array("b", bytes({spec.size}))' for spec in outputs]
    value = arrays[0] if len(arrays) == 1 else f"({', '.join(arrays)})"
    return f"        self.y = {value}  # what run() returns, every time"


def _collect(core: CoreGraph, memory: MemoryPlan) -> str:
    graph, specs = core.program.graph, core.program.specs
    lines = []
    for place, tensor in enumerate(graph.outputs):
        target = "self.y" if len(graph.outputs) == 1 else f"self.y[{place}]"
        at, size = memory.offsets[tensor], specs[tensor].size
        lines.append(f"        _take({target}, 0, self.m, {at}, {size}, 128)\n")
    return "".join(lines) + "        return self.y\n"


def _run(core: CoreGraph, memory: MemoryPlan) -> str:
    graph, specs = core.program.graph, core.program.specs
    collect = _collect(core, memory)
    first = specs[graph.inputs[0]]
    at = memory.offsets[graph.inputs[0]]
    if len(graph.inputs) == 1:
        text = _ONE_RUN.format(
            name=ascii(first.name), result=_results(core), size=first.size, at=at, collect=collect
        )
        if first.zero == IMAGE_ZERO:
            text += _IMAGE.format(size=first.size, at=at, collect=collect)
        return text
    takes = []
    for place, tensor in enumerate(graph.inputs):
        size = specs[tensor].size
        takes.append(
            f"        if len(xs[{place}]) != {size}:\n"
            f'            raise ValueError("input {place} has {size} codes, not %d" '
            f"% len(xs[{place}]))\n"
        )
    takes += [
        f"        _take(self.m, {memory.offsets[tensor]}, xs[{place}], 0, "
        f"{specs[tensor].size}, 128)\n"
        for place, tensor in enumerate(graph.inputs)
    ]
    return _SEVERAL_RUN.format(
        count=len(graph.inputs),
        returned="an array" if len(graph.outputs) == 1 else f"{len(graph.outputs)} arrays",
        takes="".join(takes).rstrip("\n"),
        collect=collect,
    )


def _results(core: CoreGraph) -> str:
    return ", ".join(ascii(spec.name) for spec in core.outputs)


def _reset(memory: MemoryPlan) -> str:
    if not memory.variables:
        return ""
    text = "    def reset(self):\n        # forget what operators remember\n        m = self.m\n"
    for offset, size, value in memory.variables:
        text += f"        for i in range({offset}, {offset + size}):\n            m[i] = {value}\n"
    return text + "\n"


def check_text(
    name: str,
    inputs: Sequence[Sequence[bytes]],
    outputs: Sequence[Sequence[bytes]],
    origin: str,
    flavour: str,
    *,
    remembers: bool,
) -> str:
    """Return NAME_check.py. inputs, outputs: codes by sample, then by input or output.

    remembers: whether the module has state, which is reset first.
    """
    reset = "    model.reset()\n" if remembers else ""
    count = len(inputs)
    one_in, one_out = len(inputs[0]) == 1, len(outputs[0]) == 1
    rows_in = "".join(f"    {(row[0] if one_in else tuple(row))!r},\n" for row in inputs)
    rows_out = "".join(f"    {(row[0] if one_out else tuple(row))!r},\n" for row in outputs)
    same = "bytes(y) == expected" if one_out else "tuple(bytes(one) for one in y) == expected"
    samples = f"{count} sample" + ("s" if count != 1 else "")
    return f'''# Checks {name} on the board: import {name}_check
# {samples} ({origin}), and the codes that refinterp's {flavour} flavour computes.
# Written by refinterp {__version__}; export again rather than edit.
from {name} import Model

INPUTS = (
{rows_in})
OUTPUTS = (
{rows_out})


def check(model):
{reset}    differ = 0
    for x, expected in zip(INPUTS, OUTPUTS):
        y = model.run(x)
        if not ({same}):
            differ += 1
    return differ


differ = check(Model())
print("{name}: {samples}, %d differ" % differ)
if differ:
    raise RuntimeError("{name} does not compute what it should")
'''
