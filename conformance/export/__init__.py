"""Exported sources compiled against TFLM, linked, and run natively or under emulation."""
