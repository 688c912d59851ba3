"""From checkpoints to texts and labels. Imports neither Lightning nor datasets."""
