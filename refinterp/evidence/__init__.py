"""Results of conformance runs, packed with the code: which operators agree, who ran what."""
