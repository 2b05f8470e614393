"""Questions handed in together (/v1/batches)."""
