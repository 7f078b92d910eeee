"""The curves of a training run, read back from TensorBoard's logs."""

import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from components.html.figures import Curve
from data_prep import storage


def read_curves(logs: str) -> dict[str, Curve]:
    """Read every scalar of the logs.

    A training run that was interrupted and resumed writes some steps twice; the later value
    counts.

    Args:
        logs: folder of event files; it need not exist.

    Returns:
        tag -> its points (step, value) by step; tags sorted.
    """
    points: dict[str, dict[int, float]] = {}
    # The names begin with the time at which the files were opened.
    files = storage.list_files(logs, recursive=False, hidden=False)
    for file in files:
        if "tfevents" not in storage.name(file):
            continue
        # TensorBoard reads the files through TensorFlow's own file layer.
        for event in EventFileLoader(file).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = float(tf.make_ndarray(value.tensor))
                    points.setdefault(value.tag, {})[event.step] = number
    return {tag: sorted(points[tag].items()) for tag in sorted(points)}
