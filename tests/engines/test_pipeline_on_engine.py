"""The whole pipeline, its Beam stages on a job server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clusters import environment

from data_prep.generate import generate
from data_prep.sources import manifest
from pipeline.config import load_config

pytestmark = pytest.mark.slow

SETTINGS = {
    "data.train_mixtures": 8,
    "data.eval_mixtures": 6,
    "evaluation.relative_loss": 9,
    "model.system": "c2",
    "train.steps": 2,
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.tfrecord")}


def test_the_pipeline_runs_on_a_job_server(portable, sample, tmp_path):
    output = tmp_path / "out [1]"
    words = [f"{key}={json.dumps(value)}" for key, value in SETTINGS.items()]
    command = [sys.executable, "-m", "pipeline", "run", "--config", "demo"]
    command += ["--videos", str(sample / "videos"), "--output", str(output)]
    for word in (*words, f"beam_args={json.dumps(portable.options)}"):
        command += ["--set", word]
    ended = subprocess.run(
        command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads((output / "summary.json").read_text())["blessed"]
    if "JOB_ENDPOINT" not in os.environ:
        stages = portable.log.read_text().count(": started as process ")
        assert stages == 4  # index, mixtures, statistics, evaluation
    [examples] = (output / "artifacts").glob("*/MixtureGen/examples/*")
    [listing] = (output / "manifests").glob("span-*/manifest.csv")
    made = str(tmp_path / "made")
    generate(manifest.read(str(listing)), made, load_config("demo", words).data)
    for split in ("train", "eval"):
        found = contents(examples / f"Split-{split}")
        assert found
        assert sorted(found.values()) == sorted(contents(Path(made, split)).values())
