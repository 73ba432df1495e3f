"""Models on which a runtime is known to be wrong, as data: rows by the runtime they are about."""
