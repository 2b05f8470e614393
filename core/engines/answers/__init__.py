"""What answers say: read without trusting them, and what to ask next."""
