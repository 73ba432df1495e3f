"""What is read from GNU ld's map of an exported program."""

from __future__ import annotations

from conformance.export.tried import linked_bytes

MAP = """
Archive member included to satisfy reference by file (symbol)
 .text          0x00000000      0x999 /else/cm4_ref.a(never.o)

Linker script and memory map

.text           0x00000000     0x1000
 .text._ZN6tflite3oneEv
                0x00000100      0x120 /built/cm4_ref.a(one.o)
 .text.two      0x00000220       0x10 /built/cm4_ref.a(two.o)
 .text          0x00000230       0x40 /usr/lib/libc.a(printf.o)
 .text          0x00000270      0x700 /usr/lib/librdimon.a(syscalls.o)
 .text.main     0x00000970       0x30 work/main.o
                0x00000970                main
.data           0x20000000       0x20
 .data          0x20000000        0x8 /usr/lib/libgcc.a(muldf3.o)
.bss            0x21000000      0x400
 .bss           0x21000000      0x400 /built/cm4_ref.a(one.o)
.debug_info     0x00000000      0x800
 .debug_info    0x00000000      0x800 /built/cm4_ref.a(one.o)
"""


def test_flash_of_tflm_and_of_libraries():
    """By hand: 0x120 + 0x10; 0x40 + 0x8. Not the board's own library, nor bss, nor what is ours."""
    assert linked_bytes(MAP, "cm4_ref.a") == {"tflm_bytes": 0x130, "library_bytes": 0x48}
