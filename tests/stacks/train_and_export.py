"""Train a small C3 and export it: `train_and_export.py RECORDS FOLDER STOP`.

Exits with code 3 once the step after STOP is done, if that comes before the end. Writes checkpoints
and, at the end, `model/1` and `losses.json` to the folder.
"""

import json
import sys
from pathlib import Path

from models.config import ModelConfig, TrainConfig
from models.export.saved_model import export
from models.presets import get_preset
from models.training.inputs import find_files
from models.training.progress import Progress
from models.training.train import train

STOPPED = 3


def main(records: str, folder: str, stop: int) -> None:
    losses, resumed = {}, []

    def report(progress: Progress) -> None:
        resumed.append(progress.resumed_from)
        if progress.scalars:
            losses[progress.step] = progress.scalars["loss"]
        if progress.step > stop:
            sys.exit(STOPPED)

    clip = get_preset("tiny").clip
    model = train(
        ModelConfig(system="c3_internal", preset="tiny"),
        TrainConfig(steps=6, batch=2, log_every=1, checkpoint_every=2, image_every=6),
        clip,
        train_files=find_files([f"{records}/train/*"]),
        eval_files=find_files([f"{records}/eval/*"]),
        logs=f"{folder}/logs",
        checkpoints=f"{folder}/checkpoints",
        report=report,
    )
    export(model, clip, f"{folder}/model/1")
    found = {"losses": losses, "resumed_from": max(resumed)}
    Path(folder, "losses.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
