"""Run by test_muon under another backend: three compiled updates of a small model's weights."""

import sys

import keras
import numpy as np

from models.training.muon import KernelMuon


def make_model() -> keras.Model:
    """Return a model with every kind of kernel."""
    video = keras.Input((2, 4, 4, 3))
    x = keras.layers.Conv3D(6, (1, 3, 3), padding="same", name="wide_conv")(video)
    x = keras.layers.Conv3DTranspose(4, (1, 2, 2), (1, 2, 2), name="level_up")(x)
    x = keras.layers.Conv3D(3, 1, name="composition_predict")(x)
    x = keras.layers.Dense(5, name="hidden")(keras.layers.GlobalAveragePooling3D()(x))
    return keras.Model(video, keras.layers.Dense(2, name="logits")(x))


def fill(model: keras.Model) -> None:
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])


def gradients_of(variables, step: int) -> list[np.ndarray]:
    rng = np.random.default_rng(step)
    return [rng.normal(size=variable.shape).astype(np.float32) for variable in variables]


def main(path: str) -> None:
    import jax

    model = make_model()
    fill(model)
    optimizer = KernelMuon(keras.optimizers.schedules.CosineDecay(0.1, 3), global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    weights = [variable.value for variable in model.trainable_variables]
    state = [variable.value for variable in optimizer.variables]
    update = jax.jit(optimizer.stateless_apply)
    for step in range(3):
        weights, state = update(state, gradients_of(model.trainable_variables, step), weights)
    np.savez(path, *weights)


if __name__ == "__main__":
    main(sys.argv[1])
