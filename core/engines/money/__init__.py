"""Prices, what was spent, and the ledger of every request."""
