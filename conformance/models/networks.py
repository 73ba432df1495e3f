"""The networks that are trained: small, with what real ones for microcontrollers are made of.

Imported by `make_models`, which sets TensorFlow's switches first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

layers = tf.keras.layers
Tensor = Any
Network = Callable[[Tensor, int], Tensor]
"""From the input and the number of classes to the output."""


def conv(x: Tensor, name: str, filters: int, size: Any = 3, strides: int = 1) -> Tensor:
    """Convolution with its batch normalisation, which the converter folds into the weights."""
    x = layers.Conv2D(filters, size, strides, "same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def depthwise(x: Tensor, name: str, size: Any = 3, strides: int = 1) -> Tensor:
    x = layers.DepthwiseConv2D(size, strides, "same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def relu(x: Tensor) -> Tensor:
    return layers.ReLU()(x)


def relu6(x: Tensor) -> Tensor:
    return layers.ReLU(6.0)(x)


def hard_swish(x: Tensor) -> Tensor:
    return x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def classify(x: Tensor, classes: int) -> Tensor:
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return layers.Softmax(name="scores")(layers.Dense(classes, name="fc")(x))


def digits_network(x: Tensor, classes: int) -> Tensor:
    """Two depthwise-separable residual blocks around a strided step: 8 x 8 x 12, 4 x 4 x 24."""
    x = relu(conv(x, "stem", 12))
    y = conv(relu(depthwise(x, "block1_depthwise")), "block1_pointwise", 12, 1)
    x = relu(layers.Add(name="block1_add")([x, y]))
    x = relu(depthwise(x, "down_depthwise", strides=2))
    x = relu(conv(x, "down_pointwise", 24, 1))
    y = conv(relu(depthwise(x, "block2_depthwise")), "block2_pointwise", 24, 1)
    x = relu(layers.Add(name="block2_add")([x, y]))
    x = layers.AveragePooling2D(2, name="pool")(x)
    return classify(x, classes)


def motor_network(x: Tensor, classes: int) -> Tensor:
    """Depthwise-separable convolutions along time, with ReLU6 throughout."""
    x = relu6(conv(x, "stem", 12, (7, 1), 2))
    for i, filters in enumerate((16, 24, 32)):
        x = relu6(depthwise(x, f"depthwise{i}", (5, 1), 2))
        x = relu6(conv(x, f"pointwise{i}", filters, 1))
    return classify(x, classes)


def anomaly_network(x: Tensor, classes: int) -> Tensor:
    """Autoencoder 48-32-16-6-16-32-48: what it cannot reproduce is not a healthy motor."""
    width = x.shape[-1]
    for i, units in enumerate((32, 16, 6, 16, 32)):
        x = layers.Dense(units, "relu", name=f"fc{i}")(x)
    return layers.Dense(width, name="reconstruction")(x)


def shapes_network(x: Tensor, classes: int) -> Tensor:
    """Three branches joined, gated by channel, and a coarse path added back to a fine one."""
    x = hard_swish(conv(x, "stem", 8))
    narrow = relu(conv(x, "narrow", 8, 1))
    wide = relu(conv(relu(depthwise(x, "wide_depthwise", 5)), "wide_pointwise", 12, 1))
    peak = layers.MaxPooling2D(3, 1, "same", name="peak_pool")(x)
    peak = relu(conv(peak, "peak_pointwise", 4, 1))
    x = layers.Concatenate(name="branches")([narrow, wide, peak])
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Conv2D(6, 1, activation="relu", name="gate_reduce")(gate)
    gate = layers.Conv2D(24, 1, activation="sigmoid", name="gate_expand")(gate)
    x = layers.Multiply(name="gated")([x, gate])
    # Padded on both sides, as PyTorch does: unlike SAME, so PAD stays an operator of its own.
    coarse = layers.ZeroPadding2D(1, name="coarse_pad")(x)
    coarse = layers.DepthwiseConv2D(3, 2, "valid", use_bias=False, name="coarse_depthwise")(coarse)
    coarse = relu(layers.BatchNormalization(name="coarse_depthwise_bn")(coarse))
    coarse = hard_swish(conv(coarse, "coarse_pointwise", 16, 1))
    coarse = layers.UpSampling2D(2, interpolation="nearest", name="coarse_up")(coarse)
    x = relu(layers.Add(name="merge")([conv(x, "fine", 16, 1), coarse]))
    x = relu(conv(x[:, ::2, ::2, :], "head", 24))
    return classify(x, classes)
