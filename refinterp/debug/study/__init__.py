"""What else could be done with a model: layers in other precisions, other ranges."""
