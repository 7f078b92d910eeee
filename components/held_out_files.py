"""The held-out records of a run."""

from tfx.types import Artifact, artifact_utils

from data_prep import storage
from models.training.inputs import find_files


def held_out_files(examples: Artifact) -> list[str]:
    """Return the TFRecord files of the split `eval`, sorted.

    Raises:
        UserError: there are none.
    """
    return find_files([storage.join(artifact_utils.get_split_uri([examples], "eval"), "*")])
