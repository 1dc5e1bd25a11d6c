"""The exercises, one module each, named after the function; loaded when first checked."""
