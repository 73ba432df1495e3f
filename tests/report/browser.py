"""A headless Chromium, for tests of pages; they are skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--disable-background-networking", "--disable-extensions", "--no-first-run",
)  # fmt: skip


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium; skip where it, its driver or selenium is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium with chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield window
    finally:
        window.quit()


def resize(window: Any, width: int, height: int = 900, *, dark: bool = False) -> None:
    """Give the page a width in CSS pixels, narrower than a window can be, and a colour scheme."""
    window.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def visit(window: Any, path: Path, width: int, *, dark: bool = False) -> None:
    """Open a file at a width."""
    window.get("about:blank")
    resize(window, width, dark=dark)
    window.get(path.as_uri())


def complaints(window: Any) -> list[str]:
    """Return what the console has said since the last call."""
    return [entry["message"] for entry in window.get_log("browser")]


def overflowing(window: Any) -> list[str]:
    """Return cells whose content is wider than they are, and whether the page itself is."""
    return list(
        window.execute_script(
            """
            const found = [...document.querySelectorAll(".cells > div, .tile, .card, h1, li")]
              .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1)
              .map((e) => e.className + ": " + e.textContent.slice(0, 80));
            const root = document.documentElement;
            if (root.scrollWidth > root.clientWidth) found.push("page: " + root.scrollWidth);
            return found;
            """
        )
    )
