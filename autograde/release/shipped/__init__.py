"""Modules that are part of the student edition only; they are copied into its `reference`."""
