"""Our variants of the published systems, from training to a served model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, TWO_LEVELS, build, make_batch

from models import presets
from models.config import ModelConfig, TrainConfig
from models.export.saved_model import export
from models.systems import SYSTEMS
from models.training import train as training

VARIANTS = [name for name, system in SYSTEMS.items() if system.is_variant]
every_variant = pytest.mark.parametrize("name", VARIANTS)


@pytest.mark.slow
@every_variant
def test_a_variant_is_trained_exported_and_served(name, records, tmp_path, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", TWO_LEVELS)
    reports = []
    separator = training.train(
        ModelConfig(system=name, preset="tiny"),
        TrainConfig(steps=2, batch=2, log_every=1, checkpoint_every=1),
        CLIP,
        train_files=records.train,
        eval_files=records.eval,
        logs=str(tmp_path / "logs"),
        checkpoints=str(tmp_path / "checkpoints"),
        report=reports.append,
    )
    curves = [report.scalars for report in reports if report.scalars]
    assert len(curves) == 2
    assert all(np.isfinite(value) for point in curves for value in point.values())
    export(separator, CLIP, str(tmp_path / "1"))
    batch = make_batch(2)
    given = {"video": tf.constant(batch["v1"])}
    if separator.system.uses_audio:
        given["audio"] = tf.constant(batch["audio1"])
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"](**given)
    expected = separator.serve(given)
    assert served.keys() == expected.keys()
    for key in served.keys() - {"chosen", "scores"}:
        difference = served[key].numpy().astype(int) - expected[key].numpy()
        assert np.abs(difference).max() <= 1, key
    if "scores" in served:
        np.testing.assert_allclose(served["scores"], expected["scores"], rtol=1e-4)


@every_variant
def test_a_variant_is_another_network_than_those_it_varies(name):
    own, batch = build(name), make_batch(2)
    for other in SYSTEMS[name].varies:
        varied = build(other)
        shapes = [[w.shape for w in one.network.weights] for one in (own, varied)]
        results = [one(batch) for one in (own, varied)]
        key = "scores" if "scores" in results[0] else "outputs"
        differs = np.abs(results[0][key] - results[1][key]).max() > 1e-4
        assert shapes[0] != shapes[1] or differs, other


def test_competing_masks_start_c2_without_masking():
    """With the same weights, the first outputs are those of the network without masks."""
    keras.utils.set_random_seed(0)
    masked, plain = (
        SYSTEMS[name].build(CLIP, TWO_LEVELS) for name in ("c2_competing_masks", "c2_no_masking")
    )
    weights = {weight.path: weight.numpy() for weight in masked.weights}
    plain.set_weights([weights[weight.path] for weight in plain.weights])
    video = make_batch(2)["v1"] / np.float32(127.5) - 1
    np.testing.assert_allclose(
        masked({"video": video})["outputs"], plain({"video": video})["outputs"], atol=1e-5
    )
