"""The .tflite file: bytes to `Model` (reader) and back (writer)."""
