"""refinterp: run quantized TensorFlow Lite models and see every integer and every byte."""

from __future__ import annotations

__version__ = "0.1.0"
