"""Recurrent cells: each one class with the contract of ``contract.Cell``."""
