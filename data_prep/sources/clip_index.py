"""Annotated clips by the names that their files may have."""

from collections.abc import Mapping, Sequence

from data_prep.sources.annotations import Annotation, Key
from data_prep.sources.clip_names import possible_cuts, possible_ids, possible_videos


class ClipIndex:
    """The annotated clips, by what a file name may say about them."""

    def __init__(self, rows: Mapping[Key, Annotation]):
        self._rows = rows
        self._by_video: dict[str, list[Key]] = {}
        for key in rows:
            self._by_video.setdefault(key[0], []).append(key)

    def find(self, file: str) -> Key | str:
        """Return the clip that a file holds, or why there is none."""
        cuts = possible_cuts(file)
        for video, start, end in cuts:
            if end is not None and (video, start, end) in self._rows:
                return video, start, end
        beginnings = [(video, start) for video, start, end in cuts if end is None]
        candidates = [
            *([k for k in self._by_video.get(video, []) if k[1] == s] for video, s in beginnings),
            *(self._by_video.get(video, []) for video in possible_videos(file)),
        ]
        for keys in filter(None, candidates):
            if len(keys) == 1:
                return keys[0]
            return f"its name does not say which of the {len(keys)} annotated clips of {keys[0][0]}"
        for video, *_ in cuts:
            if keys := self._by_video.get(video, []):
                return f"not in the annotations, which have {_seconds(keys)} of {video}"
        return "not in the annotations"

    def videos(self, file: str) -> set[str]:
        """Return the annotated YouTube videos that a file may be about."""
        return possible_ids(file) & self._by_video.keys()


def _seconds(keys: Sequence[Key]) -> str:
    return ", ".join(f"{start} to {end} s" for _, start, end in keys[:3])
