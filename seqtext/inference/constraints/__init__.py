"""Constraints on the texts of outputs, whatever pieces spell them."""
