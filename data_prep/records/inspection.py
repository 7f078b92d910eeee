"""Records become something to look at: a contact sheet and a playable MP4 for each."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from data_prep.config import ClipConfig, load
from data_prep.errors import UserError
from data_prep.media.reading import write_video
from data_prep.mixing.compose import compose
from data_prep.records.record import SOUND_SCALE, decode
from data_prep.storage import replacing

COLUMNS = 8
GAP = 4
TITLE_SIZE = 12


def inspect(records: Path, output: Path, *, count: int = 4, clip: ClipConfig | None = None) -> list:
    """Writes a contact sheet and an MP4 for the first records.

    The sheet's rows are V1, V2, alpha and the mix; its columns are moments. The MP4 shows the mix
    with V1's sound.

    Args:
        records: a TFRecord file, a folder of them, or the output of `generate`, of which every
            split is shown.
        output: folder for the pictures; made if missing.
        count: records of each file, folder or split.
        clip: the shape of their clips; by default read from the `settings.json` of `generate`.

    Returns:
        Paths of the files written.

    Raises:
        UserError: there are no records, or they do not keep the feature contract.
    """
    clip = clip or _clip_of(records)
    written = []
    for files in _groups(records):
        for serialized in islice(_read(files), count):
            values = decode(serialized, clip)
            base = output / values["mixture_id"]
            mix = _mix(values)
            with replacing(base.with_suffix(".png")) as path:
                contact_sheet(values, mix).save(path, "PNG")
            sound = np.round(values["sound1"] * SOUND_SCALE).astype(np.int16)
            video = base.with_suffix(".mp4")
            write_video(video, mix, fps=clip.fps, sound=sound, sample_rate=clip.sample_rate)
            written += [base.with_suffix(".png"), video]
    if not written:
        raise UserError(f"{records}: no records in it")
    return written


def contact_sheet(values: dict, mix: np.ndarray) -> Image.Image:
    """Draws V1, V2, alpha and the mix in rows, over moments of the clip.

    Args:
        values: a record, as `examples.decode` gives it.
        mix: uint8 [T, H, W, 3].
    """
    alpha = np.round(values["alpha"] * 255).astype(np.uint8).repeat(3, axis=-1)
    frames, height, width = mix.shape[:3]
    moments = np.linspace(0, frames - 1, min(COLUMNS, frames)).round().astype(int)
    font = ImageFont.load_default(TITLE_SIZE)
    lines = _title(values)
    line_height = TITLE_SIZE + GAP
    names = ("V1", "V2", "alpha", "mix")
    margin = int(font.getlength("alpha")) + 2 * GAP
    grid_width = margin + len(moments) * (width + GAP)
    text_width = int(max(font.getlength(line) for line in lines)) + 2 * GAP
    top = len(lines) * line_height + GAP
    sheet = Image.new(
        "RGB", (max(grid_width, text_width), top + len(names) * (height + GAP)), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for i, line in enumerate(lines):
        draw.text((GAP, GAP // 2 + i * line_height), line, "black", font)
    rows = (values["v1"], values["v2"], alpha, mix)
    for i, (name, video) in enumerate(zip(names, rows, strict=True)):
        y = top + i * (height + GAP)
        draw.text((GAP, y), name, "black", font)
        for j, moment in enumerate(moments):
            sheet.paste(Image.fromarray(video[moment]), (margin + j * (width + GAP), y))
    return sheet


def _mix(values: dict) -> np.ndarray:
    v1, v2 = (values[key].astype(np.float32) for key in ("v1", "v2"))
    return np.round(compose(v1, v2, values["alpha"])).astype(np.uint8)


def _title(values: dict) -> list[str]:
    lines = [f"{values['mixture_id']}  {values['mixture_type']}  seed {values['seed']}"]
    for clip in ("v1", "v2"):
        size = f"{values[f'{clip}_width']}x{values[f'{clip}_height']}"
        crop = f"crop at {values[f'{clip}_top']:.2f}, {values[f'{clip}_left']:.2f}"
        sound = "with sound" if values[f"{clip}_has_sound"] else "no sound"
        label = values[f"{clip}_label"] or "no label"
        lines.append(
            f"{clip.upper()}: {values[f'{clip}_id']} ({label})  from "
            f"{values[f'{clip}_start']:.2f} s, {size}, {crop}, {sound}"
        )
    return lines


def _groups(records: Path) -> list[list[Path]]:
    """Finds the record files, a list for each split."""
    if records.is_file():
        return [[records]]
    folders = [records, *sorted(path for path in records.glob("*") if path.is_dir())]
    groups = [sorted(folder.glob("*.tfrecord*")) for folder in folders]
    groups = [group for group in groups if group]
    if not groups:
        raise UserError(f"{records}: a file or folder of TFRecords is needed; none is there")
    return groups


def _read(files: list[Path]) -> Iterator[bytes]:
    for path in files:
        compression = "GZIP" if path.suffix == ".gz" else ""
        dataset = tf.data.TFRecordDataset(str(path), compression_type=compression)
        try:
            yield from dataset.as_numpy_iterator()
        except tf.errors.DataLossError as error:
            raise UserError(f"{path}: not a whole file of TFRecords") from error


def _clip_of(records: Path) -> ClipConfig:
    """Reads the clips' shape from the settings beside the records or one folder above."""
    from data_prep.cli import read_yaml

    for folder in (records, *records.absolute().parents[:2]):
        # The first is there from the beginning, the second is all that the pipeline leaves.
        for path in (folder / "settings.json", folder / "info.json"):
            if path.is_file():
                return load(ClipConfig, read_yaml(path)["settings"]["clip"], str(path))
    if not records.exists():
        raise UserError(f"{records}: a file or folder of TFRecords is needed; none is there")
    raise UserError(f"{records}: no settings.json or info.json with them; give their --config")
