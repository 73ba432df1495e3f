"""Modules on emulated boards of 32 bits: `python -m conformance.micropython.boards --firmware ELF`.

For each model: every byte of some runs, what the heap takes beside its bound, and the instructions
of a run. `--random N` runs so many random models besides. Needs QEMU, mpremote and a firmware
that is built as docs/micropython.md says. `--write` writes the committed results.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance.micropython.board import BOARDS, EmulatedBoard, run_on
from conformance.micropython.modules import expected, random_samples, write_module
from conformance.micropython.port import compiled
from conformance.micropython.random_models import FLAVOURS, cells, samples_of
from conformance.operators.run import draw_case
from refinterp.errors import RefinterpError
from refinterp.export.micropython.bundle import ModuleBuild
from refinterp.modelfile.reader import read_model

RESULTS = Path(__file__).parents[1] / "results" / "micropython_boards.json"

_MEASURE = """
import gc, os, sys, time, vfs

class Ram:
    def __init__(self, count):
        self.data = bytearray(count * 512)

    def readblocks(self, block, buffer, offset=0):
        at = block * 512 + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * 512 + offset
        self.data[at : at + len(buffer)] = buffer

    def ioctl(self, request, argument):
        if request == 4:
            return len(self.data) // 512
        if request == 5:
            return 512
        if request == 6:
            return 0

names = ["{name}.mpy", "{name}.bin"]
ram = Ram(sum(os.stat("/rom/" + name)[6] for name in names) // 512 + 200)
vfs.VfsLfs2.mkfs(ram)
vfs.mount(vfs.VfsLfs2(ram), "/ram")
for name in names:
    with open("/rom/" + name, "rb") as source, open("/ram/" + name, "wb") as target:
        while True:
            part = source.read(512)
            if not part:
                break
            target.write(part)
sys.path.insert(0, "/ram")
sys.path.remove("/rom")
with open("/rom/x.dat", "rb") as file:
    x = file.read()
with open("/rom/y.dat", "rb") as file:
    y = file.read()
xs = [x[i * {size} : (i + 1) * {size}] for i in range({count})]
k = differ = began = ended = got = 0
gc.collect()
before = gc.mem_alloc()
import {name}
m = {name}.Model()
m.run(xs[0])
gc.collect()
print("heap", gc.mem_alloc() - before)
m = {name}.Model("/rom/{name}.bin")
for k in range({count}):
    began = time.ticks_us()
    got = m.run(xs[k])
    ended = time.ticks_us()
    if bytes(got) != y[k * {out} : (k + 1) * {out}]:
        differ += 1
print("differ", differ)
print("kinstructions", ended - began)
gc.collect()
gc.disable()
before = gc.mem_alloc()
m.run(xs[0])
print("allocated", gc.mem_alloc() - before)
"""

_MANY = """
import gc, os, sys
for name, sizes in {cases!r}:
    with open("/rom/" + name + ".x", "rb") as file:
        xs = [file.read(size) for size in sizes]
    with open("/rom/" + name + ".y", "rb") as file:
        expected = file.read()
    module = __import__(name)
    m = module.Model()
    got = m.run(xs[0] if len(xs) == 1 else xs)
    got = b"".join(bytes(one) for one in got) if isinstance(got, tuple) else bytes(got)
    if got != expected:
        print("differs", name)
    del sys.modules[name]
    m = module = None
    gc.collect()
print("ran", len({cases!r}))
"""


def measured(
    board: EmulatedBoard, firmware: Path, path: Path, flavour: str, runs: int, thumb: bool
) -> Any:
    """Run one model on a board and return its row."""
    build = ModuleBuild.of(read_model(path), flavour, thumb=thumb)
    samples = random_samples(build, runs, 5)
    wanted = expected(build, samples)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_module(build, folder, "net")
        said = compiled(folder / "net.py", board.architecture)
        if said:
            raise RuntimeError(said)
        (folder / "x.dat").write_bytes(b"".join(x.tobytes() for (x,) in samples))
        (folder / "y.dat").write_bytes(b"".join(y.tobytes() for (y,) in wanted))
        script = _MEASURE.format(
            name="net", size=build.core.inputs[0].size, out=build.core.outputs[0].size, count=runs
        )
        files = [folder / f for f in ("net.mpy", "net.bin", "x.dat", "y.dat")]
        found = dict(line.split() for line in run_on(board, firmware, script, files).splitlines())
    return {
        "model": path.stem,
        "board": board.name,
        "flavour": flavour,
        "thumb": thumb,
        "runs": runs,
        "differing_runs": int(found["differ"]),
        "allocated_bytes": int(found["allocated"]),
        "heap_bytes": int(found["heap"]),
        "bound_bytes": build.heap_bytes,
        "arena_bytes": build.memory.arena_bytes,
        "macs": build.macs,
        "instructions": 1000 * int(found["kinstructions"]),
    }


def random_batch(
    board: EmulatedBoard, firmware: Path, wanted: Sequence[tuple[str, str, int]], seed: int
) -> tuple[int, list[str]]:
    """Run random models in one boot; returns how many were modules, and those that differ."""
    with tempfile.TemporaryDirectory() as where:
        folder, files, cases = Path(where), [], []
        for operator, dtype, index in wanted:
            case = draw_case(seed, operator, dtype, index)
            try:
                build = ModuleBuild.of(case.model, FLAVOURS[index % 2], in_module=False)
            except RefinterpError:
                continue
            name = f"m{len(cases)}"
            samples = [*samples_of(case), *random_samples(build, 1, index)][:1]
            write_module(build, folder, name)
            if compiled(folder / f"{name}.py", board.architecture):
                raise RuntimeError(f"{operator} {dtype} case {index} does not compile")
            xs = [np.ascontiguousarray(x, np.int8).tobytes() for x in samples[0]]
            (folder / f"{name}.x").write_bytes(b"".join(xs))
            (folder / f"{name}.y").write_bytes(
                b"".join(y.tobytes() for y in expected(build, samples)[0])
            )
            files += [folder / f"{name}{end}" for end in (".mpy", ".bin", ".x", ".y")]
            cases.append((name, [len(x) for x in xs], (operator, dtype, index)))
        script = _MANY.format(cases=[case[:2] for case in cases])
        said = run_on(board, firmware, script, files).splitlines()
    if said[-1:] != [f"ran {len(cases)}"]:
        raise RuntimeError("\n".join(said[-20:]))
    bad = {line.split()[1] for line in said if line.startswith("differs")}
    return len(cases), [str(case[2]) for case in cases if case[0] in bad]


def _key(row: Any) -> tuple[str, str, str, bool]:
    return row["board"], row["model"], row["flavour"], row["thumb"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the models; exit 1 where a byte differs, a run allocates, or a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--firmware", type=Path, required=True)
    parser.add_argument("--board", choices=tuple(BOARDS), default="cortex-m3")
    parser.add_argument("--flavour", choices=FLAVOURS, default="tflm")
    parser.add_argument("--thumb", action="store_true", help="inner products of Cortex-M")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--random", type=int, default=0, metavar="N", help="cases of each operator")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--write", action="store_true", help="add to the committed results")
    options = parser.parse_args(argv)
    board = BOARDS[options.board]
    rows = []
    for path in options.models:
        row = measured(board, options.firmware, path, options.flavour, options.runs, options.thumb)
        rows.append(row)
        print(
            f"{row['model']:24} differ {row['differing_runs']} allocated {row['allocated_bytes']} "
            f"heap {row['heap_bytes']} bound {row['bound_bytes']} "
            f"({row['bound_bytes'] / row['heap_bytes']:.3f}) instructions {row['instructions']:,} "
            f"({row['instructions'] / max(1, row['macs']):.2f} a MAC)",
            flush=True,
        )
    wrong = [
        row["model"] for row in rows
        if row["differing_runs"] or row["allocated_bytes"]
        or not row["heap_bytes"] <= row["bound_bytes"] <= 1.25 * row["heap_bytes"]
    ]  # fmt: skip
    modules = 0
    every = [(*cell, index) for cell in cells() for index in range(options.random)]
    for start in range(0, len(every), 60):
        count, bad = random_batch(board, options.firmware, every[start : start + 60], options.seed)
        modules += count
        wrong += bad
        print(f"{modules} random models, differing: {bad}", flush=True)
    if options.write:
        kept = (
            json.loads(RESULTS.read_text("utf-8"))
            if RESULTS.exists()
            else {"rows": [], "random": {}}
        )
        own = [_key(row) for row in rows]
        others = [row for row in kept["rows"] if _key(row) not in own]
        kept["rows"] = sorted([*others, *rows], key=_key)
        if modules:
            kept["random"][board.name] = {
                "modules": modules,
                "differing": len(wrong),
                "seed": options.seed,
            }
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    print("wrong:", wrong or "none")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
