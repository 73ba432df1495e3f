"""Plans of models within a time limit, each made once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from refinterp.arena.residents import Scratch, TensorId
from refinterp.arena.tensor_plan import OPTIMAL, TensorPlan, plan_model
from refinterp.graph.model import Model, Shape

Planner = Callable[..., TensorPlan]
"""What plans: `plan_model`, or something that is called as it is."""


class Planning:
    """Plans as `plan_model` does, within a time limit, each model's plan once."""

    def __init__(self, time_limit: float) -> None:
        self._time_limit = time_limit
        self._known: dict[tuple[object, ...], TensorPlan] = {}
        self._models: list[Model] = []  # alive, so that no two have the same identity
        self._bounds: dict[int, int] = {}

    def bound(self, model: Model, lower_bound: int) -> None:
        """Note that no plan of the model has a smaller head."""
        self._models.append(model)
        self._bounds[id(model)] = lower_bound

    def __call__(
        self,
        model: Model,
        planner: str,
        *,
        shapes: Mapping[TensorId, Shape] | None = None,
        scratch: Sequence[Scratch] = (),
    ) -> TensorPlan:
        """Return the plan."""
        return self._plan(model, planner, shapes, scratch, self._time_limit)

    def within(self, seconds: float) -> Planner:
        """Return a planner that takes no longer than this; plans known already are good for it."""
        limit = min(seconds, self._time_limit)

        def plan(
            model: Model,
            planner: str,
            *,
            shapes: Mapping[TensorId, Shape] | None = None,
            scratch: Sequence[Scratch] = (),
        ) -> TensorPlan:
            return self._plan(model, planner, shapes, scratch, limit)

        return plan

    def _plan(
        self,
        model: Model,
        planner: str,
        shapes: Mapping[TensorId, Shape] | None,
        scratch: Sequence[Scratch],
        limit: float,
    ) -> TensorPlan:
        key = (id(model), planner, tuple((shapes or {}).items()), tuple(scratch))
        plan = self._known.get((*key, self._time_limit), self._known.get((*key, limit)))
        if plan is None:
            self._models.append(model)
            plan = plan_model(model, planner, shapes=shapes, scratch=scratch, time_limit=limit)
            known = self._bounds.get(id(model), 0)
            if known > plan.lower_bound_bytes:
                plan = dataclasses.replace(plan, lower_bound_bytes=known)
            final = plan.proven or planner != OPTIMAL  # more time would change nothing
            self._known[(*key, self._time_limit if final else limit)] = plan
        return plan
