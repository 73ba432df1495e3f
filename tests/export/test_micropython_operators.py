"""Random models of each operator as modules; kernels on every processor; numbers at their edges."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.micropython.modules import expected, random_samples
from conformance.micropython.port import ARCHITECTURES, compiled
from conformance.micropython.random_models import FLAVOURS, cells, tried
from conformance.operators.run import draw_case
from refinterp.errors import RefinterpError, UnsupportedError
from refinterp.export.micropython.bundle import ModuleBuild
from refinterp.export.micropython.channel_numbers import (
    MOST,
    ChannelBounds,
    Numbers,
    channel_numbers,
    constant_numbers,
)
from refinterp.export.micropython.heap import kernel_bytes
from refinterp.export.micropython.kernel_text import kernels, places, rendered
from refinterp.export.micropython.lowering.families import LOWERINGS
from refinterp.export.micropython.source import module_text
from tests.export.port_of_micropython import needs_cross, needs_micropython
from tests.export.word_machine import load, run

CELLS = [
    cell for cell in cells() if cell[0] in LOWERINGS or cell[0] in ("RELU", "TANH", "QUANTIZE")
]


@needs_micropython
@pytest.mark.parametrize(("operator", "dtype"), CELLS)
def test_random_models(tmp_path, operator, dtype):
    """A few of each operator under both flavours: every byte is ours, or there is a reason."""
    modules = 0
    for index in range(6):
        found = tried(operator, dtype, index, FLAVOURS[index % 2], 7, tmp_path)
        if not isinstance(found, str):
            modules += 1
            assert found[1] == 0, f"case {index}"
    assert modules or (operator, dtype) == ("SVDF", "int8x16")


def exact(total: int, factor: float, bounds: ChannelBounds, *, once: bool) -> int:
    """A sum's code less the zero point, in Python's integers: rounded once, or as gemmlowp does."""
    if once:
        real = total * factor
        code = int(real + 0.5) if real >= 0 else -int(-real + 0.5)
    else:
        fraction, exponent = np.frexp(factor)
        mantissa = int(float(fraction) * 2**31 + 0.5)
        exponent = int(exponent)
        if mantissa == 1 << 31:
            mantissa, exponent = mantissa >> 1, exponent + 1
        high = ((total << max(exponent, 0)) * mantissa + (1 << 30)) >> 31
        right = max(-exponent, 0)
        mask = (1 << right) - 1
        code = (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))
    return min(max(code, bounds.y_low), bounds.y_high)


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize(
    "factor", [0.5, 0.25, 2.0**-9, 1.0, 3.0, 0.7071, 0.0123, 1 / 3, 1e-3, 0.9999999]
)
def test_numbers_are_right_at_every_sum(factor, once):
    """All sums of a range, ties among them, against Python's integers."""
    bounds = ChannelBounds(-3000, 3100, -128, 127)
    numbers = channel_numbers(factor, once, bounds)
    assert isinstance(numbers, Numbers)
    sums = np.arange(bounds.low, bounds.high + 1, dtype=np.int64)
    wanted = [exact(int(s), factor, bounds, once=once) for s in sums]
    assert bounds.clipped(numbers(sums)).tolist() == wanted


def test_a_factor_that_float64_rounds_unevenly():
    """155 * 0.7 is 108.5 and goes up, 175 * 0.7 is 122.49999999999999 and goes down: refused."""
    with pytest.raises(UnsupportedError, match="rounded once"):
        channel_numbers(0.7, True, ChannelBounds(-3000, 3100, -128, 127))


def test_channels_that_give_one_code_or_cannot_be_shown():
    """A dead channel with a bias near 2^30 becomes a constant; one that is not dead is refused."""
    dead = ChannelBounds(-(1 << 30), -(1 << 30) + 5000, 0, 127)
    assert channel_numbers(0.001, False, dead) == 0
    alive = ChannelBounds(-MOST, 5000, -128, 127)
    with pytest.raises(UnsupportedError, match="30 bits"):
        channel_numbers(0.001, False, alive)
    with pytest.raises(UnsupportedError, match="32 bits"):
        channel_numbers(0.001, False, ChannelBounds(-(1 << 40), 0, -128, 127))
    with pytest.raises(UnsupportedError, match="not usable"):
        channel_numbers(float("nan"), False, dead)
    for code in (-255, -1, 0, 1, 255):
        total, numbers = constant_numbers(code)
        assert numbers(np.array([total])).tolist() == [code]


def test_every_kernel_says_where_its_arguments_stand():
    """Places follow one another, and no name is left in what is rendered."""
    assert len(kernels()) > 10
    for name in kernels():
        assert sorted(places(name).values()) == list(range(3, 3 + len(places(name))))
        for features in ((), ("left",), ("single",), ("left", "single")):
            text = rendered(name, features)
            assert "A." not in text
            assert "#[" not in text
            assert text.startswith("@micropython.viper\ndef " + name)


@needs_cross
def test_kernels_compile_and_take_what_the_bound_says(tmp_path):
    """Each for each processor, in all its forms: the table has the largest, to a tenth."""
    source = tmp_path / "kernel.py"

    def size(text: str, architecture: str) -> int:
        source.write_text(text, "utf-8")
        assert compiled(source, architecture) == ""
        return source.with_suffix(".mpy").stat().st_size

    for architecture in ARCHITECTURES:
        empty = size("import micropython\n", architecture)
        for name in kernels():
            found = max(
                size("import micropython\n" + rendered(name, features), architecture) - empty
                for features in ((), ("left", "single"))
            )
            said = kernel_bytes()[name][architecture]
            assert found <= said <= found * 1.1 + 16, (name, architecture, found)


@pytest.mark.parametrize(("operator", "dtype"), CELLS)
def test_random_models_in_words_of_32_bits(operator, dtype):
    """As on a board: whatever leaves 32 bits wraps, and nothing outside the arena is touched."""
    ran = 0
    for index in range(12):
        case = draw_case(9, operator, dtype, index)
        try:
            build = ModuleBuild.of(case.model, FLAVOURS[index % 2])
        except RefinterpError:
            continue
        if build.macs > 20_000 or sum(spec.size for spec in build.core.outputs) > 4_000:
            continue  # seconds in Python
        samples = random_samples(build, 1, index)
        text = module_text(
            "m", "a model", build.flavour, build.core, build.memory, build.placed, in_module=False
        )
        module = load(text, build.placed.data, "m")
        came = run(module, [[x.tobytes() for x in sample] for sample in samples])
        wanted = [[y.tobytes() for y in row] for row in expected(build, samples)]
        assert came == wanted, f"case {index}"
        ran += 1
        if ran == 3:
            break
    assert ran or dtype == "int8x16"


def test_the_machine_of_words_wraps_and_watches():
    """It would see what it is there to see."""
    text = (
        "import micropython\n"
        "@micropython.viper\ndef grow(p: ptr8, n: int) -> int:\n    return p[0] * n\n"
        "@micropython.viper\ndef far(p: ptr8, n: int) -> int:\n    return p[n]\n"
        "@micropython.viper\ndef word(p: ptr8, n: int) -> int:\n"
        "    q = ptr32(int(p) + n)\n    return q[0]\n"
    )
    module = load(text, b"", "m")
    data = bytearray(b"\xff\xff\xff\xff\x01\x00\x00\x80")
    assert module.grow(data, 1 << 24) == -(1 << 24)
    assert module.word(data, 4) == -(2**31) + 1
    for function, n in ((module.far, 8), (module.far, -1), (module.word, 8), (module.word, 2)):
        with pytest.raises(IndexError):
            function(data, n)
