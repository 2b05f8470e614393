"""Gradio's share of the look: fonts of the system and our colours; the rest is assets/css."""

from __future__ import annotations

import gradio as gr

SYSTEM = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")


def theme() -> gr.themes.Base:
    """No web fonts: nothing is fetched from elsewhere."""
    return gr.themes.Base(
        primary_hue="teal", neutral_hue="slate", font=list(SYSTEM), font_mono=["ui-monospace", "monospace"]
    )
