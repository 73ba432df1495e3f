"""LiteRT's convolutions of volumes."""

from __future__ import annotations

from refinterp.verdicts.checks import elements, rank, refuse, same_type, types
from refinterp.verdicts.common import operand
from refinterp.verdicts.litert.weights import bias_size, no_empty, positive, window_sizes
from refinterp.verdicts.node import Node
from refinterp.verdicts.table import litert


@litert("CONV_3D")
def conv_3d(node: Node) -> None:
    """CONV_3D."""
    node.counts((2, 3), 1)
    y, x, w = node.y(), node.x(0), node.x(1)
    rank(x, 5)
    rank(w, 5)
    if x.shape[4] != w.shape[3]:
        refuse("shapes", f"{x.label} has {x.shape[4]} channels; allowed: {w.shape[3]}")
    no_empty(x, 1, 2, 3, 4)
    no_empty(w, 0, 1, 2, 3, 4)
    for operand_ in (x, w):
        types(operand_, "float32")
    same_type(y, x)
    bias = operand(node, 2)
    if bias is not None:
        same_type(bias, x)
        bias_size(bias, w.shape[4])
    positive(node, "stride_d", "stride_h", "stride_w", "dilation_d_factor", "dilation_h_factor",
              "dilation_w_factor")  # fmt: skip


@litert("CONV_3D_TRANSPOSE")
def conv_3d_transpose(node: Node) -> None:
    """CONV_3D_TRANSPOSE."""
    node.counts((3, 4), 1)
    y, shape, w, x = node.y(), node.x(0), node.x(1), node.x(2)
    rank(shape, 1)
    elements(shape, 5)
    rank(x, 5)
    rank(w, 5)
    if x.shape[4] != w.shape[4]:
        refuse("shapes", f"{x.label} has {x.shape[4]} channels; allowed: {w.shape[4]}")
    types(x, "float32")
    types(w, "float32")
    same_type(y, x)
    types(shape, "int32")
    bias = operand(node, 3)
    if bias is not None:
        same_type(bias, x)
        bias_size(bias, w.shape[3])
    wanted = shape.integers()
    if wanted is None:
        return
    if not (min(wanted) >= 0 and wanted[0] == x.shape[0] and wanted[4] == w.shape[3]):
        refuse(
            "shapes",
            f"the result's shape is {wanted}; allowed: {x.shape[0]} first and {w.shape[3]} last",
        )
    names = ("d", "h", "w")
    sizes = window_sizes(
        wanted[1:4],
        w.shape[:3],
        [int(node.option(f"stride_{n}", 1)) or 1 for n in names],
        [int(node.option(f"dilation_{n}_factor", 1)) for n in names],
        str(node.option("padding", "SAME")),
    )
    if sizes != list(x.shape[1:4]):
        refuse(
            "shapes",
            f"the result's shape is {wanted}, of which a convolution makes {sizes}; allowed: "
            f"{list(x.shape[1:4])}",
        )
