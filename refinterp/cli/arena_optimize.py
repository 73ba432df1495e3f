"""`arena --optimize`: write a model that TFLM runs in less memory."""

from __future__ import annotations

from refinterp.arena.optimize import Optimized, optimize_model
from refinterp.cli.common import say
from refinterp.errors import UsageError
from refinterp.graph.model import Model
from refinterp.modelfile.writer import save_model
from refinterp.tflm.ledger import needs
from refinterp.tflm.planning import Planning
from refinterp.tflm.targets import Profile


def optimize(
    model: Model,
    where: Profile,
    planning: Planning,
    *,
    output: str,
    reorder: bool,
    time_limit: float,
) -> Optimized:
    """Optimize the model for one profile's scratch buffers and write it to `output`.

    Raises UsageError when the file cannot be written, and what the ledger and the planner raise.
    """
    shapes, scratch = needs(model, where, plan=planning)
    result = optimize_model(
        model,
        shapes=shapes,
        scratch=scratch,
        reorder_operators=reorder,
        time_limit=time_limit,
    )
    planning.bound(result.model, result.lower_bound_bytes)
    try:
        save_model(result.model, output)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from None
    say(f"wrote {output}")
    return result
