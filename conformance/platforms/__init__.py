"""The same models elsewhere: WebAssembly, other versions of NumPy."""
