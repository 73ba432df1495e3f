"""Build TFLM's library for exported programs, as the recorded figures were built.

    python -m conformance.export.library --checkouts DIR --to OUT BUILD…

DIR has the folders `tflite-micro`, `flatbuffers`, `gemmlowp`, `ruy`, `kissfft` (with TFLM's
patch), `CMSIS_6` and `CMSIS-NN`; `docs/export.md` says at which commits. OUT/BUILD gets object
files and the `.su` files of `-fstack-usage`, OUT/BUILD.a the library. Objects that are there stay.
BUILD is `host_ref`, `cm4_ref`, `cm4_cmsis`, `cm55_ref` or `cm55_cmsis`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from conformance.export.builds import BUILDS, TflmCheckouts, compiler, run, tflm_flags, tflm_sources

_LEFT_OUT: Final = (
    "_test", "_test_common", "test_helpers", "test_helper_custom_ops", "mock_micro_graph",
    "fake_micro_context", "recording_micro_allocator", "micro_profiler", "hexdump",
    "kernel_runner", "array", "_flexbuffers_generated_data",
)  # fmt: skip
"""Ends of names of what no program needs."""


def main(words: Sequence[str] | None = None) -> int:
    """Build what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("build", nargs="+", choices=BUILDS)
    options = parser.parse_args(words)
    for build in options.build:
        print(library(TflmCheckouts(options.checkouts), build, options.to), flush=True)
    return 0


def library(where: TflmCheckouts, build: str, to: Path) -> Path:
    """Compile what is not there yet; return the library.

    Raises RuntimeError where a source does not compile.
    """
    folder = to / build
    folder.mkdir(parents=True, exist_ok=True)
    objects = []
    for source, level in tflm_sources(where, build):
        if source.stem.endswith(_LEFT_OUT):
            continue
        name = str(source.relative_to(where.root).with_suffix("")).replace("/", "__")
        name = name.removeprefix("tflite-micro__")
        if name.startswith("CMSIS-NN"):
            name = f"cmsis_nn__{source.stem}"
        output = folder / f"{name}.o"
        objects.append(output)
        if not output.exists():
            flags = tflm_flags(where, build, source, level)
            tool = compiler(build, "c++" if source.suffix == ".cc" else "c")
            run([tool, *flags, "-fstack-usage", "-c", source, "-o", output])
    archive = to / f"{build}.a"
    archive.unlink(missing_ok=True)
    run(["ar" if build.startswith("host") else "arm-none-eabi-ar", "rcs", archive, *objects])
    return archive


if __name__ == "__main__":
    sys.exit(main())
