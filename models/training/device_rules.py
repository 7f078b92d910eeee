"""What Keras can train on how many devices, known before TensorFlow is loaded."""

from data_prep.errors import UserError
from models.config import TrainConfig


def check_devices(config: TrainConfig, batch: int, replicas: int) -> None:
    """Check that Keras can train with these settings on so many devices.

    Raises:
        UserError: it cannot.
    """
    if batch % replicas:
        raise UserError(f"batch: must be divisible by the {replicas} devices, got {batch}")
    if replicas > 1 and config.accumulate > 1:
        # Keras decides on the update within each device, where gradients cannot be summed.
        raise UserError(
            f"accumulate: must be 1 on several devices, got {config.accumulate} on {replicas}; "
            "enlarge the batch instead"
        )
    if replicas > 1 and config.precision == "mixed_float16":
        # Keras lets one device's gradients decide for all whether the loss was scaled too much.
        raise UserError(
            f"mixed_float16: needs a single device, got {replicas}; choose mixed_bfloat16"
        )
