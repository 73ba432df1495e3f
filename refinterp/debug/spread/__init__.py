"""The same measurements, divided among processes and machines."""
