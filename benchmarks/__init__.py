"""What measures seqtext: ``python -m benchmarks`` lists the commands."""
