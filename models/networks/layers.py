"""The layers that the systems are built of: convolutions, grouped channel masking, composition."""

import math

import keras
from keras import ops

from models import PACKAGE
from models.fused import fused


def conv(x, filters, kernel, strides=1, *, norm, name):
    """Apply a 3-D convolution, the normalisation and a ReLU: the unit of I3D.

    Args:
        x: features `[B, T, H, W, C]`.
        filters: channels out.
        kernel: an int or `(t, h, w)`.
        strides: an int or `(t, h, w)`; the size shrinks by it, rounded up.
        norm: `"batch"` or `"none"`.
        name: prefix of the layers' names.
    """
    x = keras.layers.Conv3D(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=norm == "none",
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return norm_relu(x, norm, name=name)


def up(x, filters, kernel, strides, *, norm, name):
    """Apply a transposed 3-D convolution, the normalisation and a ReLU: the decoder's unit."""
    x = transposed_conv(x, filters, kernel, strides, use_bias=norm == "none", name=f"{name}_up")
    return norm_relu(x, norm, name=name)


def transposed_conv(
    x, filters, kernel, strides, *, name, use_bias=True, bias_initializer="zeros", scale=2.0
):
    """Apply a transposed 3-D convolution with an initialisation that keeps the signal's scale.

    He's initialisation takes every weight of the kernel to reach every position. Of a transposed
    convolution's only one in `prod(strides)` does, and Keras counts its channels the other way
    round: uncorrected, the signal would shrink at each level of a decoder.
    `scale` is the variance's: 2 before a ReLU, less where outputs should start small.
    """
    scale = scale * math.prod(strides) * filters / x.shape[-1]
    return keras.layers.Conv3DTranspose(
        filters,
        kernel,
        strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=keras.initializers.VarianceScaling(scale, mode="fan_in"),
        bias_initializer=bias_initializer,
        name=name,
    )(x)


def norm_relu(x, norm, *, name):
    """Apply the normalisation, `"batch"` or `"none"`, and a ReLU."""
    if norm == "batch":
        # As in I3D: no learnt scale, since the next layer's weights hold it.
        x = keras.layers.BatchNormalization(scale=False, momentum=0.9, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def max_pool(x, size, strides, *, name):
    """Max-pool `[B, T, H, W, C]` with I3D's padding: the size shrinks by strides, rounded up."""
    return keras.layers.MaxPooling3D(size, strides, padding="same", name=name)(x)


@keras.saving.register_keras_serializable(PACKAGE)
class CopyColours(keras.initializers.Initializer):
    """Weights of a 1x1x1 convolution that copies an RGB input to every RGB output."""

    def __call__(self, shape, dtype=None):
        """Return the weights, `[1, 1, 1, 3, 3k]`."""
        return ops.reshape(ops.tile(ops.eye(3, dtype=dtype), (1, shape[-1] // 3)), shape)


def copied_input(video, videos, *, name):
    """Apply a 1x1x1 convolution to `[B, T, H, W, 3]`, which starts by copying it `videos` times.

    Added to what a head predicts, it lets a network start from the Identity baseline.
    """
    return keras.layers.Conv3D(
        3 * videos, 1, use_bias=False, kernel_initializer=CopyColours(), name=name
    )(video)


@keras.saving.register_keras_serializable(PACKAGE)
class CropLike(keras.layers.Layer):
    """Crop `[B, T, H, W, C]` at the far ends to the size of a reference.

    Pooling rounds odd sizes up, so that what comes back up may be one too large.
    """

    def call(self, x, reference):
        """Return `x` with the reference's T, H, W."""
        t, h, w = reference.shape[1:4]
        return x[:, :t, :h, :w]

    def compute_output_shape(self, x_shape, reference_shape):
        """Return the reference's shape with x's channels."""
        return (*reference_shape[:-1], x_shape[-1])


@keras.saving.register_keras_serializable(PACKAGE)
class GroupedChannelMasking(keras.layers.Layer):
    """`F~_l^c = M_l^c * F_l^c`: each group of channels times a mask of its own.

    The masks come from the level's own features by a small convolutional network.

    Args:
        groups: number of channel groups `G`; must divide the channels.
        width: hidden channels of the mask network.

    Returns of a call on `[B, T, H, W, C]`: the masked features, of the same shape, and the masks
    `[B, T, H, W, G]` in [0, 1].

    Raises:
        ValueError: the groups do not divide the channels.
    """

    def __init__(self, groups, width, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups
        self.width = width
        self.hidden = keras.layers.Conv3D(
            width, 3, padding="same", activation="relu", name="hidden"
        )
        # Masks start near 1, so that the encoder starts as an unmasked one.
        self.predict = keras.layers.Conv3D(
            groups, 1, bias_initializer=keras.initializers.Constant(2.0), name="predict"
        )

    def build(self, shape):
        """Build the mask network for features of this shape."""
        if shape[-1] % self.groups:
            raise ValueError(
                f"groups must divide the channels: received groups={self.groups}, "
                f"channels={shape[-1]}"
            )
        self.hidden.build(shape)
        self.predict.build((*shape[:-1], self.width))

    def call(self, features):
        """Return the masked features and the masks."""
        masks = ops.sigmoid(self.predict(self.hidden(features)))
        size = ops.shape(features)
        channels = features.shape[-1]
        # Positions folded into one axis: the CPU's kernels take five axes at most.
        grouped = ops.reshape(features, (-1, self.groups, channels // self.groups))
        masked = grouped * ops.reshape(masks, (-1, self.groups, 1))
        return ops.reshape(masked, size), masks

    def compute_output_shape(self, shape):
        """Return the shapes of the masked features and of the masks."""
        return shape, (*shape[:-1], self.groups)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "groups": self.groups, "width": self.width}


def predicted_channels(outputs, layers):
    """Count what the compositional head reads: RGB a layer, a coefficient an output and layer."""
    return 3 * layers + outputs * layers


@keras.saving.register_keras_serializable(PACKAGE)
class OwnLayerFirst(keras.initializers.Initializer):
    """Biases of the compositional head, by which each output starts as mostly one layer.

    With equal coefficients all outputs are the same whatever the layers: a saddle that training
    takes long to leave.

    Args:
        outputs: number of outputs `n`.
        layers: number of layers `m`.
    """

    def __init__(self, outputs, layers):
        self.outputs = outputs
        self.layers = layers

    def __call__(self, shape, dtype=None):
        """Return the biases, `[3m + nm]`: 2 where output i meets layer i modulo m, else 0."""
        n, m = self.outputs, self.layers
        own = ops.one_hot([i % m for i in range(n)], m, dtype=dtype)
        return ops.concatenate([ops.zeros(3 * m, dtype=dtype), 2.0 * ops.reshape(own, (-1,))])

    def get_config(self):
        """Return the arguments of the constructor."""
        return {"outputs": self.outputs, "layers": self.layers}


@keras.saving.register_keras_serializable(PACKAGE)
class Composition(keras.layers.Layer):
    """The compositional head: `O_i = sum_j beta_ij * L_j`.

    Of what the decoder predicts, the first `3m` channels become the `m` layers (RGB, by tanh in
    [-1, 1]), the other `nm` the coefficients `beta_ij` (by softmax over `j`: in [0, 1], summing to
    1), which are then composed.

    Args:
        outputs: number of outputs `n`.
        layers: number of layers `m`.

    Returns of a call on predictions `[B, T, H, W, 3m + nm]` and, added to the layers before the
    tanh, `copies` `[B, T, H, W, 3m]` or None, a dict: `outputs` `[B, n, T, H, W, 3]`,
    `layers` `[B, m, T, H, W, 3]`, `coefficients` `[B, n, m, T, H, W]`; float32.

    Raises:
        ValueError: the predictions have another number of channels.
    """

    def __init__(self, outputs, layers, **kwargs):
        super().__init__(**kwargs)
        self.n = outputs
        self.m = layers
        self._fused_compose = fused(self._compose)

    def build(self, predicted_shape, copies_shape=None):
        """Check the number of channels."""
        channels = predicted_channels(self.n, self.m)
        if predicted_shape[-1] != channels:
            raise ValueError(
                f"{self.n} outputs of {self.m} layers are composed of {channels} channels: "
                f"received {predicted_shape[-1]}"
            )

    def call(self, predicted, copies=None, training=False):
        """Return the composed outputs, the layers and the coefficients."""
        compose = self._fused_compose if training else self._compose
        if copies is None:
            copies = ops.zeros_like(predicted[..., : 3 * self.m])
        outputs, layers, coefficients = compose(predicted, copies)
        return {"outputs": outputs, "layers": layers, "coefficients": coefficients}

    def _compose(self, predicted, copies):
        n, m = self.n, self.m
        predicted = ops.cast(predicted, "float32")
        colours = ops.tanh(predicted[..., : 3 * m] + ops.cast(copies, "float32"))
        layers = [colours[..., 3 * j : 3 * j + 3] for j in range(m)]
        rows = [predicted[..., 3 * m + i * m : 3 * m + (i + 1) * m] for i in range(n)]
        betas = [ops.softmax(row, axis=-1) for row in rows]
        outputs = [sum(beta[..., j, None] * layers[j] for j in range(m)) for beta in betas]
        coefficients = [ops.stack([beta[..., j] for j in range(m)], axis=1) for beta in betas]
        return ops.stack(outputs, axis=1), ops.stack(layers, axis=1), ops.stack(coefficients, 1)

    def compute_output_shape(self, predicted_shape, copies_shape=None):
        """Return the shapes of the outputs, layers and coefficients."""
        batch, *size, _ = predicted_shape
        return {
            "outputs": (batch, self.n, *size, 3),
            "layers": (batch, self.m, *size, 3),
            "coefficients": (batch, self.n, self.m, *size),
        }

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "outputs": self.n, "layers": self.m}
