"""An invented class, made by code, and the picture of the README."""
