"""The held-out records of a run."""

from tfx.types import Artifact, artifact_utils

from data_prep import storage
from data_prep.errors import UserError
from data_prep.splits import EVAL


def held_out_files(examples: Artifact) -> list[str]:
    """Return the TFRecord files of the split `eval`, sorted.

    Raises:
        UserError: there are none.
    """
    folder = artifact_utils.get_split_uri([examples], EVAL)
    files = storage.list_files(folder, recursive=False, hidden=False)
    if not files:
        raise UserError(f"{folder}: must hold the held-out records, got no files")
    return files
