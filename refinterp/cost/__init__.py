"""What a model costs on a device: work, time, energy; all of it estimated but what was measured."""
