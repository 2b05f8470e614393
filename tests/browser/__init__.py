"""A package, so that the fixtures of package scope (browser, server) end with the last test of this folder."""
