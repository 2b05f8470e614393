"""A surface: one `gr.HTML` whose content our own JavaScript draws (assets/js/<name>.js).

Gradio gives the place, the tab and the page; the surface talks with plain routes (ui/routes), so a key press
never travels as a component value.
"""

from __future__ import annotations

import gradio as gr


def surface(name: str, loading: str) -> gr.HTML:
    """The place where `assets/js/<name>.js` mounts itself.

    Args:
        name: the module's name, a plain identifier.
        loading: what is shown until the module has drawn something.
    """
    return gr.HTML(
        html_template=f'<div class="tl-surface" data-surface="{name}"><p class="tl-loading">{loading}</p></div>',
        js_on_load=f'(window.tagloom ||= []).push(["{name}", element.querySelector("[data-surface]") || element])',
        elem_id=f"tl-surface-{name}",
        elem_classes=["tl-surface-frame"],
        apply_default_css=False,
        padding=False,
    )
