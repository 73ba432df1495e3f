"""Where every tensor lies: lifetimes from a model, planners, and a judge of their plans."""
