"""From the executed worked notebooks to a book: pages that are read without a network."""
