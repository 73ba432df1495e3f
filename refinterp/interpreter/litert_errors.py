"""What the drop-in raises where LiteRT raises another built-in class than ours derives from.

Each class is one of ours and, besides, the built-in exception that LiteRT raises on the same
mistake, so that an `except` clause written for either catches it.
"""

from __future__ import annotations

from refinterp.errors import ModelError, StateError, UnsupportedError, UsageError


class UnsupportedModelError(UnsupportedError, ValueError):
    """What the constructor was given cannot be done; LiteRT's raises ValueError."""


class DelegateError(UnsupportedError, ValueError, OSError):
    """A delegate cannot be loaded; LiteRT raises OSError for the library, ValueError after it."""


class AllocationError(ModelError, RuntimeError):
    """An operator refuses its tensors; LiteRT's `allocate_tensors` raises RuntimeError."""


class ResizeError(UsageError, RuntimeError):
    """A tensor cannot take this shape; LiteRT's `resize_tensor_input` raises RuntimeError."""


class UnreadableError(StateError, ValueError):
    """A tensor has no value now, or no longer; LiteRT's `get_tensor` raises ValueError."""
