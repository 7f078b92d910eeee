"""The results of a separation as one file to download."""

import shutil
from pathlib import Path

from data_prep.media.encoding import write_video
from serving.separate import Separation, write
from serving.side_by_side import enlarge
from serving.studio.shown_videos import part_videos


def pack(separation: Separation, folder: Path) -> Path:
    """Write all videos of a separation into a ZIP file.

    Args:
        separation: the separation.
        folder: a new or empty folder, which gets the file and nothing else.

    Returns:
        `separated.zip` in the folder.
    """
    results = folder / "separated"
    write(separation, str(results))
    for panel in part_videos(separation):
        path = results / f"{panel.name}.mp4"
        write_video(path, enlarge(panel.frames), fps=separation.config.fps)
    archive = Path(shutil.make_archive(str(results), "zip", folder, results.name))
    shutil.rmtree(results)
    return archive
