"""The controls of the page, and what they offer for a video."""

from typing import Literal

import gradio as gr

from data_prep.mixing.mixture_types import MIXTURE_TYPES
from serving.description import ModelDescription
from serving.studio.trial import FILE, FIRST, SECOND, SILENCE

HIDDEN: Literal["hidden"] = "hidden"
"""Part of the page, but not seen. Gradio may lose events while it adds a part to the page."""
_MAX_SHIFT = 2.0  # seconds


class Controls:
    """The controls, in the order in which they stand on the page.

    Attributes:
        first: the video.
        second: the video to mix it with.
        mixing: how the two are mixed.
        start: start of the window in seconds.
        control: all that is about audio, for a model with control.
        cue: whose audio selects.
        shift: seconds by which it is taken later than the video.
        file: a file with other audio.
    """

    def __init__(self) -> None:
        """Lay them out in the open container."""
        self.first = _field("Video")
        self.second = _field("Second video, to mix (optional)")
        self.mixing = gr.Radio(
            [(name.capitalize(), name) for name in MIXTURE_TYPES],
            value="transparency",
            label="Mixture",
            visible=HIDDEN,
        )
        self.start = gr.Slider(
            0, 1, step=0.01, label="Window start (seconds)", visible=HIDDEN, buttons=[]
        )
        with gr.Column(visible=HIDDEN) as self.control:
            self.cue = gr.Radio(
                _cues(is_mixed=False, has_file=False),
                value=FIRST,
                label="Audio that selects the output",
            )
            self.shift = gr.Slider(
                -_MAX_SHIFT,
                _MAX_SHIFT,
                value=0,
                step=0.05,
                label="Audio shift (seconds)",
                info="Above 0: later than the video.",
                buttons=[],
            )
            self.file = _field("Other audio (optional)")


def offered_start(duration: float, model: ModelDescription, start: float) -> dict:
    """Return the update of `start` for a video of some seconds."""
    window = model.clip.seconds
    last = round(max(0.0, duration - window), 2)
    return gr.update(
        maximum=max(last, 0.01),
        value=round(start, 2),
        visible=last > 0 or HIDDEN,
        info=f"It takes {window:.2f} s of {duration:.2f} s.",
    )


def offered_cues(cue: str, *, is_mixed: bool, has_file: bool) -> dict:
    """Return the update of `cue` for a video or two and, possibly, a file."""
    return gr.update(choices=_cues(is_mixed=is_mixed, has_file=has_file), value=cue)


def _field(label: str) -> gr.File:
    """Create a field for a file, whose style is that of the class `drop`."""
    return gr.File(label=label, elem_classes="drop", buttons=[])


def _cues(*, is_mixed: bool, has_file: bool) -> list[tuple[str, str]]:
    choices = [("First video", FIRST), ("Second video", SECOND)] if is_mixed else [("Video", FIRST)]
    if has_file:
        choices.append(("Other audio", FILE))
    return [*choices, ("Silence", SILENCE)]
