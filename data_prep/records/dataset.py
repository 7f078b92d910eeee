"""The folder that `generate` writes: its layout, what resumes it, and what completes it.

settings.json                       settings and fingerprint, written first
manifest.csv                        the videos, with their splits
SPLIT/mixtures-00000-of-00004.tfrecord
progress/SPLIT-00000.json           what a finished shard holds; gone once all are finished,
                                    and with it what was being written when a run was killed
info.json  rejected.csv             counts, settings, feature contract; files not used, and why
COMPLETED                           written last
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing.pairing import Pairing
from data_prep.records.making import Report
from data_prep.records.shards import Shard, lay_out, read_reports
from data_prep.sources import manifest
from data_prep.sources.kinetics import SPLITS
from data_prep.sources.manifest import Video
from data_prep.storage import write_text

# In the order in which they are removed: a report without its records would be taken for a
# finished shard.
OURS = ("progress", *SPLITS, "settings.json", "manifest.csv", "info.json", "rejected.csv")
MARKER = "COMPLETED"


@dataclass(frozen=True)
class Dataset:
    """A data set's folder."""

    folder: Path

    @property
    def marker(self) -> Path:
        """The file that says that the data set is whole."""
        return self.folder / MARKER

    @property
    def reports(self) -> list[Path]:
        """The reports of the shards finished so far."""
        return sorted((self.folder / "progress").glob("*.json"))

    def open(self, videos: Sequence[Video], config: DataConfig, *, overwrite: bool) -> None:
        """Makes the folder, or takes up one that was begun with the same videos and settings.

        Raises:
            UserError: the folder holds something else and `overwrite` is not set.
        """
        if str(self.folder).split("/")[0].endswith(":"):  # a URL, as Path writes it
            raise UserError(f"{self.folder}: the output must be a folder that all workers mount")
        fingerprint = _fingerprint(videos, config)
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder}: the output must be a folder; it is a file")
        found = self._found_fingerprint()
        if found != fingerprint:
            if found and not overwrite:
                raise UserError(
                    f"{self.folder}: the folder holds mixtures of other videos or settings; "
                    "choose another folder or give --overwrite"
                )
            if not found and self.folder.is_dir() and any(self.folder.iterdir()):
                raise UserError(f"{self.folder}: the output folder must be new or empty")
            self.clear()
        elif overwrite:
            self.clear()
        settings = {"fingerprint": fingerprint, "settings": config.model_dump()}
        _write_json(self.folder / "settings.json", settings)
        manifest.write(self.folder / "manifest.csv", videos)

    def clear(self) -> None:
        """Removes what `generate` wrote, the marker first, and the folder if it is then empty."""
        self.marker.unlink(missing_ok=True)
        for name in OURS:
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def shards(self, pairings: Sequence[Pairing], records_per_shard: int) -> list[Shard]:
        """Lays a split's pairings out over files."""
        records, reports = self.folder / pairings[0].split, self.folder / "progress"
        return lay_out(pairings, records_per_shard, records=str(records), reports=str(reports))

    def complete(self, info: dict, rejections: Sequence[manifest.Rejection]) -> None:
        """Writes the report and the rejected files, and last the marker."""
        _write_json(self.folder / "info.json", info)
        manifest.write_rejected(self.folder / "rejected.csv", rejections)
        write_text(self.marker, "")
        shutil.rmtree(self.folder / "progress")

    def read_reports(self) -> list[Report]:
        """Reads what became of the mixtures of all finished shards."""
        return read_reports(str(self.folder / "progress"))

    def read_info(self) -> dict:
        """Reads the report of a completed data set."""
        return json.loads((self.folder / "info.json").read_text(encoding="utf-8"))

    def _found_fingerprint(self) -> str | None:
        try:
            text = (self.folder / "settings.json").read_text(encoding="utf-8")
            return json.loads(text)["fingerprint"]
        except (FileNotFoundError, ValueError, KeyError):
            return None


def _fingerprint(videos: Sequence[Video], config: DataConfig) -> str:
    """Digests what decides the records; where the videos lie does not."""
    rows = sorted(
        [value for name, value in asdict(video).items() if name != "path"] for video in videos
    )
    text = json.dumps([rows, config.model_dump()])
    return hashlib.sha256(text.encode()).hexdigest()


def _write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")
