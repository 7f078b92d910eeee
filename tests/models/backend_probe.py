"""Run by test_backends in one process per backend: what every system makes of the same input."""

import sys

import keras
import numpy as np
from small_models import CLIP, PRESET, SEPARATORS, build, fill, make_batch

from models.losses.reconstruction import identity_loss
from models.networks.i3d import cross_entropy, i3d
from models.tools.cost import forward_flops


def main(path: str) -> None:
    arrays = {}
    # Only without batch normalization does training compute what inference does.
    for name, norm in (*((name, "none") for name in SEPARATORS), ("c3_internal", "batch")):
        separator, batch = build(name, outputs=3, layers=9, norm=norm), make_batch(2)
        arrays[f"{name}/{norm}/flops"] = forward_flops(separator.network)
        for training in (False, True):
            predictions = separator(batch, training=training)
            scalars = separator.measure(batch, predictions, training=training)
            for key, value in {**predictions, **scalars}.items():
                for level, tensor in enumerate(keras.tree.flatten(value)):
                    where = f"{name}/{norm}/{training}/{key}/{level}"
                    arrays[where] = keras.ops.convert_to_numpy(tensor)
    arrays["identity_loss"] = keras.ops.convert_to_numpy(identity_loss(batch))
    network = i3d(CLIP, PRESET, classes=5)
    fill(network, 0)
    logits = network({"video": batch["v1"] / np.float32(127.5) - 1})["logits"]
    arrays["logits"] = keras.ops.convert_to_numpy(logits)
    arrays["cross_entropy"] = keras.ops.convert_to_numpy(cross_entropy(np.array([0, 3]), logits))
    np.savez(path, **arrays)
    if keras.backend.backend() != "tensorflow":
        assert "tensorflow" not in sys.modules, "a module of the networks imports TensorFlow"


if __name__ == "__main__":
    main(sys.argv[1])
