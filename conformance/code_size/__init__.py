"""What TFLM's operators take of flash: builds of it, linked as a firmware would be."""
