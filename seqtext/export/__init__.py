"""Checkpoints -> graphs that other programs than PyTorch compute. Needs the extra ``export``."""
