"""Inspection of records: a contact sheet and a playable MP4 of each."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.encoding import write_video
from data_prep.media.frames import evenly_spaced
from data_prep.media.pcm import to_int16
from data_prep.mixing.compose import mix_uint8
from data_prep.records.dataset import SETTINGS, DatasetSettings
from data_prep.records.features import FRONTS, RecordError
from data_prep.records.info import INFO, DatasetInfo
from data_prep.records.record import decode
from data_prep.settings import shown

COLUMNS = 8
GAP = 4
FONT_SIZE = 12
LINE = 300  # characters


def inspect(
    records: str, output: str, *, count: int = 4, clip: ClipConfig | None = None
) -> list[str]:
    """Write a contact sheet and an MP4 for the first records.

    The sheet's rows are V1, V2, alpha and the mixture; its columns are moments. The MP4 shows the
    mixture with V1's audio.

    Args:
        records: a TFRecord file, a folder of them, or the output of `generate`, of which every
            split is shown.
        output: folder of the sheets and MP4s; made if missing.
        count: records of each file, folder or split.
        clip: shape of their clips; by default read from the files beside the records.

    Returns:
        The files written.

    Raises:
        UserError: there are no records, or they do not keep the feature contract.
    """
    clip = clip or _clip_of(records)
    chosen = [
        (file, record) for files in _groups(records) for file, record in islice(_read(files), count)
    ]
    if not chosen:
        raise UserError(f"{records}: must hold at least one record, got none")
    for file, record in chosen:  # before anything is written
        _decoded(file, record, clip)
    return [
        written
        for file, record in chosen
        for written in _write(output, _decoded(file, record, clip), clip)
    ]


def _write(output: str, values: dict[str, Any], clip: ClipConfig) -> tuple[str, str]:
    """Write the sheet and the MP4 of a decoded record, and return their URIs."""
    base = storage.join(output, values["mixture_id"])
    mixture = mix_uint8(values["v1"], values["v2"], values["alpha"])
    with storage.replacing(f"{base}.png") as path:
        contact_sheet(values, mixture).save(path, "PNG")
    write_video(
        f"{base}.mp4",
        mixture,
        fps=clip.fps,
        audio=to_int16(values["audio1"]),
        sample_rate=clip.sample_rate,
    )
    return f"{base}.png", f"{base}.mp4"


def _decoded(file: str, record: bytes, clip: ClipConfig) -> dict[str, Any]:
    """Decode a record that may come from anybody.

    Raises:
        RecordError: the record does not keep the contract, or has an id that no file can have.
    """
    try:
        values = decode(record, clip)
        _check_name(values["mixture_id"])
    # What PIL raises on images, and Python on texts that are not UTF-8.
    except (ValueError, OSError, Image.DecompressionBombError) as error:
        raise RecordError(f"{file}: must hold records of this shape: {error}") from error
    return values


def contact_sheet(values: dict[str, Any], mixture: np.ndarray) -> Image.Image:
    """Draw V1, V2, alpha and the mixture in rows, over moments of the clip.

    Args:
        values: a record, as `record.decode` returns it.
        mixture: uint8 `[T, H, W, 3]`.
    """
    alpha = np.round(values["alpha"] * 255).astype(np.uint8).repeat(3, axis=-1)
    rows = {"V1": values["v1"], "V2": values["v2"], "alpha": alpha, "mix": mixture}
    frames, height, width = mixture.shape[:3]
    moments = evenly_spaced(COLUMNS, frames)
    font = ImageFont.load_default(FONT_SIZE)
    lines = _title(values)
    line_height = FONT_SIZE + GAP
    margin = int(font.getlength("alpha")) + 2 * GAP
    grid_width = margin + len(moments) * (width + GAP)
    text_width = int(max(font.getlength(line) for line in lines)) + 2 * GAP
    top = len(lines) * line_height + GAP
    size = (max(grid_width, text_width), top + len(rows) * (height + GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for i, line in enumerate(lines):
        draw.text((GAP, GAP // 2 + i * line_height), line, "black", font)
    for i, (name, video) in enumerate(rows.items()):
        y = top + i * (height + GAP)
        draw.text((GAP, y), name, "black", font)
        for j, moment in enumerate(moments):
            sheet.paste(Image.fromarray(video[moment]), (margin + j * (width + GAP), y))
    return sheet


def _check_name(mixture_id: str) -> None:
    """Check that files in one folder can be named like a mixture."""
    is_plain = mixture_id.isprintable() and not {"/", "\\"} & set(mixture_id)
    if not is_plain or not mixture_id or mixture_id[0] == "." or len(mixture_id.encode()) > 200:
        raise RecordError(
            f"mixture_id: must be a file name of at most 200 bytes, without / and a leading dot, "
            f"got {shown(mixture_id)}"
        )


def _title(values: dict[str, Any]) -> list[str]:
    """Return the lines above a sheet, each of a length that an image can have."""
    return [_drawable(line)[:LINE] for line in _facts(values)]


def _drawable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _facts(values: dict[str, Any]) -> list[str]:
    front = FRONTS.get(values["front"], "unknown")
    lines = [
        f"{values['mixture_id']}  {values['mixture_type']}  in front: {front}  "
        f"seed {values['seed']}"
    ]
    for clip in ("v1", "v2"):
        size = f"{values[f'{clip}_width']}x{values[f'{clip}_height']}"
        crop = f"crop at {values[f'{clip}_top']:.2f}, {values[f'{clip}_left']:.2f}"
        audio = "with audio" if values[f"{clip}_has_sound"] else "no audio"
        label = values[f"{clip}_label"] or "no label"
        lines.append(
            f"{clip.upper()}: {values[f'{clip}_id']} ({label})  from "
            f"{values[f'{clip}_start']:.2f} s, {size}, {crop}, {audio}"
        )
    return lines


def _groups(records: str) -> list[list[str]]:
    """Find the record files: a list for each folder of them."""
    if storage.is_file(records):
        return [[records]]
    groups: dict[str, list[str]] = {}
    for file in storage.list_files(records, hidden=False):
        if ".tfrecord" in storage.name(file):
            groups.setdefault(storage.parent(file), []).append(file)
    if not groups:
        raise UserError(f"{records}: must be a TFRecord file or a folder of them, got none")
    return list(groups.values())


def _read(files: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (file, record)."""
    for file in files:
        with storage.local_copy(file) as path:
            compression = "GZIP" if path.suffix == ".gz" else ""
            dataset = tf.data.TFRecordDataset(str(path), compression_type=compression)
            try:
                for record in dataset.as_numpy_iterator():
                    yield file, record
            except tf.errors.OpError as error:
                raise UserError(f"{file}: must be a complete file of TFRecords") from error


def _clip_of(records: str) -> ClipConfig:
    """Read the shape of the clips from the files beside the records or up to two folders above."""
    folder = storage.absolute(records)
    for _ in range(3):
        # `generate` writes the first one at the start; the pipeline leaves only the second.
        settings = storage.join(folder, SETTINGS)
        if storage.is_file(settings):
            return DatasetSettings.read(settings).settings.clip
        info = storage.join(folder, INFO)
        if storage.is_file(info):
            return DatasetInfo.read(info).settings.clip
        folder = storage.parent(folder)
    if not storage.exists(records):
        raise UserError(f"{records}: must be a TFRecord file or a folder of them, got none")
    raise UserError(
        f"{records}: must have {SETTINGS} or {INFO} beside it, got neither; give --config"
    )
