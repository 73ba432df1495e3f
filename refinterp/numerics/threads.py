"""One BLAS thread: the order of a float sum must not depend on how many processors there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread of this process; usable as a decorator too.

    A product divided among threads may be summed in another order, and small float products are
    often slower for it. The limit holds for the whole process until the block is left.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield
