"""What a report says of the data: counts, and the files that were not used."""

import json
import os
from dataclasses import dataclass

from tfx.dsl.io import fileio

from components.html.pages import Split
from data_prep.config import DataConfig, load
from data_prep.sources.kinetics import SPLITS
from data_prep.sources.manifest import read_rejected


@dataclass(frozen=True)
class Data:
    """A data set's account.

    Attributes:
        config: its settings.
        splits: its counts.
        rejected: files that were not used: (path, reason).
    """

    config: DataConfig
    splits: list[Split]
    rejected: list[tuple[str, str]]


def read_data(examples: str) -> Data:
    """Read `info.json` and `rejected.csv` of an Examples artifact's folder."""
    path = os.path.join(examples, "info.json")
    with fileio.open(path) as file:
        info = json.loads(file.read())
    rejected = read_rejected(os.path.join(examples, "rejected.csv"))
    return Data(
        config=load(DataConfig, info["settings"], path),
        splits=[_split(name, info["splits"][name]) for name in SPLITS],
        rejected=[(item.path, item.reason) for item in rejected],
    )


def _split(name: str, told: dict) -> Split:
    types = told["mixture_types"]
    counts = [
        ("mixtures", told["mixtures"]),
        ("transparencies", types.get("transparency", 0)),
        ("occlusions", types.get("occlusion", 0)),
        ("with sound", told["with_sound"]),
        ("dropped", len(told["dropped"])),
        ("videos", told["videos"]),
        ("sources", told["sources"]),
        ("classes", sum(bool(label) for label in told["labels"])),
    ]
    dropped = [(item["mixture_id"], item["path"], item["reason"]) for item in told["dropped"]]
    return Split(name, counts, dropped)
