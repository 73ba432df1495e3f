"""What each layout has besides the model's sources: build files and the program's entry."""

from __future__ import annotations

from typing import Final

from refinterp.export.cpp import comment
from refinterp.export.subject import Exported
from refinterp.tflm.targets import VERSIONS
from refinterp.tflm.versions import Version

UNITS: Final = ("{name}.cpp", "{name}_data.cpp", "{name}_example.cpp", "{name}_golden.cpp",
    "{name}_golden_test.cpp")  # fmt: skip
"""What is compiled besides the entry."""

_CHIRALE: Final = "chirale-2.0.0"
_HEADERS: Final = {_CHIRALE: "Chirale_TensorFlowLite.h", "arduino": "TensorFlowLite.h"}
"""By which header Arduino finds a library."""


def units(subject: Exported, folder: str = "") -> list[str]:
    """Return the sources of the model to be compiled."""
    return [folder + unit.format(name=subject.name) for unit in UNITS]


def switch(subject: Exported) -> str:
    """Return the preprocessor lines that say whether the program is the golden test."""
    macro = f"{subject.name.upper()}_GOLDEN_TEST"
    return (
        comment("1: run the golden test; 0: run the example.")
        + f"#ifndef {macro}\n#define {macro} 1\n#endif\n\n"
        f"#if {macro}\nstatic bool Run() {{ return {subject.name}::GoldenTest() == 0; }}\n"
        f"#else\nstatic bool Run() {{ return {subject.name}::Example(); }}\n#endif\n\n"
    )


def tflm_files(subject: Exported) -> dict[str, str]:
    """CMake beside TFLM's library."""
    name = subject.name
    cmake = f"""cmake_minimum_required(VERSION 3.16)
project({name} CXX)

set(TFLM_INCLUDE_DIRS "" CACHE STRING
    "Folders of headers: TFLM's own, and those of flatbuffers, gemmlowp and ruy; ';' between")
set(TFLM_LIBRARY "" CACHE FILEPATH "TFLM's library, built for the same processor")
if(NOT TFLM_INCLUDE_DIRS OR NOT TFLM_LIBRARY)
  message(FATAL_ERROR "give -DTFLM_INCLUDE_DIRS and -DTFLM_LIBRARY: README.md says how")
endif()

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

add_library({name} STATIC
{"".join(f"    {unit}{chr(10)}" for unit in units(subject, "src/"))})
target_include_directories({name} PUBLIC src ${{TFLM_INCLUDE_DIRS}})
# As TFLM's makefile builds it: the layout of its structs depends on this.
target_compile_definitions({name} PUBLIC TF_LITE_STATIC_MEMORY)
target_link_libraries({name} PUBLIC ${{TFLM_LIBRARY}} m)

add_executable({name}_example src/main.cpp)
target_compile_definitions({name}_example PRIVATE {name.upper()}_GOLDEN_TEST=0)
target_link_libraries({name}_example PRIVATE {name})

add_executable({name}_golden_test src/main.cpp)
target_compile_definitions({name}_golden_test PRIVATE {name.upper()}_GOLDEN_TEST=1)
target_link_libraries({name}_golden_test PRIVATE {name})

enable_testing()
add_test(NAME {name}_golden_test COMMAND {name}_golden_test)
"""
    main = (
        f'#include "{name}.h"\n#include "tensorflow/lite/micro/system_setup.h"\n\n'
        + switch(subject)
        + "int main() {\n  tflite::InitializeTarget();\n  return Run() ? 0 : 1;\n}\n"
    )
    return {"CMakeLists.txt": cmake, "src/main.cpp": main}


def arduino_files(subject: Exported) -> dict[str, str]:
    """A sketch, whose folder bears its name, and PlatformIO's file beside it."""
    name = subject.name
    sketch = (
        "".join(f"#include <{header}>\n" for header in first_headers(subject, "arduino"))
        + f'\n#include "{name}.h"\n\n'
        + switch(subject)
        + "void setup() {\n  Serial.begin(115200);\n"
        "  for (int i = 0; !Serial && i < 300; ++i) delay(10);\n}\n\n"
        "void loop() {\n"
        '  Serial.println(Run() ? "fine" : "failed");\n  delay(5000);\n}\n'
    )
    version = _library(subject)
    repository = version.source.split(",")[0]
    ini = (
        f"[platformio]\nsrc_dir = {name}\n\n"
        "; Another board is another section: its platform and its name in PlatformIO.\n"
        "[env:nano33ble]\nplatform = nordicnrf52\nboard = nano33ble\nframework = arduino\n"
        "monitor_speed = 115200\n"
        f"lib_deps = https://github.com/{repository}.git#{version.commit}\n"
    )
    return {f"{name}/{name}.ino": sketch, "platformio.ini": ini}


def _library(subject: Exported) -> Version:
    """The library of an Arduino layout: the one asked for, the usual one for one not known."""
    name = subject.ledger.profile.tflm.name
    return VERSIONS[name if name in _HEADERS else _CHIRALE]


def esp_idf_files(subject: Exported) -> dict[str, str]:
    """A project whose component is the model; the component manager brings TFLM."""
    name = subject.name
    release = VERSIONS["esp-tflite-micro"].source.split(",")[0].split(" ")[1]
    sources = "\n         ".join(f'"{unit}"' for unit in units(subject))
    main = (
        f'#include <stdio.h>\n\n#include "{name}.h"\n\n'
        + switch(subject)
        + 'extern "C" void app_main(void) { puts(Run() ? "fine" : "failed"); }\n'
    )
    return {
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.16)\n"
        "include($ENV{IDF_PATH}/tools/cmake/project.cmake)\n"
        f"project({name})\n",
        "main/CMakeLists.txt": f'idf_component_register(SRCS "main.cpp" REQUIRES {name})\n',
        "main/main.cpp": main,
        f"components/{name}/CMakeLists.txt": f"idf_component_register(\n    SRCS {sources}\n"
        '    INCLUDE_DIRS ".")\n',
        f"components/{name}/idf_component.yml": "dependencies:\n"
        f'  idf: ">=5.1"\n  espressif/esp-tflite-micro: "{release}"\n',
    }


def zephyr_files(subject: Exported) -> dict[str, str]:
    """An application that asks for Zephyr's tflite-micro module."""
    name = subject.name
    sources = "".join(f"    {unit}\n" for unit in [*units(subject, "src/"), "src/main.cpp"])
    main = (
        f'#include <stdio.h>\n\n#include "{name}.h"\n\n'
        + switch(subject)
        + 'int main(void) {\n  puts(Run() ? "fine" : "failed");\n  return 0;\n}\n'
    )
    config = (
        "CONFIG_CPP=y\nCONFIG_STD_CPP17=y\nCONFIG_REQUIRES_FULL_LIBCPP=y\n"
        "CONFIG_TENSORFLOW_LITE_MICRO=y\nCONFIG_MAIN_STACK_SIZE=8192\n"
    )
    if subject.ledger.profile.kernels.name.startswith("cmsis-nn"):
        config += "CONFIG_TENSORFLOW_LITE_MICRO_CMSIS_NN_KERNELS=y\n"
    count = subject.golden.count
    return {
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.20.0)\n"
        "find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})\n"
        f"project({name})\n\ntarget_sources(app PRIVATE\n{sources})\n"
        "target_include_directories(app PRIVATE src)\n",
        "prj.conf": config,
        "sample.yaml": f"sample:\n  name: {name}\ntests:\n  refinterp.{name}.golden:\n"
        "    harness: console\n    harness_config:\n      type: one_line\n      regex:\n"
        f'        - "golden test: {count} of {count} samples passed"\n',
        "src/main.cpp": main,
    }


def first_headers(subject: Exported, layout: str) -> tuple[str, ...]:
    """Return the headers by which a distribution is found, which come before TFLM's."""
    if layout != "arduino":
        return ()
    return (_HEADERS.get(subject.ledger.profile.tflm.name, _HEADERS[_CHIRALE]),)
