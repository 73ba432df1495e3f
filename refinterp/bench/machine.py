"""The machine and the software that figures were taken on."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info


def machine() -> dict[str, Any]:
    """Return what a figure's reader wants to know: plain values by name."""
    blas = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": " ".join(
            str(blas[0][key])
            for key in ("internal_api", "version", "architecture")
            if key in blas[0]
        )
        if blas
        else "unknown",
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
