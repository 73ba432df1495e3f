"""The version, on a floor that every room can stand on."""

__version__ = "0.1.0"
