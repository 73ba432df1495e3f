"""What is asked of an installed runtime, and what comes back: plain data that crosses a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Samples = Sequence[Sequence[Array]]


@dataclass(frozen=True, slots=True, eq=False)
class RuntimeCase:
    """One model and the invocations to make with it.

    model: the bytes of a .tflite file.
    samples: per invocation, one array per model input, in the order of subgraph 0's inputs. State
        is carried from one to the next. Empty: the model is only loaded and allocated.
    label: what the case is called when the runtime dies on it.
    preserve: also return every tensor of subgraph 0 that can be read.
    resize: new shapes by position among the model's inputs, set before allocation (LiteRT only).
    reset_between: reset the state before every sample but the first, by the runtime's own means.
    allocations: also return what TFLM's recording allocator prints (TFLM only).
    """

    model: bytes
    samples: Samples = ()
    label: str = ""
    preserve: bool = False
    resize: Mapping[int, tuple[int, ...]] | None = None
    reset_between: bool = False
    allocations: bool = False


class Detail(NamedTuple):  # many cross the pipe, and a tuple is the cheapest to pickle
    """What the runtime says of one tensor of subgraph 0, after allocation."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class Allocation:
    """One category of the recording allocator, as printed; sizes in bytes."""

    category: str
    requested_bytes: int
    used_bytes: int
    count: int


@dataclass(frozen=True, slots=True)
class Allocations:
    """TFLM's arena as its recording allocator prints it; categories that are zero are not there.

    The recording allocator's own objects are part of the total.
    """

    total_bytes: int
    head_bytes: int
    tail_bytes: int
    categories: tuple[Allocation, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """The runtime ran every sample.

    outputs: per sample, one array per model output.
    tensors: per sample, tensor index -> array, empty unless preserved. Left out is what cannot be
        read: strings, tensors without memory, and from TFLM types narrower than a byte. An array
        that does not change from one sample to the next (a constant) is one shared object.
    details: tensor index -> name, shape and dtype, of the tensors whose type NumPy has.
    inputs, outputs_at: tensor indices of the model's inputs and outputs.
    """

    outputs: list[list[Array]]
    tensors: list[dict[int, Array]]
    details: dict[int, Detail]
    inputs: tuple[int, ...]
    outputs_at: tuple[int, ...]
    allocations: Allocations | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The runtime would not load, allocate or invoke the model.

    reason: its exception. stderr: the end of what it printed.
    """

    reason: str
    stderr: str = ""

    def __str__(self) -> str:
        return _with_print(self.reason, self.stderr)


@dataclass(frozen=True, slots=True)
class Died:
    """The runtime's process ended, or was ended, on this case.

    reason: "signal 6 (SIGABRT)", "exit code 3", "timeout after 60 s".
    stderr: the end of what it printed.
    """

    reason: str
    stderr: str = ""

    def __str__(self) -> str:
        return _with_print(self.reason, self.stderr)


@dataclass(frozen=True, slots=True)
class Death:
    """A death as it is counted.

    cases_before: how many cases the process had finished. If there were any, a case on which it
        died of itself is tried once more in a fresh process.
    reproduced: False if the case survived there: then an earlier case of the dead process may
        have done the damage, and the case's outcome is that of the second try.
    """

    label: str
    reason: str
    stderr: str
    cases_before: int
    reproduced: bool


Outcome = Ran | Refused | Died


def _with_print(reason: str, stderr: str) -> str:
    return " | ".join([reason, *filter(None, map(str.strip, stderr.splitlines()[-4:]))])
