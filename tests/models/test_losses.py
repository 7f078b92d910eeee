"""The losses against NumPy, and the Identity baseline, which fixes their convention."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from small_models import build, make_batch, textured

from data_prep.mixing.compose import compose
from models.losses import assignment as losses
from models.losses.reconstruction import fused_reconstruction, identity_loss, reconstruction
from models.pixels import from_uint8, to_uint8


def distance(u, v):
    """l(U, V) of two videos [T, H, W, 3], frame by frame."""
    total = 0.0
    for a, b in zip(u.astype(np.float64), v.astype(np.float64), strict=True):
        down = np.diff(a, axis=0) - np.diff(b, axis=0)
        right = np.diff(a, axis=1) - np.diff(b, axis=1)
        gradient = (np.abs(down).mean() + np.abs(right).mean()) / 2
        total += np.abs(a - b).mean() + gradient
    return total / (2 * len(u))


def distances(seed, batch, n):
    return np.random.default_rng(seed).uniform(0, 1, (2, batch, n)).astype(np.float32)


@pytest.mark.parametrize("batch, n, size", [(1, 2, (4, 8, 6)), (3, 3, (5, 7, 9))])
def test_reconstruction_is_the_definition(batch, n, size):
    rng = np.random.default_rng(0)
    target = rng.uniform(-1, 1, (batch, *size, 3)).astype(np.float32)
    outputs = rng.uniform(-1, 1, (batch, n, *size, 3)).astype(np.float32)
    expected = [[distance(target[b], outputs[b, i]) for i in range(n)] for b in range(batch)]
    np.testing.assert_allclose(reconstruction(target, outputs), expected, rtol=1e-5)
    np.testing.assert_allclose(fused_reconstruction(target, outputs), expected, rtol=1e-5)


def test_reconstruction_of_half_precision_is_computed_in_float32():
    outputs = tf.fill([1, 2, 4, 64, 64, 3], tf.constant(0.3, tf.bfloat16))
    loss = reconstruction(np.zeros((1, 4, 64, 64, 3), np.float32), outputs)
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, np.full((1, 2), float(outputs[0, 0, 0, 0, 0, 0]) / 2), 1e-5)


def test_fused_reconstruction_has_the_plain_one_s_gradient():
    rng = np.random.default_rng(1)
    target = tf.constant(rng.uniform(-1, 1, (2, 4, 8, 6, 3)), tf.float32)
    outputs = tf.Variable(rng.uniform(-1, 1, (2, 2, 4, 8, 6, 3)), dtype=tf.float32)
    gradients = []
    for distance in (reconstruction, fused_reconstruction):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(distance(target, outputs) * [[1.0, 2.0], [3.0, 4.0]])
        gradients.append(tape.gradient(loss, outputs))
    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-7)


FUSED = """
from data_prep.cli import prepare_libraries
prepare_libraries()
import tensorflow as tf
from models.losses.reconstruction import fused_reconstruction
zeros = tf.zeros([1, 2, 4, 4, 3])
tf.function(fused_reconstruction)(zeros, zeros[:, None])
"""


@pytest.mark.slow
@pytest.mark.parametrize("level", [None, "0"])
def test_xla_starts_in_silence_unless_its_notices_are_wanted(level):
    env = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    env |= {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    words = [sys.executable, "-c", FUSED]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=env)
    assert ("XLA service" in done.stderr) == (level == "0")
    assert done.stderr == "" or level == "0"


@pytest.mark.parametrize("n", [2, 3, 4])
def test_permutation_invariant_loss_is_the_best_assignment(n):
    to_v1, to_v2 = distances(n, 16, n)
    pairs = list(itertools.permutations(range(n), 2))
    expected = [min(to_v1[b, i] + to_v2[b, j] for i, j in pairs) for b in range(16)]
    result = losses.PermutationInvariantLoss()(to_v1, to_v2)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_assignment_is_the_best_of_all_pairs(n):
    to_v1, to_v2 = distances(n, 16, n)
    slots = losses.PermutationInvariantLoss().assign(to_v1, to_v2)
    for *found, one, other in zip(*map(np.asarray, slots), to_v1, to_v2, strict=True):
        pairs = itertools.permutations(range(n), 2)
        assert tuple(found) == min(pairs, key=lambda pair: one[pair[0]] + other[pair[1]])


def test_one_output_never_stands_for_both():
    to_both = np.array([[0.1, 0.4, 0.3]], np.float32)
    slots = losses.PermutationInvariantLoss().assign(to_both, to_both)
    assert sorted(int(slot[0]) for slot in slots) == [0, 2]


def test_deterministic_control_assigns_the_first_two_slots():
    slots = losses.DeterministicControlLoss().assign(*distances(0, 4, 3))
    assert [np.asarray(slot).tolist() for slot in slots] == [[0] * 4, [1] * 4]


@pytest.mark.parametrize("n", [2, 3])
def test_permutation_invariant_loss_is_invariant(n):
    to_v1, to_v2 = distances(n, 8, n)
    loss = losses.PermutationInvariantLoss()
    expected = loss(to_v1, to_v2)
    np.testing.assert_array_equal(loss(to_v2, to_v1), expected)
    for order in itertools.permutations(range(n)):
        np.testing.assert_array_equal(loss(to_v1[:, order], to_v2[:, order]), expected)


def test_one_output_cannot_stand_for_both_targets():
    result = losses.PermutationInvariantLoss()(np.float32([[0, 7]]), np.float32([[0, 9]]))
    np.testing.assert_allclose(result, [7])


def test_deterministic_control_loss_has_fixed_slots():
    to_v1, to_v2 = distances(0, 4, 3)
    result = losses.DeterministicControlLoss()(to_v1, to_v2)
    np.testing.assert_allclose(result, to_v1[:, 0] + to_v2[:, 1])


def test_internal_prediction_loss_moves_the_scores_alone():
    scores, to_v1 = map(tf.Variable, distances(3, 4, 3))
    with tf.GradientTape() as tape:
        loss = losses.InternalPredictionLoss()(scores, 1.0 * to_v1)
    expected = np.abs(scores.numpy() - to_v1.numpy()).sum(axis=1)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    of_scores, of_distances = tape.gradient(loss, [scores, to_v1])
    np.testing.assert_array_equal(of_scores, np.sign(scores.numpy() - to_v1.numpy()))
    assert of_distances is None


@pytest.mark.parametrize("name", ["c2", "c3_deterministic", "c3_internal"])
def test_separator_measures_the_papers_losses(name):
    separator = build(name, outputs=3)
    batch = make_batch(3)
    predictions = separator(batch)
    result = separator.measure(batch, predictions)
    v1, v2 = (batch[key] / 127.5 - 1 for key in ("v1", "v2"))
    outputs = predictions["outputs"].numpy()
    to_v1, to_v2 = (
        np.array([[distance(v[b], outputs[b, i]) for i in range(3)] for b in range(3)])
        for v in (v1, v2)
    )
    if name == "c3_deterministic":
        loss = to_v1[:, 0] + to_v2[:, 1]
    else:
        pairs = itertools.permutations(range(3), 2)
        loss = np.min([to_v1[:, i] + to_v2[:, j] for i, j in pairs], axis=0)
    chosen, error = np.zeros(3, int), np.zeros(3)
    if name == "c3_internal":
        scores = predictions["scores"].numpy()
        chosen, error = scores.argmin(axis=1), np.abs(scores - to_v1).sum(axis=1)
    picked = np.arange(3), chosen
    np.testing.assert_array_equal(separator.system.control.choose(predictions), chosen)
    np.testing.assert_allclose(result["loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(result["score_error"], error, rtol=1e-5)
    np.testing.assert_allclose(result["objective"], loss + error, rtol=1e-5)
    np.testing.assert_array_equal(result["control_accuracy"], to_v1[picked] < to_v2[picked])
    assert float(separator.compute_loss(batch, None, predictions)) == pytest.approx(
        float(np.mean(loss + error)), rel=1e-5
    )


def test_training_also_scores_the_clips_themselves():
    separator = build("c3_internal")
    batch = make_batch(3)
    predictions = separator(batch, training=True)
    result = separator.measure(batch, predictions, training=True)
    v1, v2 = (batch[key] / 127.5 - 1 for key in ("v1", "v2"))
    between = np.array([distance(one, other) for one, other in zip(v1, v2, strict=True)])
    of_v1, of_v2 = predictions["clip_scores"].numpy().T
    lesson = np.abs(of_v1) + np.abs(of_v2 - between)
    expected = result["loss"] + result["score_error"] + lesson
    np.testing.assert_allclose(result["objective"], expected, rtol=1e-5)


def test_nothing_else_scores_the_clips():
    batch = make_batch(2)
    for name, training in [("c3_internal", False), ("c3_internal_fused", True), ("c2", True)]:
        assert "clip_scores" not in build(name)(batch, training=training)


def test_control_is_whether_the_chosen_output_is_closer_to_the_target_clip():
    separator = build("c3_internal")
    batch = make_batch(2)
    targets = np.stack([batch["v1"], batch["v2"]], axis=1) / np.float32(127.5) - 1
    for slot in (0, 1):
        scores = np.full((2, 2), 0.5, np.float32)
        scores[:, slot] = 0.1
        result = separator.measure(batch, {"outputs": targets, "scores": scores})
        np.testing.assert_array_equal(result["control_accuracy"], [1 - slot] * 2)
        np.testing.assert_allclose(result["loss"], 0, atol=1e-6)


def test_values_span_minus_one_to_one():
    every = np.arange(256, dtype=np.uint8)
    values = from_uint8(every)
    assert (float(values[0]), float(values[-1])) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(values), every)
    np.testing.assert_array_equal(to_uint8(tf.constant([-1.2, 1.2])), [0, 255])


def constant_batch(a, b, alpha):
    shape = (1, 4, 8, 10, 3)
    return {
        "v1": np.full(shape, a, np.uint8),
        "v2": np.full(shape, b, np.uint8),
        "alpha": np.broadcast_to(np.float32(alpha), (*shape[:-1], 1)),
    }


@pytest.mark.parametrize("a, b", [(0, 255), (200, 50), (90, 90)])
def test_identity_loss_of_constant_videos(a, b):
    difference = abs(a - b) / 127.5
    transparency = identity_loss(constant_batch(a, b, 0.5))
    np.testing.assert_allclose(transparency, [difference / 2], atol=1e-6)
    # V1 shows in the left part: the edge adds to one of the nine differences across.
    left = (np.arange(10) < 3).astype(np.float32)[:, None]
    occlusion = identity_loss(constant_batch(a, b, left))
    np.testing.assert_allclose(occlusion, [difference / 2 + difference / 2 / 9], atol=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_identity_loses_no_less_on_an_occlusion_than_on_the_transparency(seed):
    rng = np.random.default_rng(seed)
    size = (4, *rng.integers(6, 20, 2))
    batch = {key: textured(rng, (4, *size, 3)) for key in ("v1", "v2")}
    mask = rng.random((4, *size, 1)) < rng.uniform(0, 1, (4, 1, 1, 1, 1))
    occlusion = identity_loss({**batch, "alpha": mask.astype(np.float32)})
    half = np.full_like(mask, 0.5, np.float32)
    transparency = identity_loss({**batch, "alpha": half})
    assert (occlusion.numpy() >= transparency.numpy() - 1e-6).all()


def test_identity_system_scores_the_identity_loss():
    separator, batch = build("identity"), make_batch(4)
    result = separator.measure(batch, separator(batch))["loss"]
    np.testing.assert_allclose(result, identity_loss(batch), rtol=1e-5)
    v1, v2 = (batch[key] / np.float32(127.5) - 1 for key in ("v1", "v2"))
    mixture = compose(v1, v2, batch["alpha"])
    expected = [distance(v1[b], mixture[b]) + distance(v2[b], mixture[b]) for b in range(4)]
    np.testing.assert_allclose(result, expected, rtol=1e-5)
