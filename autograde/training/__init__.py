"""The command `course train`: choose, train, write down."""
