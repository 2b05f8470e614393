"""Named ways to models: addresses, keys, checks, advice."""
