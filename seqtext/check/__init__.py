"""What is odd about a corpus, found before a training finds it."""
