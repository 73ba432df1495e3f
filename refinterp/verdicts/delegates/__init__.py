"""Which operators a delegate or an NPU takes, and which stay on the processor."""
