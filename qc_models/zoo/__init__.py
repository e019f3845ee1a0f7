"""The models: one file each, with its input, its outputs and its network."""
