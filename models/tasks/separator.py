"""The task of separation: from a batch of records to predictions, losses and served videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from data_prep.mixing.compose import compose
from models.losses.assignment import InternalPredictionLoss
from models.losses.reconstruction import fused_reconstruction, identity_loss, reconstruction
from models.pixels import from_uint8, to_uint8
from models.presets import Preset
from models.quality import psnr, ssim
from models.tasks.image_grid import image_grid
from models.tasks.trainable import Batch, InputSpecs, TrainableModel
from models.typing import Tensor

if TYPE_CHECKING:
    from data_prep.config import ClipConfig
    from models.systems import System


class Separator(TrainableModel):
    """A network that separates a mixture into its layers, with the system's losses.

    A call takes a prepared batch: `v1`, `v2` uint8 `[B, T, H, W, 3]`, `alpha` float32
    `[B, T, H, W, 1]` in [0, 1] and, if the system uses audio, `spectrogram` `[B, T_a, F]` of V1's
    audio. It returns the network's predictions and `mixture`, float32 in [-1, 1]. In training, a
    head that scores finished videos also scores V1 and V2, `clip_scores` `[B, 2]`: outputs long
    resemble each other too much to learn from them what goes with the audio. This is ours; the
    papers train the scores on the outputs alone.

    Args:
        network: from `video` (and `spectrogram`) to `outputs` (and more).
        system: the system; its control mode brings the loss.
        preset: the network's size.
        labels: not read.
    """

    reported = ("objective", "loss", "score_error", "control_accuracy")

    def __init__(
        self,
        network: keras.Model,
        system: System,
        preset: Preset,
        labels: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(network, system, preset, labels, **kwargs)
        self.assignment = system.control.assignment()

    @property
    def inputs_read(self) -> tuple[str, ...]:
        """The features of a prepared batch that the model reads."""
        audio = ("spectrogram",) if self.system.uses_audio else ()
        return ("v1", "v2", "alpha", *audio)

    def prepare(self, batch: Batch) -> dict[str, Tensor]:
        """Add `spectrogram`, the magnitudes of V1's audio, if the system uses audio."""
        return self._with_spectrogram({**batch}, "audio1")

    def call(self, batch: Batch, training: bool = False) -> dict[str, Tensor]:
        """Mix and separate."""
        v1, v2 = from_uint8(batch["v1"]), from_uint8(batch["v2"])
        mixture = compose(v1, v2, batch["alpha"])
        predictions = self._separate(mixture, batch, training=training)
        if training and "audio" in predictions:
            score = self.network.get_layer("scores")
            clips = ops.stack([v1, v2], axis=1)
            predictions = {**predictions, "clip_scores": score(clips, predictions["audio"])}
        return {**predictions, "mixture": mixture}

    def measure(
        self, batch: Batch, predictions: dict[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        """Compute the scalars of each example, float32 `[B]`.

        Args:
            batch: the records.
            predictions: what a call on them returned.
            training: compute what training needs, with fused kernels.

        Returns:
            `loss`: the reconstruction loss of the system's assignment (`L_pil` or `L_det`);
            `score_error`: `L_reg`, 0 without scores;
            `control_accuracy`: 1 if the chosen output is closer to V1 than to V2, else 0;
            `objective`: what training minimizes: both, and `L_reg` of the clips' own scores;
            outside of training also `psnr` and `ssim`: means over V1 and V2, each against the
            output that the assignment gives it.
        """
        v1, v2 = from_uint8(batch["v1"]), from_uint8(batch["v2"])
        distance = fused_reconstruction if training else reconstruction
        to_v1 = distance(v1, predictions["outputs"])
        to_v2 = distance(v2, predictions["outputs"])
        control = self.system.control
        loss = self.assignment(to_v1, to_v2)
        score_error = control.score_error(predictions, to_v1)
        chosen = ops.one_hot(control.choose(predictions), to_v1.shape[-1])
        closer_to_v1 = ops.sum(chosen * (to_v2 - to_v1), axis=-1) > 0
        objective = loss + score_error
        if "clip_scores" in predictions:
            clips_to_v1 = distance(v1, ops.stack([v1, v2], axis=1))
            objective += InternalPredictionLoss()(predictions["clip_scores"], clips_to_v1)
        scalars = {
            "loss": loss,
            "score_error": score_error,
            "control_accuracy": ops.cast(closer_to_v1, "float32"),
            "objective": objective,
        }
        if not training:
            slots = self.assignment.assign(to_v1, to_v2)
            scalars |= _quality((v1, v2), predictions["outputs"], slots)
        return scalars

    def evaluate_batch(self, batch: Batch, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the scalars that the `evaluate` signature returns, float32 `[B]` each.

        Args:
            batch: a prepared batch.
            predictions: what a call on it returned.

        Returns:
            The task's scalars: those of `measure`, and `identity_loss`, the Identity baseline's
            loss on the same mixture.
        """
        scalars = self.measure(batch, predictions)
        scalars["identity_loss"] = identity_loss(dict(batch))
        return {name: scalars[name] for name in self.scalars}

    def serving_inputs(self, clip: ClipConfig) -> InputSpecs:
        """Return `video` and, if the system uses audio, `audio`, float32 `[S]` in [-1, 1]."""
        inputs: InputSpecs = {"video": ((clip.frames, clip.height, clip.width, 3), "uint8")}
        if self.system.uses_audio:
            inputs["audio"] = ((clip.samples,), "float32")
        return inputs

    def serve(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Separate uint8 videos into uint8 videos.

        Args:
            inputs: `video` uint8 `[B, T, H, W, 3]` and, if the system uses audio, `audio`.

        Returns:
            `outputs` uint8 `[B, n, T, H, W, 3]`; if the network has them, `layers` uint8
            `[B, m, T, H, W, 3]`, `coefficients` uint8 `[B, n, m, T, H, W]` and `masks` uint8
            `[B, K, T, H, W]`, in which 255 stands for 1; and the control mode's extra outputs.
        """
        inputs = self._with_spectrogram(inputs, "audio")
        predictions = self._separate(from_uint8(inputs["video"]), inputs, training=False)
        result = {"outputs": to_uint8(predictions["outputs"])}
        if "layers" in predictions:
            result["layers"] = to_uint8(predictions["layers"])
            result["coefficients"] = _share_to_uint8(predictions["coefficients"])
        if "masks" in predictions:
            size = inputs["video"].shape[1:4]
            masks = [_enlarge(mask, size) for mask in predictions["masks"]]
            result["masks"] = _share_to_uint8(ops.concatenate(masks, axis=1))
        return {**result, **self.system.control.serve(predictions)}

    def held_out_image(self, batch: Batch, predictions: dict[str, Tensor]) -> Tensor:
        """Lay out mixtures, targets and predictions; see `image_grid`."""
        return image_grid(batch, predictions)

    def _separate(self, video: Tensor, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        inputs = {"video": video}
        if self.system.uses_audio:
            inputs["spectrogram"] = batch["spectrogram"]
        return self.network(inputs, training=training)

    def _with_spectrogram(self, batch: dict[str, Tensor], audio: str) -> dict[str, Tensor]:
        if not self.system.uses_audio:
            return batch
        # TensorFlow; a network under another backend takes spectrograms as they are.
        from models.tasks.spectrogram import spectrogram

        return {**batch, "spectrogram": spectrogram(batch[audio], self.preset.audio)}


def _quality(
    targets: tuple[Tensor, Tensor], outputs: Tensor, slots: tuple[Tensor, Tensor]
) -> dict[str, Tensor]:
    """Compute the quality of both targets' outputs, averaged."""
    pairs = [(target, _take(outputs, slot)) for target, slot in zip(targets, slots, strict=True)]
    measures = {"psnr": psnr, "ssim": ssim}
    return {
        name: 0.5 * sum(measure(target, output) for target, output in pairs)
        for name, measure in measures.items()
    }


def _take(outputs: Tensor, slots: Tensor) -> Tensor:
    """Take one output of each example: `[B, n, ...]` and `[B]` to `[B, ...]`."""
    slots = ops.reshape(slots, (-1, *[1] * (len(outputs.shape) - 1)))
    return ops.squeeze(ops.take_along_axis(outputs, slots, axis=1), axis=1)


def _share_to_uint8(share: Tensor) -> Tensor:
    """Convert values in [0, 1] to uint8, 255 for 1."""
    return to_uint8(2.0 * share - 1.0)


def _enlarge(mask: Tensor, size: tuple[int, int, int]) -> Tensor:
    """Enlarge `[B, t, h, w, G]` to `[B, G, T, H, W]` by nearest neighbor."""
    mask = ops.cast(mask, "float32")
    for axis, length in enumerate(size, start=1):
        indices = [position * mask.shape[axis] // length for position in range(length)]
        mask = ops.take(mask, indices, axis=axis)
    return ops.transpose(mask, (0, 4, 1, 2, 3))
