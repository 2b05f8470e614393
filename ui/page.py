"""The page: the bar on top, then one tab per step of the work."""

from __future__ import annotations

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read once, when Blocks is made: nothing is sent anywhere

import gradio as gr

from ui.components.surface import surface

TABS = {
    "Corpora": "corpora",
    "Vocabulary": "vocabulary",
    "Review": "review",
    "Music": "music",
    "Insights": "insights",
    "Settings": "settings",
}

HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="tagloom/assets/css/tagloom.css">
<link rel="stylesheet" href="tagloom/assets/css/screens.css">
<link rel="stylesheet" href="tagloom/assets/css/review.css">
<link rel="stylesheet" href="tagloom/assets/css/captions.css">
<link rel="stylesheet" href="tagloom/assets/css/music.css">
<link rel="stylesheet" href="tagloom/assets/css/vocabulary.css">
<link rel="stylesheet" href="tagloom/assets/css/insights.css">
<link rel="stylesheet" href="tagloom/assets/css/connections.css">
<link rel="stylesheet" href="tagloom/assets/css/prompts.css">
<script src="tagloom/assets/js/early.js"></script>
<script type="module" src="tagloom/assets/js/main.js"></script>
"""


def build() -> gr.Blocks:
    """The Blocks app; everything that it shows is fetched by the surfaces' own routes."""
    with gr.Blocks(title="Tagloom", analytics_enabled=False, fill_width=True) as blocks:
        surface("bar", "Tagloom")
        with gr.Tabs(elem_id="tl-tabs", overflow_behavior="wrap"):
            for label, name in TABS.items():
                with gr.Tab(label, id=name, elem_id=f"tl-tab-{name}"):
                    surface(name, f"Opening {label}…")
    return blocks
