"""BLAS threads: the order of a float sum must not depend on how many processors there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Hold BLAS to so many threads of this process; usable as a decorator too.

    The limit holds for the whole process until the block is left.
    """
    if all(library.num_threads == count for library in _blas().lib_controllers):
        yield  # so it is already, and asking takes less than setting
        return
    with _blas().limit(limits=count, user_api="blas"):
        yield


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread.

    A product divided among threads may be summed in another order, and small float products are
    often slower for it.
    """
    with blas_threads(1):
        yield


@cache
def _blas() -> ThreadpoolController:
    """The libraries NumPy has loaded; looking for them takes longer than a small model's run."""
    return ThreadpoolController().select(user_api="blas")
