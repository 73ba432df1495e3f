"""SVDF: a dense layer over time, factored into features of the input and weights of their past.

Real      feature = x @ w_feature.T; state = the last `memory` features of each filter
          y = activation(sum over a unit's `rank` filters of state @ w_time + bias)
Integer   feature = clip16(R1(sum(w_feature * (x - x_zero)))), kept in the state's own codes
          y = clip8(R2(sum(w_time * state) + bias) + y_zero); sums wrap in int32; the activation is
          not applied. TFLM takes int8 states (and clips features to them), whose zero point counts
Dynamic   each row of x is quantized by its range; the state and w_time are float32
Shapes    x (batch, input), w_feature (filters, input), w_time (filters, memory), bias (units,),
          state (batch, memory * filters), y (batch, units); filters = rank * units
Units     codes, real = scale * (code - zero point). The state is a variable: it stays from one
          invocation to the next, and samples run in order
Raises    ModelError, from prepare only: shapes and types that do not fit together, a state that
          is no variable
Source    LiteRT kernels/svdf.cc, internal/reference/svdf.h (f67457790); tflite-micro
          micro/kernels/svdf_common.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF (int16 state) and TFLM for integers, over many invocations; float32
          within rounding of the sums
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refinterp.errors import ModelError
from refinterp.graph.model import Shape
from refinterp.graph.operands import SingularFilter
from refinterp.graph.spec import TensorSpec
from refinterp.kernels.checks import misfit
from refinterp.kernels.contract import Array, Kernel
from refinterp.kernels.flavours import Rules
from refinterp.kernels.registry import kernel
from refinterp.kernels.uint8_weights import register_uint8_weights
from refinterp.kernels.weighted import product_scale
from refinterp.kernels.workspace import Workspace
from refinterp.numerics.activation import INTEGER_RANGE
from refinterp.numerics.fixedpoint import Multiplier, rescale, wrap32
from refinterp.numerics.recurrent import Activation, Rows, WeightProduct, activation

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SvdfOptions:
    """Schema table SVDFOptions."""

    rank: int = 0
    fused_activation_function: str | int = "NONE"
    asymmetric_quantize_inputs: bool = False


def svdf_output_shapes(
    operands: SingularFilter[TensorSpec], options: SvdfOptions
) -> tuple[Shape, ...]:
    """The output's shape, (batch, units)."""
    x, feature, time = operands.input, operands.feature_weights, operands.time_weights
    bias, state = operands.bias, operands.activations
    filters = feature.shape[0]
    if options.rank < 1 or filters % options.rank:
        raise ModelError(f"{filters} filters do not divide into units of rank {options.rank}")
    units, batch, memory = filters // options.rank, x.shape[0], time.shape[1]
    if feature.shape[1] != x.shape[1]:
        allowed = f"{[filters, x.shape[1]]}, a column for each of the input's"
        raise misfit(operands, "feature_weights", f"shape {list(feature.shape)}", allowed)
    if time.shape[0] != filters or memory < 1:
        allowed = f"a row for each of {filters} filters, of 1 or more elements"
        raise misfit(operands, "time_weights", f"shape {list(time.shape)}", allowed)
    if bias is not None and bias.size != units:
        raise misfit(operands, "bias", f"{bias.size} elements", f"{units}, one for each unit")
    if not state.is_variable or state.shape != (batch, memory * filters):
        found = f"{'a variable' if state.is_variable else 'no variable'} of shape "
        allowed = f"a variable of shape {[batch, memory * filters]}"
        raise misfit(operands, "activations", f"{found}{list(state.shape)}", allowed)
    return ((batch, units),)


def _history(state: Array, features: Array, memory: int) -> tuple[Array, Array]:
    """Append features (S, batch, filters) to a state (1, batch, memory * filters).

    Returns the states after each sample, (S, batch, filters, memory), a view, and the last one in
    the state's layout. The oldest feature of each filter falls out.
    """
    samples, batch, filters = features.shape
    old = state.reshape(batch, filters, memory)
    line = np.concatenate([old, features.transpose(1, 2, 0)], axis=2)
    windows = np.lib.stride_tricks.sliding_window_view(line, memory, axis=2)[:, :, 1:]
    return windows.transpose(2, 0, 1, 3), line[:, :, samples:].reshape(1, batch, -1)


@kernel("SVDF", "int8", "int8x16", options=SvdfOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SvdfInteger(Kernel):
    """The integer kernel. low, high: what features are clipped to; state_zero: of its codes."""

    x_zero: int
    feature: Multiplier
    low: int
    high: int
    state_zero: int
    output: Multiplier
    y_zero: int
    rank: int

    output_shapes = staticmethod(svdf_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: SingularFilter[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SvdfOptions,
        rule: Rules,
    ) -> SvdfInteger:
        """Fold the scales."""
        svdf_output_shapes(operands, options)
        x, feature, time = operands.input, operands.feature_weights, operands.time_weights
        state, y = operands.activations, outputs[0]
        for spec, allowed in ((feature, "int8"), (state, time.dtype)):
            if spec.dtype != allowed:
                raise ModelError(f"{spec.name!r} is {spec.dtype}; it must be {allowed}")
        low, high = INTEGER_RANGE[state.dtype]
        real = np.float32 if rule.precision == "float32" else np.float64
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            first = real(x.scale[0]) * real(feature.scale[0]) / real(state.scale[0])
            second = real(state.scale[0]) * real(time.scale[0]) / real(y.scale[0])
        return cls(
            int(x.zero_point[0]),
            Multiplier.of(np.float64(first)),
            low,
            high,
            int(state.zero_point[0]) if rule.path == "state-zero" or low == -128 else 0,
            Multiplier.of(np.float64(second)),
            int(y.zero_point[0]),
            options.rank,
        )

    def eval(
        self, operands: SingularFilter[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, units) and the state."""
        x, w_feature, w_time = operands.input, operands.feature_weights, operands.time_weights
        bias, state = operands.bias, operands.activations
        y = outputs[0]
        centred = x.astype(np.int64) - self.x_zero
        sums = wrap32(centred @ w_feature.astype(np.int64).swapaxes(-1, -2))
        features = np.clip(rescale(sums, self.feature), self.low, self.high) + self.state_zero
        features = features.astype(state.dtype)  # a zero point may carry it over the type's end
        windows, last = _history(state, features, w_time.shape[-1])
        state[...] = last
        past = windows.astype(np.int64) - self.state_zero
        total = np.sum(past * w_time.astype(np.int64)[:, None], axis=-1, dtype=np.int64)
        total = total.reshape(*y.shape, self.rank).sum(axis=-1, dtype=np.int64)
        if bias is not None:
            total = total + bias.reshape(len(bias), 1, -1)
        codes = wrap32(rescale(wrap32(total), self.output) + self.y_zero)
        np.clip(codes, -128, 127, out=y, casting="unsafe")


@kernel("SVDF", "float32", "float32x8", options=SvdfOptions)
@dataclass(frozen=True, slots=True, eq=False)
class SvdfFloat(Kernel):
    """The float32 kernel, and that of int8 weights, whose scales are then given.

    features: the feature weights laid out, None when they are fed at run time.
    """

    rank: int
    activation: Activation
    features: WeightProduct | None
    feature_scale: np.float32 | None
    time_scale: np.float32 | None
    asymmetric: bool

    output_shapes = staticmethod(svdf_output_shapes)

    @classmethod
    def prepare(
        cls,
        operands: SingularFilter[TensorSpec],
        outputs: Sequence[TensorSpec],
        options: SvdfOptions,
        rule: Rules,
    ) -> SvdfFloat:
        """Check the types."""
        svdf_output_shapes(operands, options)
        feature, time = operands.feature_weights, operands.time_weights
        state = operands.activations
        if feature.dtype != time.dtype:
            raise ModelError(
                f"feature weights are {feature.dtype}, time weights {time.dtype}; both must be "
                "of one type"
            )
        if state.dtype != "float32":
            raise ModelError(f"state {state.name!r} is {state.dtype}; it must be float32")
        return cls(
            options.rank,
            activation(options.fused_activation_function),
            None
            if feature.data is None
            else WeightProduct.of(feature.data, product_scale(feature)),
            product_scale(feature),
            product_scale(time),
            options.asymmetric_quantize_inputs,
        )

    def zero_points(self) -> bool | None:
        """As the options say, where the weights are codes."""
        return None if self.feature_scale is None else self.asymmetric

    def eval(
        self, operands: SingularFilter[Array], outputs: Sequence[Array], work: Workspace
    ) -> None:
        """Write y (S, batch, units) and the state."""
        x, w_feature, w_time = operands.input, operands.feature_weights, operands.time_weights
        bias, state = operands.bias, operands.activations
        y = outputs[0]
        weigh = self.features or WeightProduct.of(w_feature[0], self.feature_scale)
        rows = x.reshape(len(x) * x.shape[1], x.shape[2])
        features = weigh(Rows(rows, self.asymmetric))
        windows, last = _history(state, features.reshape(*y.shape[:2], -1), w_time.shape[-1])
        time = w_time[0]
        if self.time_scale is not None:
            time = time.astype(np.float32) * self.time_scale
        past = np.einsum("sbfm,fm->sbf", windows, time)
        state[...] = last
        total = past.reshape(*y.shape, self.rank).sum(axis=-1, dtype=np.float32)
        if bias is not None:
            total += bias.reshape(len(bias), 1, -1)
        y[...] = self.activation(total)


register_uint8_weights("SVDF")
