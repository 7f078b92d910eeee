"""The page: its layout, and what each control does."""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from data_prep.errors import UserError
from serving.description import ModelDescription
from serving.separate import Separation
from serving.studio.controls import HIDDEN, Controls, offered_cues, offered_start
from serving.studio.player import NOTHING, failure, playing
from serving.studio.source import Source
from serving.studio.trial import FILE, FIRST, Trial

TITLE = "Layered video"

_SHOW = """
const show = () => element.querySelector("layer-player").show(props.value ?? {});
watch("value", show);
show();
"""
_SAVE = "() => document.querySelector('#archive').click()"
_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# A slider that is being dragged asks for its last place only, and answers come in order.
_SEPARATION = {
    **_PRIVATE,
    "trigger_mode": "always_last",
    "concurrency_id": "separation",
    "concurrency_limit": 1,
    "show_progress": "minimal",
}

# Gradio looks every ten minutes for uploads and downloads that nobody used for an hour.
_DELETE_CACHE = (600, 3600)

Updates = dict[Any, Any]


class Page:
    """The page of a trial. All that belongs to one visitor is in its components' values."""

    def __init__(self, trial: Trial) -> None:
        """Lay out the page."""
        self._trial = trial
        with gr.Blocks(
            title=TITLE, analytics_enabled=False, delete_cache=_DELETE_CACHE
        ) as self.blocks:
            # Gradio forgets a visitor an hour after the page was closed.
            self._source, self._separation = gr.State(delete_callback=_discard), gr.State()
            self._header = gr.HTML(
                "",
                html_template=f"<h1>{TITLE}</h1><p>${{value}}</p>",
                apply_default_css=False,
                elem_id="header",
            )
            with gr.Row(elem_id="columns"):
                with gr.Column(elem_id="controls", scale=0, min_width=320):
                    self._controls = Controls()
                    self._download = gr.Button("Download the results", size="md", visible=HIDDEN)
                    self._archive = gr.DownloadButton(visible=HIDDEN, elem_id="archive")
                with gr.Column(elem_id="results"):
                    self._player = gr.HTML(
                        NOTHING,
                        html_template="<layer-player></layer-player>",
                        js_on_load=_SHOW,
                        apply_default_css=False,
                        elem_id="player",
                    )
            self._connect()

    def _connect(self) -> None:
        controls = self._controls
        shown = [self._header, controls.control, self._separation, self._player, self._download]
        audio = [controls.file, controls.shift]
        event = {**_SEPARATION, "show_progress_on": self._player}
        self.blocks.load(self._greet, None, shown, show_progress="hidden", **_PRIVATE)
        gr.on(
            [controls.first.change, controls.second.change, controls.mixing.input],
            self._open,
            [self._source, controls.first, controls.second, controls.mixing, *audio],
            [*shown, self._source, controls.mixing, controls.start, controls.cue],
            **event,
        )
        gr.on(
            [controls.start.input, controls.cue.input, controls.shift.input],
            self._separate,
            [self._source, controls.start, controls.cue, *audio],
            shown,
            **event,
        )
        controls.file.change(
            self._hear,
            [self._source, controls.start, *audio],
            [*shown, controls.cue],
            **event,
        )
        self._download.click(
            lambda separation: str(self._trial.pack(separation)),
            self._separation,
            self._archive,
            **_PRIVATE,
        ).then(None, js=_SAVE, **_PRIVATE)

    def _greet(self) -> Updates:
        return self._reporting(lambda: self._described(self._trial.description()))

    def _open(
        self,
        before: Source | None,
        first: str | None,
        second: str | None,
        mixing: str,
        file: str | None,
        shift: float,
    ) -> Updates:
        _discard(before)
        videos = [video for video in (first, second) if video is not None]
        if not videos:
            return {**self._shown(NOTHING), self._source: None}
        is_mixed, cue = len(videos) == 2, FILE if file else FIRST

        def open_and_separate() -> Updates:
            source = self._trial.open(videos[0], videos[1] if is_mixed else None, mixing)
            try:
                separation = self._trial.separate(
                    source, start=None, cue=cue, file=file, shift=shift
                )
                model = self._trial.description()
            except Exception:
                source.discard()
                raise
            return {
                **self._described(model),
                **self._shown(playing(separation), separation),
                self._source: source,
                self._controls.start: offered_start(source.duration, model, separation.start),
            }

        return {
            self._source: None,
            self._controls.mixing: gr.update(visible=is_mixed or HIDDEN),
            self._controls.cue: offered_cues(cue, is_mixed=is_mixed, has_file=file is not None),
            **self._reporting(open_and_separate),
        }

    def _separate(
        self, source: Source | None, start: float, cue: str, file: str | None, shift: float
    ) -> Updates:
        if source is None:
            return {self._player: gr.skip()}

        def separate() -> Updates:
            separation = self._trial.separate(source, start=start, cue=cue, file=file, shift=shift)
            return self._shown(playing(separation), separation)

        return self._reporting(separate)

    def _hear(self, source: Source | None, start: float, file: str | None, shift: float) -> Updates:
        cue = FILE if file else FIRST
        is_mixed = source is not None and source.second is not None
        return {
            self._controls.cue: offered_cues(cue, is_mixed=is_mixed, has_file=file is not None),
            **self._separate(source, start, cue, file, shift),
        }

    def _reporting(self, answer: Callable[[], Updates]) -> Updates:
        """Return the updates of a function, or those that show its error."""
        try:
            return answer()
        except (UserError, OSError) as error:
            return self._shown(failure(self._trial.in_words(error)))

    def _shown(self, value: dict[str, Any], separation: Separation | None = None) -> Updates:
        return {
            self._player: value,
            self._separation: separation,
            self._download: gr.update(visible=separation is not None or HIDDEN),
        }

    def _described(self, model: ModelDescription) -> Updates:
        clip = model.clip
        facts = (
            f"{escape(model.system)} separates a window of {clip.seconds:.2f} s here: "
            f"{clip.frames} frames of {clip.width}×{clip.height} pixels. For a whole video, use "
            "<code>python -m serving separate</code>."
        )
        return {
            self._header: facts,
            self._controls.control: gr.update(visible=model.uses_audio or HIDDEN),
        }


def _discard(source: Source | None) -> None:
    if source is not None:
        source.discard()
