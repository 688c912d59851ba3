"""LightningModules, each owning one network, and what a run does with them. Imports nothing."""
