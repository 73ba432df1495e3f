"""The interpreter whose custom operators are registered by the functions it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refinterp.interpreter.api import Interpreter
from refinterp.interpreter.loading import refuse_native


class InterpreterWithCustomOps(Interpreter):
    """The interpreter that registers custom operators first."""

    def __init__(self, custom_op_registerers: Sequence[Any] | None = None, **kwargs: Any) -> None:
        """Call the registerers, functions without arguments that call `register_custom`.

        kwargs: as for `Interpreter`. Raises UnsupportedError for names of native functions, which
        LiteRT takes as well.
        """
        refuse_native([own for own in custom_op_registerers or () if not callable(own)])
        for registerer in custom_op_registerers or ():
            registerer()
        super().__init__(**kwargs)
