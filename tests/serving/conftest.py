"""Checkpoints with random weights, and their exported folders, as the tests of the runtime have them."""

from tests.runtime.conftest import classifier, export

__all__ = ["classifier", "export"]
