"""Frames and chains from a disassembly, against what the compiler says and what runs."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from conformance.code_size.disassembly import parsed, read_functions
from conformance.code_size.stack import compared

LISTING = """
00000100 <first>:
     100:\tpush\t{r4, r5, lr}
     102:\tvpush\t{d8-d9}
     106:\tsub\tsp, #20
     108:\tbl\t200 <second>
     10c:\tcbz\tr0, 116 <first+0x16>
     10e:\tadd\tsp, #20
     110:\tvpop\t{d8-d9}
     114:\tpop\t{r4, r5, pc}
     116:\tldr\tr3, [r4, #0]
     118:\tldr\tr3, [r3, #24]
     11a:\tblx\tr3
     11c:\tadd\tsp, #20
     11e:\tvpop\t{d8-d9}
     122:\tldmia.w\tsp!, {r4, r5, lr}
     126:\tb.w\t200 <second>
     12a:\t.short\t0x0000
     12c:\t.word\t0x00000201

00000200 <second>:
     200:\tstr.w\tlr, [sp, #-4]!
     204:\tsub.w\tsp, sp, #1024\t@ 0x400
     208:\tblx\tr3
     20a:\tadd.w\tsp, sp, #1024\t@ 0x400
     20e:\tldr.w\tpc, [sp], #4
"""


def test_frames_calls_and_mentions():
    """Counted by hand: 12 for three registers, 16 for two of 8 bytes, 20 more."""
    first, second = parsed(LISTING).values()
    assert (first.frame, second.frame) == (48, 1028)
    assert first.calls == [(48, 0x200), (0, 0x200)]  # the last one with nothing left on the stack
    assert first.indirect == [(48, 24)]
    assert second.indirect == [(1028, None)]
    assert first.taken == {0x200}


PROGRAM = r"""
volatile int room[64];
__attribute__((noinline)) int leaf(int n) {
  volatile int own[300];
  for (int i = 0; i < 300; ++i) own[i] = n + i;
  return own[n & 255];
}
__attribute__((noinline)) double middle(double a) {
  double sum = a;
  for (int i = 0; i < 64; ++i) sum += leaf(room[i]) * a / (i + 1);
  return sum;
}
__attribute__((noinline)) int table(int n) {
  switch (n) {
    case 0: return leaf(1);
    case 1: return room[3] * n;
    case 2: return room[n] - leaf(n);
    case 3: return leaf(n + 1) + leaf(n);
    case 4: return 7;
    case 5: return room[5] ^ 3;
    default: return leaf(8) * leaf(9);
  }
}
extern "C" void entry() { room[0] = static_cast<int>(middle(2.5)) + table(room[1]); }
"""


@pytest.mark.parametrize("level", ["-Os", "-O2", "-O0"])
@pytest.mark.parametrize(
    "core", [["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"], ["-mcpu=cortex-m3"]]
)
def test_the_compiler_agrees(tmp_path, core, level):
    """Every function of a program that was compiled with -fstack-usage."""
    if shutil.which("arm-none-eabi-g++") is None:
        pytest.skip("no arm-none-eabi-g++")
    (tmp_path / "p.cc").write_text(PROGRAM, "utf-8")
    subprocess.run(
        ["arm-none-eabi-g++", *core, "-mthumb", level, "-fstack-usage", "-nostartfiles",
         "-fomit-frame-pointer", "--specs=nosys.specs", "-Wl,-e,entry", "-w",
         "p.cc", "-o", "p.elf"],
        check=True, capture_output=True, cwd=tmp_path,
    )  # fmt: skip

    class Program:
        functions = read_functions(tmp_path / "p.elf")

    usage = list(tmp_path.glob("*.su"))
    assert compared(Program, usage) == 3
    wrong = usage[0].read_text("utf-8").replace("\tstatic", "8\tstatic")
    usage[0].write_text(wrong, "utf-8")
    with pytest.raises(ValueError, match="the compiler says"):
        compared(Program, usage)
