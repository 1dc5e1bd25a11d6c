"""How fast the runs learn, beside Stable-Baselines3: `python -m tests.benchmarks`."""
