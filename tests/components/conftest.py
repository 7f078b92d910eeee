"""Videos whose audio changes over time, their manifest, and held-out records made of them."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from data_prep.config import ClipConfig, DataConfig
from data_prep.sources import examination, manifest
from data_prep.sources.kinetics import Entry
from data_prep.sources.videos import Video
from models.presets import PRESETS, Audio, Conv, Level

CLIP = ClipConfig(frames=4, fps=8, height=16, width=16, short_side=16, sample_rate=8_000)
PRESET = replace(
    PRESETS["tiny"],
    levels=(
        Level("first", (Conv(8, 3, 2),), (2, 2, 2)),
        Level("second", (Conv(8, 3, (1, 2, 2)),), (1, 2, 2)),
    ),
    up=(8,),
    mask_width=4,
    audio=Audio(window=128, hop=64, widths=(4, 4)),
    score_width=4,
)
SECONDS = 2.0
MIXTURES = 6


@dataclass(frozen=True)
class HeldOutSet:
    """A manifest's folder with its videos, and the records of mixtures of them."""

    manifests: Path
    videos: list[Video]
    files: list[str]
    serialized: list[bytes]
    examples: object


@pytest.fixture(scope="session")
def clip():
    return CLIP


@pytest.fixture
def small_preset():
    return PRESET


@pytest.fixture
def half_width():
    """Gives the half-width of a share's interval, by two more examples of either kind."""

    def half(values):
        values = np.array([*values, 0, 0, 1, 1], float)
        return pytest.approx(1.96 * values.std() / np.sqrt(len(values)), rel=1e-5)

    return half


@pytest.fixture(scope="session")
def held_out(tmp_path_factory) -> HeldOutSet:
    """Six mixtures of six videos of three classes, in two files. Not to be written to."""
    return make_held_out(tmp_path_factory.mktemp("held_out"))


@pytest.fixture
def make_set():
    """Gives the function that makes a set of one's own."""
    return make_held_out


def make_held_out(root: Path) -> HeldOutSet:
    import tensorflow as tf
    from tfx.types import standard_artifacts

    from data_prep.mixing.pairing import draw
    from data_prep.records.writer import make_record

    videos = [write_video_of(root / f"video{i}.mp4", i) for i in range(6)]
    manifest.write(str(root / "manifests" / "span-1" / "manifest.csv"), videos)
    config = DataConfig(clip=CLIP, eval_mixtures=MIXTURES, segments=4)
    pairings = draw(videos, "eval", MIXTURES, config)
    serialized = [make_record(pairing, config)[0] for pairing in pairings]
    folder = root / "examples" / "Split-eval"
    folder.mkdir(parents=True)
    # Not in the order of their names: Beam promises none.
    files = {folder / "mixtures-0.tfrecord": serialized[::-2], folder / "mixtures-1.tfrecord": []}
    files[folder / "mixtures-1.tfrecord"] = serialized[::2]
    for file, records in files.items():
        with tf.io.TFRecordWriter(str(file)) as writer:
            for record in records:
                writer.write(record)
    examples = standard_artifacts.Examples()
    examples.uri = str(root / "examples")
    examples.split_names = '["eval"]'
    examples.set_int_custom_property("span", 1)
    return HeldOutSet(root / "manifests", videos, list(map(str, files)), serialized, examples)


def write_video_of(path: Path, number: int) -> Video:
    """Moving waves of their own color, and a tone of its own pitch that grows louder."""
    from data_prep.media.encoding import write_video

    t, y, x = np.meshgrid(np.arange(int(SECONDS * 16)), np.arange(32), np.arange(32), indexing="ij")
    color = np.random.default_rng(number).uniform(0.2, 1, 3)
    waves = np.sin(0.2 * (number + 1) * x + 0.3 * y + 0.3 * t)
    frames = np.round((127.5 + 120 * waves)[..., None] * color).astype(np.uint8)
    times = np.arange(int(SECONDS * 16_000)) / 16_000
    tone = np.sin(2 * np.pi * (200 + 100 * number) * times) * times / SECONDS
    audio = np.round(20_000 * tone).astype(np.int16)
    write_video(path, frames, fps=16, audio=audio, sample_rate=16_000)
    source = f"source{number}"
    return examination.examine(Entry(str(path), path.stem, source, f"label{number % 3}", "eval"))


@pytest.fixture(scope="session")
def export_model(tmp_path_factory):
    """Gives a function that exports an untrained system, and returns the folder and the model."""

    @functools.cache
    def export_system(name: str, outputs: int = 2):
        import keras

        from models.config import ModelConfig
        from models.export.saved_model import export
        from models.presets import PRESETS
        from models.systems import get_system

        keras.utils.set_random_seed(1)
        system = get_system(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(PRESETS, "tiny", PRESET)
            config = ModelConfig(system=name, outputs=outputs)
            model = system.task.build(system, config, CLIP, ["label0", "label1", "other"])
        folder = tmp_path_factory.mktemp(name) / "Format-Serving"
        export(model, CLIP, str(folder))
        return folder, model

    return export_system


@pytest.fixture
def run_component(tmp_path):
    """Gives a function that runs an analysis's component on artifacts, and returns its results."""

    def run(component, inputs: dict, **parameters):
        from components.analyses.artifact import AnalysisArtifact
        from components.analyses.registry import read_analysis

        output = AnalysisArtifact()
        output.uri = str(tmp_path / "analysis")
        Path(output.uri).mkdir(exist_ok=True)
        executor = component.EXECUTOR_SPEC.executor_class()
        given = {name: [artifact] for name, artifact in inputs.items()}
        executor.Do(given, {"analysis": [output]}, {**parameters, "code": ""})
        return read_analysis(output.uri).results

    return run


@pytest.fixture
def model_artifact():
    """Gives a function that makes the Model artifact of an exported folder."""

    def make(folder: Path):
        from tfx.types import standard_artifacts

        model = standard_artifacts.Model()
        model.uri = str(folder.parent)
        return model

    return make
