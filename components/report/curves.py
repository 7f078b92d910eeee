"""The curves of a training, read back from TensorBoard's logs."""

import os

import tensorflow as tf

Curve = list[tuple[int, float]]


def read_curves(logs: str) -> dict[str, Curve]:
    """Read every scalar of the logs.

    A training that was stopped and taken up again writes some steps twice; the later run's count.

    Args:
        logs: a folder of event files, here or on a remote store; it need not be there.

    Returns:
        tag -> its points (step, value) by step; tags sorted.
    """
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    points: dict[str, dict[int, float]] = {}
    # Their names begin with the time at which they were opened.
    for path in sorted(tf.io.gfile.glob(os.path.join(logs, "*tfevents*"))):
        for event in EventFileLoader(path).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = float(tf.make_ndarray(value.tensor))
                    points.setdefault(value.tag, {})[event.step] = number
    return {tag: sorted(points[tag].items()) for tag in sorted(points)}
