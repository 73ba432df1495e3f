"""The debugger held against TensorFlow's QuantizationDebugger."""
