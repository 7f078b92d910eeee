"""Two processes train as one stage: TFX's executor runs in both, and there is one model."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from worker_cluster import BOUND, environments, reserved_addresses

from components.report.curves import read_curves
from components.training.training_settings import TrainingSettings
from data_prep.config import DataConfig
from data_prep.records.info import DatasetInfo, SplitInfo
from models.config import ModelConfig, TrainConfig
from models.export.exported_weights import open_weights

pytestmark = pytest.mark.slow

STEPS = 8
SCRIPT = Path(__file__).with_name("small_executor.py")
EXECUTOR = "tfx.components.trainer.executor.GenericExecutor"


@pytest.fixture
def start(held_out, clip, tmp_path):
    """Gives a function that starts TFX's Trainer as a process, with the folders of a stage."""
    from tfx.types import artifact_utils, standard_artifacts

    split = SplitInfo(
        mixtures=len(held_out.serialized),
        mixture_types={},
        with_audio=len(held_out.serialized),
        videos=6,
        sources=6,
        labels=[],
    )
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for name in ("train", "eval"):
        records = tmp_path / "examples" / f"Split-{name}" / "mixtures.tfrecord"
        records.parent.mkdir(parents=True)
        records.write_bytes(b"".join(Path(file).read_bytes() for file in held_out.files))
    splits = {"train": split, "eval": split}
    info = DatasetInfo(splits=splits, settings=DataConfig(clip=clip), features={})
    info.write(str(tmp_path / "examples" / "info.json"))
    settings = TrainingSettings(
        model=ModelConfig(system="c3_internal"),
        train=TrainConfig(
            steps=STEPS, batch=2, log_every=1, checkpoint_every=2, image_every=4, ema=0.5
        ),
        clip=clip,
    )
    started = []

    def start(name, environment=()):
        custom = settings.custom_config(checkpoints=str(tmp_path / "checkpoints" / name), code="1")
        outputs = {
            "model": [standard_artifacts.Model()],
            "model_run": [standard_artifacts.ModelRun()],
        }
        for key, [artifact] in outputs.items():
            artifact.uri = str(tmp_path / name / key)
        properties = {
            "train_args": json.dumps({"splits": ["train"], "num_steps": STEPS}),
            "eval_args": json.dumps({"splits": ["eval"]}),
            "run_fn": "components.training.run_fn.run_fn",
            "custom_config": json.dumps(custom),
        }
        words = [sys.executable, str(SCRIPT), f"--executor_class_path={EXECUTOR}"]
        words += ["--inputs", artifact_utils.jsonify_artifact_dict({"examples": [examples]})]
        words += ["--outputs", artifact_utils.jsonify_artifact_dict(outputs)]
        words += ["--exec-properties", json.dumps(properties)]
        started.append(subprocess.Popen(words, env={**os.environ, **dict(environment)}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_workers_of_a_stage_write_one_model_and_resume_together(start, tmp_path):
    def start_workers():
        return [start("both", environment) for environment in environments(addresses)]

    with reserved_addresses(2) as addresses:
        killed, left = start_workers()
        while not list((tmp_path / "checkpoints" / "both").glob("*/*.index")):
            assert [killed.poll(), left.poll()] == [None, None]
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        assert left.wait(timeout=BOUND) != 0
    assert not (tmp_path / "both" / "model").exists()
    with reserved_addresses(2) as addresses:
        assert [worker.wait() for worker in start_workers()] == [0, 0]
    assert start("alone").wait() == 0
    for name in ("both", "alone"):
        curves = read_curves(str(tmp_path / name / "model_run"))
        assert [step for step, _ in curves["train/loss"]] == list(range(1, STEPS + 1))
        assert not list((tmp_path / "checkpoints" / name).glob("*")), "a finished run leaves none"
    models = [str(tmp_path / name / "model" / "Format-Serving") for name in ("both", "alone")]
    with open_weights(models[0]) as found, open_weights(models[1]) as expected:
        assert set(found) == set(expected)
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-3, err_msg=name)
    files = [
        {str(file.relative_to(tmp_path / name)) for file in (tmp_path / name / "model").rglob("*")}
        for name in ("both", "alone")
    ]
    assert files[0] == files[1]
