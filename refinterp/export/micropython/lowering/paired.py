"""ADD, SUB and MUL of two tensors that broadcast, or of a tensor and a constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refinterp.errors import UnsupportedError
from refinterp.export.micropython.calls import BLOCK, CODES, ArenaPlace, Call, Lowered, Site
from refinterp.export.micropython.channel_numbers import Numbers, factor_numbers
from refinterp.export.micropython.lowering.checks import codes, in_codes, titled, usable, words
from refinterp.graph.model import Shape
from refinterp.numerics.activation import integer_bounds
from refinterp.numerics.fixedpoint import rescale

_AXES = 4
_HALF = 0.5
_SHIFT = 20  # bits that the runtimes shift codes of 8 bits by before they are rescaled
_OFFSET = 1 << 27  # of entries of ADD's table, which viper loads without a sign
_FARTHEST = 1 << 28  # of a sum of two entries


def rescaled(numbers: Numbers) -> dict[str, int]:
    """Return a factor as kernels take it by arguments."""
    return {
        "mantissa_high": numbers.high,
        "mantissa_low": numbers.low,
        "shift": numbers.right,
        "half": numbers.half,
    }


def added(site: Site) -> Lowered:
    """ADD and SUB: codes on the scale that is twice the larger one, their sum rescaled again.

    The operand with the larger scale is halved on it: its codes are shifted. The other has a table.
    """
    kernel: Any = site.step.kernel
    for spec in site.inputs[:2]:
        codes(spec, "operand")
    factors, zeros, signs = (
        [kernel.a_factor, kernel.b_factor], [kernel.a_zero, kernel.b_zero], [1, kernel.sign]
    )  # fmt: skip
    halved = next((i for i in (0, 1) if float(factors[i].real) == _HALF), None)
    if halved is None or kernel.shift != _SHIFT:
        raise UnsupportedError("neither operand has the larger scale")
    other = 1 - halved
    every = np.arange(-CODES, CODES, dtype=np.int64) - zeros[other]
    table = signs[other] * rescale(every << _SHIFT, factors[other])
    if int(np.abs(table).max()) >= _OFFSET:
        raise UnsupportedError("rescaled operands leave the 28 bits of its tables")
    numbers = factor_numbers(
        float(kernel.y_factor.real), -_FARTHEST, _FARTHEST, "the sum of the operands"
    )
    if numbers.left:
        raise UnsupportedError("the output's scale is too small: sums are shifted left")
    limits = {
        "y_zero": in_codes(kernel.y_zero, "output"),
        "low": kernel.y_min + CODES,
        "high": kernel.y_max + CODES,
    }
    own = {"a_zero": in_codes(zeros[halved], "operand"), "minus": int(signs[halved] < 0)}
    block = words(table + _OFFSET)
    arguments = {**rescaled(numbers), **limits, **own, "block": BLOCK}
    return _pair(site, "add", (halved, other), block, arguments)


def multiplied(site: Site) -> Lowered:
    """MUL: one rescaled product an element."""
    a, b = (codes(spec, "operand") for spec in site.inputs[:2])
    y = codes(site.outputs[0], "output")
    real = np.dtype(site.step.rule.precision).type
    scales = [real(usable(spec, "operand")) for spec in (a, b)]
    factor = float(scales[0] * scales[1] / real(usable(y, "output")))
    numbers = factor_numbers(factor, -(255 * 255), 255 * 255, "the product")
    low, high = integer_bounds(site.step.fused_activation, y.dtype, y.step, y.zero)
    arguments = {
        **rescaled(numbers),
        "up": numbers.left,
        "a_zero": in_codes(a.zero, "operand"),
        "b_zero": in_codes(b.zero, "operand"),
        "y_zero": in_codes(y.zero, "output"),
        "low": low + CODES,
        "high": high + CODES,
    }
    return _pair(site, "mul", (0, 1), b"", arguments)


def _pair(
    site: Site, kernel: str, order: tuple[int, int], block: bytes, arguments: dict[str, Any]
) -> Lowered:
    """A call for an operator on two tensors; a constant comes behind the block's words.

    order: which operand is the kernel's a, and which its b.
    """
    y = codes(site.outputs[0], "output")
    specs = [codes(site.inputs[i], "operand") for i in order]
    tensors = [site.step.inputs[i] for i in order]
    axes = broadcast_axes(y.shape, [spec.shape for spec in specs])
    places = {}
    for name, tensor, spec in zip("ab", tensors, specs, strict=True):
        places[name] = ArenaPlace(tensor)
        if spec.data is not None:
            places[name] = ArenaPlace(offset=len(block))
            block += (spec.data.astype(np.int64) + CODES).astype(np.uint8).tobytes()
    steps = {f"{n}{i}": axes[i][1 + j] for j, n in enumerate("ab") for i in range(_AXES)}
    sizes = {f"n{i}": axes[i][0] for i in range(_AXES)}
    target = site.step.outputs[0]
    call = Call(kernel, {**arguments, **places, **steps, **sizes, "y": ArenaPlace(target)}, block)
    read = [t for t, s in zip(tensors, specs, strict=True) if s.data is None]
    return Lowered(
        site.step.operator, titled(site), tuple(dict.fromkeys(read)), (target,),
        lambda limit, left: [call], least=len(block), whole=len(block),
        in_place=all(spec.shape == y.shape for spec in specs),
    )  # fmt: skip


def broadcast_axes(shape: Shape, operands: Sequence[Shape]) -> list[tuple[int, ...]]:
    """Return four loops (length, step of each operand) over a result; axes that can be are joined.

    Raises UnsupportedError where four are too few.
    """
    steps = []
    for own in operands:
        padded = (*(1,) * (len(shape) - len(own)), *own)
        strides, stride = [], 1
        for size in reversed(padded):
            strides.append(0 if size == 1 else stride)
            stride *= size
        steps.append(strides[::-1])
    loops: list[tuple[int, ...]] = []
    for axis in reversed(range(len(shape))):
        size, own_steps = shape[axis], tuple(one[axis] for one in steps)
        if size == 1:
            continue
        if loops and own_steps == tuple(step * loops[0][0] for step in loops[0][1:]):
            loops[0] = (size * loops[0][0], *loops[0][1:])
        else:
            loops.insert(0, (size, *own_steps))
    if len(loops) > _AXES:
        raise UnsupportedError(f"it broadcasts over {len(loops)} axes; {_AXES} are taken")
    return [(1, *(0,) * len(operands))] * (_AXES - len(loops)) + loops
