"""Files with compiled pipelines: JSON, or YAML of one or two documents."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from data_prep import storage
from data_prep.errors import UserError

JSON, YAML = ".json", ".yaml"


def write_compiled(documents: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Write a compiled pipeline; the file is replaced whole.

    Args:
        documents: its documents.
        output: a `.json` file for a single document, or a `.yaml` file.
    """
    if output.suffix == JSON:
        [document] = documents
        text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    else:
        text = yaml.safe_dump_all(documents, sort_keys=True)
    storage.write_text(str(output), text)


def require_suffix(output: Path, suffix: str) -> None:
    """Raise UserError unless a file has the suffix that a platform expects."""
    if output.suffix != suffix:
        raise UserError(f"--output: must be a {suffix} file for this target, got {output}")
