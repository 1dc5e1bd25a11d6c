"""What students of a graded course get: the course without its answers."""
