"""UNIDIRECTIONAL_SEQUENCE_LSTM: an LSTM over a sequence, its state kept between invocations.

Real      see `lstm_real`; float32 weights, or int8 ones with float32 data (dynamic range)
Integer   see `lstm_integer`; LiteRT and TFLM differ in functions, roundings and scales
Shapes    x (batch, time, n), or (time, batch, n) if time_major; y the same with the outputs last
Units     codes, real = scale * (code - zero point); the cell state's scale is a power of two.
          Both states are variables: samples run in order
Raises    ModelError, from prepare only: operands that do not fit together, states that are no
          variables, integer weights that are no constants; under TFLM also variants it lacks
Source    LiteRT kernels/unidirectional_sequence_lstm.cc (f67457790); tflite-micro
          micro/kernels/unidirectional_sequence_lstm.cc (90b983c2b)
Exact to  LiteRT BUILTIN_REF for int8, TFLM for int8 and int16x8; reals within rounding
"""

from __future__ import annotations

from refinterp.kernels.lstm_operands import LstmOptions
from refinterp.kernels.lstm_sequence import SequenceLstmInteger, SequenceLstmReal
from refinterp.kernels.registry import kernel
from refinterp.kernels.uint8_weights import register_uint8_weights

_WHERE = "UNIDIRECTIONAL_SEQUENCE_LSTM"
kernel(_WHERE, "int8", "int16x8", options=LstmOptions)(SequenceLstmInteger)
kernel(_WHERE, "float32", "float32x8", options=LstmOptions)(SequenceLstmReal)
register_uint8_weights(_WHERE)
