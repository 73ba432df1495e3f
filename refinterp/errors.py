"""The exceptions refinterp raises, told apart by who is at fault.

`RefinterpError` is the common base. Each class also derives from the built-in exception that the
same mistake raises in `tf.lite.Interpreter`, so that existing `except` clauses keep working.
"""

from __future__ import annotations


class RefinterpError(Exception):
    """Base of every error that refinterp raises on purpose."""


class ModelError(RefinterpError, ValueError):
    """The model file is wrong: it lies about its own bytes, or cannot be run as it stands."""


class UnsupportedError(RefinterpError, RuntimeError):
    """The model is fine, but refinterp does not run it; the message lists all that is at fault."""


class StateError(RefinterpError, RuntimeError):
    """A call came in the wrong order, or while a live view of a tensor still existed."""


class UsageError(RefinterpError, ValueError):
    """The caller passed something that cannot be meant: names, values found and values allowed."""
