"""Action recognition: the protocol by hand, and on exported models by brute force."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from components.analyses.action_recognition.component import ActionRecognition, Request
from components.analyses.action_recognition.recognition_results import (
    ActionRecognitionSettings,
    summarize,
)
from components.analyses.action_recognition.separators import load_separator
from data_prep.errors import UserError
from data_prep.mixing.compose import mix_uint8
from data_prep.records.tensors import parse
from models.pixels import from_uint8


def test_accuracies_by_hand(half_width):
    labels = np.array([["a", "b"], ["b", "c"], ["", "a"], ["a", "a"], ["b", "a"]], object)
    types = np.array(["occlusion", "occlusion", "occlusion", "occlusion", "transparency"])
    answers = {
        "pure": labels.copy(),
        "mixed": np.array([["a", "a"], ["b", "b"], ["x", "a"], ["b", "b"], ["a", "a"]], object),
    }
    found = summarize("i3d", answers, labels, types)
    assert (found.classifier, found.mixtures, found.unlabeled) == ("i3d", 4, 1)
    assert list(found.mixture_types) == ["transparency", "occlusion"]
    occlusion = found.mixture_types["occlusion"]
    assert occlusion.mixtures == 3
    assert occlusion.inputs["pure"].value == 1.0
    assert occlusion.inputs["pure"].half_width == half_width([1, 1, 1])
    # Half, half, none: one observation per mixture.
    mixed = occlusion.inputs["mixed"]
    assert mixed.value == pytest.approx(1 / 3)
    assert mixed.half_width == half_width([0.5, 0.5, 0.0])
    assert found.mixture_types["transparency"].inputs["mixed"].value == 0.5


def test_no_labeled_mixture_leaves_no_types():
    labels = np.array([["", "a"]], object)
    found = summarize("i3d", {"pure": labels}, labels, np.array(["occlusion"]))
    assert (found.mixtures, found.unlabeled, found.mixture_types) == (0, 1, {})


def test_a_separator_may_not_take_the_name_of_an_input():
    with pytest.raises(ValueError, match="got the name mixed"):
        ActionRecognitionSettings(separators={"mixed": "/serving/1"})


def request(clip, separators):
    settings = ActionRecognitionSettings(separators=separators)
    return Request(settings=settings, clip=clip).model_dump_json()


@pytest.fixture(scope="module")
def classifier(export_model):
    return export_model("i3d")


@pytest.fixture(scope="module")
def separators(export_model):
    systems = {"identity": 2, "c2": 3, "c3_internal": 2}
    return {name: export_model(name, outputs=n) for name, n in systems.items()}


@pytest.fixture(scope="module")
def perfect(held_out, clip, tmp_path_factory):
    """A separator that knows the mixtures by heart, and returns V2, black and V1."""
    batch = parse(tf.constant(held_out.serialized), clip)
    known = tf.cast(mixtures_of(batch), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, *known.shape[1:]], tf.uint8, "video")])
    def separate(video):
        error = tf.abs(tf.cast(video, tf.float32)[:, None] - known)
        which = tf.argmin(tf.reduce_mean(error, axis=[2, 3, 4, 5]), axis=1)
        v1, v2 = (tf.gather(batch[name], which) for name in ("v1", "v2"))
        return {"outputs": tf.stack([v2, tf.zeros_like(v1), v1], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "batch")])
    def describe(batch):
        values = {key: getattr(clip, key) for key in ("fps", "sample_rate", "short_side")}
        values |= {"uses_audio": False, "kind": "separator", "system": "c2", "control": "none"}
        return {key: tf.fill(tf.shape(batch), value) for key, value in values.items()}

    folder = tmp_path_factory.mktemp("perfect") / "1"
    signatures = {"serving_default": separate, "description": describe}
    tf.saved_model.save(tf.Module(), str(folder), signatures)
    return folder


def mixtures_of(batch):
    """Mixtures uint8, rounded to whole colors, as they are served."""
    return mix_uint8(*(batch[name].numpy() for name in ("v1", "v2", "alpha")))


def right(classifier, videos, labels):
    logits = classifier.network({"video": from_uint8(videos)})["logits"]
    guesses = [classifier.labels[i] for i in np.argmax(logits, axis=1)]
    return [guess == label.decode() for guess, label in zip(guesses, labels.numpy(), strict=True)]


def expected_rights(held_out, clip, classifier, separator):
    """Right answers of each mixture, by brute force over pairs of outputs; `[N, 2]`."""
    batch = parse(tf.constant(held_out.serialized), clip)
    inputs = {"video": tf.constant(mixtures_of(batch))}
    if separator.system.uses_audio:
        inputs["audio"] = batch["audio1"]
    outputs = separator.serve(inputs)["outputs"]
    rights = []
    for k in range(len(held_out.serialized)):
        truths = [from_uint8(batch[name][k]).numpy() for name in ("v1", "v2")]
        own = from_uint8(outputs[k]).numpy()

        def distance(truth, output):
            error = truth - output
            parts = [np.abs(error).mean()]
            parts += [0.5 * np.abs(np.diff(error, axis=axis)).mean() for axis in (1, 2)]
            return 0.5 * sum(parts)

        best = min(
            itertools.permutations(range(len(own)), 2),
            key=lambda pair: sum(distance(t, own[i]) for t, i in zip(truths, pair, strict=True)),
        )
        labels = tf.stack([batch["v1_label"][k], batch["v2_label"][k]])
        rights.append(right(classifier, outputs[k].numpy()[list(best)], labels))
    return np.array(rights)


def test_accuracies_of_exported_models(
    held_out, clip, classifier, separators, perfect, run_component, model_artifact
):
    folder, model = classifier
    inputs = {"examples": held_out.examples, "classifier": model_artifact(folder)}
    folders = {name: str(path) for name, (path, _) in separators.items()}
    settings = request(clip, {**folders, "perfect": str(perfect)})
    found = run_component(ActionRecognition, inputs, settings=settings)
    assert (found.classifier, found.mixtures, found.unlabeled) == ("i3d", 6, 0)
    batch = parse(tf.constant(held_out.serialized), clip)
    pure = np.mean([right(model, batch[v], batch[f"{v}_label"]) for v in ("v1", "v2")], axis=0)
    assert 0 < pure.mean() < 1
    for mixture_type, values in found.mixture_types.items():
        own = batch["mixture_type"].numpy() == mixture_type.encode()
        assert values.mixtures == own.sum() == 3
        given = values.inputs
        assert list(given) == ["pure", "mixed", *separators, "perfect"]
        assert given["pure"].value == pytest.approx(pure[own].mean())
        assert given["perfect"] == given["pure"]
        assert given["identity"] == given["mixed"]
        for name, (_, separator) in separators.items():
            rights = expected_rights(held_out, clip, model, separator)
            assert given[name].value == pytest.approx(rights[own].mean())


def test_without_separators_there_are_the_bounds(
    held_out, clip, classifier, run_component, model_artifact
):
    inputs = {"examples": held_out.examples, "classifier": model_artifact(classifier[0])}
    found = run_component(ActionRecognition, inputs, settings=request(clip, {}))
    for values in found.mixture_types.values():
        assert list(values.inputs) == ["pure", "mixed"]


def test_other_clips_are_an_error_that_names_both_shapes(clip, separators):
    other = clip.model_copy(update={"width": 32, "short_side": 32})
    with pytest.raises(UserError) as caught:
        load_separator("mine", str(separators["c2"][0]), other)
    message = str(caught.value)
    assert "separators.mine" in message
    assert "4 frames of 32x16 at 8 fps, short side 32" in message
    assert "got 4 frames of 16x16 at 8 fps, short side 16" in message


def test_sample_rate_matters_to_those_that_use_audio(clip, separators):
    other = clip.model_copy(update={"sample_rate": 16_000})
    load_separator("mine", str(separators["c2"][0]), other)
    with pytest.raises(UserError, match=r"audio at 16000 Hz, got .* audio at 8000 Hz"):
        load_separator("mine", str(separators["c3_internal"][0]), other)


def test_what_is_no_separator_is_an_error(clip, classifier, tmp_path):
    with pytest.raises(UserError, match=r"separators\.mine: .*one version of a model"):
        load_separator("mine", str(tmp_path), clip)
    with pytest.raises(UserError, match="must be a separator, got system i3d"):
        load_separator("mine", str(classifier[0]), clip)
