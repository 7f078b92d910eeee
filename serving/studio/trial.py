"""One page's way to the server: what is asked, and errors in words for people."""

import os
import re
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

from serving.client import SeparationClient
from serving.cue import NO_AUDIO, OWN_AUDIO
from serving.description import ModelDescription
from serving.errors import UnreachableError
from serving.separate import Separation, separate
from serving.studio.archive import pack
from serving.studio.shown_videos import PARTS
from serving.studio.source import Source, open_source

FIRST, SECOND, FILE, SILENCE = "first", "second", "file", "silence"
"""Cues on the page: the audio of the video or the first of two, of the second, of another file,
and none."""


class Trial:
    """Separates what is dropped on the page. Threads may share it."""

    def __init__(self, client: SeparationClient, folder: Path) -> None:
        """Set the model, and an existing folder for mixtures and results, and for uploads."""
        self._client, self._folder = client, folder

    def description(self) -> ModelDescription:
        """Return the model's description.

        Raises:
            ServingError: the server does not answer, or not as requested.
        """
        return self._client.description()

    def open(self, first: str, second: str | None, mixture_type: str) -> Source:
        """Examine a video, or mix two; see `open_source`.

        Raises:
            UserError: a file cannot be used, or the server does not answer.
        """
        window = self._client.description().clip.seconds
        return open_source(first, second, mixture_type, window=window, folder=self._folder)

    def separate(
        self, source: Source, *, start: float | None, cue: str, file: str | None, shift: float
    ) -> Separation:
        """Separate a window with everything that the model gives.

        The dropped files count as just used, so that Gradio does not delete them yet.

        Args:
            source: what is separated.
            start: start of the window in seconds; the middle window if it is None.
            cue: one of the cues on the page.
            file: the audio file that was dropped; None for none.
            shift: seconds by which the cue is taken later than the video.

        Raises:
            UserError: see `serving.separate.separate`.
        """
        for path in filter(None, (source.first, source.second, file)):
            with suppress(FileNotFoundError):
                os.utime(path)
        cues = {FIRST: OWN_AUDIO, SECOND: source.second, FILE: file, SILENCE: NO_AUDIO}
        return separate(
            self._client,
            source.video,
            start=start,
            cue=cues[cue] or OWN_AUDIO,
            shift=shift,
            duration=source.duration,
            parts=PARTS,
        )

    def pack(self, separation: Separation) -> Path:
        """Write the results into a ZIP file, and return it."""
        return pack(separation, Path(mkdtemp(dir=self._folder)))

    def in_words(self, error: Exception) -> str:
        """Return an error's message without gRPC's words and the folders of uploads."""
        if isinstance(error, UnreachableError):
            return f"No server answers at {error.address}. Start it, then try again."
        return re.sub(rf"{re.escape(str(self._folder))}/[^/\s]+/", "", str(error))
