"""A server: HTTP requests -> batches -> workers, each a process with the model."""
