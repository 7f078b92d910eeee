"""The web server of the page."""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

from serving.client import SeparationClient
from serving.studio.page import Page
from serving.studio.trial import Trial

_ASSETS = Path(__file__).parent / "assets"
_GRACE = 1  # seconds that open connections get at the end


def run(
    client: SeparationClient,
    listener: socket.socket,
    folder: Path,
    max_bytes: int,
    report: Callable[[], None],
) -> None:
    """Serve the page until SIGTERM or SIGINT.

    Args:
        client: client of the model to try.
        listener: socket that listens.
        folder: existing folder for mixtures and results.
        max_bytes: largest file that may be dropped.
        report: called just before requests are answered.
    """
    app = create_app(Page(Trial(client, folder)).blocks, max_bytes)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE)
    report()
    with suppress(KeyboardInterrupt):  # uvicorn raises it again after an orderly end
        uvicorn.Server(config).run(sockets=[listener])


def create_app(page: gr.Blocks, max_bytes: int) -> FastAPI:
    """Return the application that serves the page, without anything of Gradio's around it.

    Args:
        page: the page.
        max_bytes: largest file that may be dropped.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    scripts = (
        f"<script>{(_ASSETS / name).read_text(encoding='utf-8')}</script>"
        for name in ("player.js", "labels.js")
    )
    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        max_file_size=max_bytes,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        theme=_theme(),
        css_paths=[_ASSETS / "page.css", _ASSETS / "player.css"],
        head="".join(scripts),
    )


def _theme() -> gr.themes.Base:
    """Return a theme of the system's fonts and one color, without frames around the controls."""
    clear = (
        "block_background_fill",
        "block_label_background_fill",
        "block_title_background_fill",
        "checkbox_label_background_fill",
        "checkbox_label_background_fill_hover",
        "checkbox_label_background_fill_selected",
        "button_secondary_background_fill",
    )
    subdued = ("body_text_color_subdued", "block_info_text_color")
    return gr.themes.Base(
        primary_hue="emerald", font=["system-ui", "sans-serif"], font_mono=["monospace"]
    ).set(
        **{f"{name}{mode}": "transparent" for name in clear for mode in ("", "_dark")},
        **dict.fromkeys(subdued, "*neutral_600"),
        **{f"{name}_dark": "*neutral_400" for name in subdued},
        block_border_width="0px",
        block_padding="0px",
        block_title_text_weight="600",
        block_title_text_color="*body_text_color",
        block_title_text_size="*text_md",
        checkbox_label_padding="0px",
        checkbox_label_text_weight="400",
        button_border_width="1px",
        button_medium_text_weight="500",
        button_secondary_border_color="*neutral_400",
        button_secondary_border_color_dark="*neutral_500",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="*neutral_800",
        slider_color="*primary_600",
    )
