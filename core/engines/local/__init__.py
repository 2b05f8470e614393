"""Models in this process (transformers)."""
