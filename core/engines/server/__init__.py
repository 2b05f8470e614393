"""OpenAI-compatible servers: what is sent, when, and what becomes of it."""
