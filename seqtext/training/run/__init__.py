"""A training run: its folder, checkpoints, report."""
