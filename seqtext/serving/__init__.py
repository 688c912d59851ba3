"""A server: requests of HTTP -> batches -> workers, each a process with the model."""
