"""Input data from files: arrays, images and sound, as the model's inputs take them."""
