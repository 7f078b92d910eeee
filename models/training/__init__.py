"""Training with `keras.Model.fit`: input pipeline, callbacks, optimizers and devices."""
