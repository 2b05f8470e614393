"""Prompts: shipped, a project's own, imported; filled in, and made to fit."""
