"""What two data sets of the same settings have in common, whenever and wherever they are made."""

import json
from pathlib import Path

from data_prep.records.info import DatasetInfo
from data_prep.records.work import Work


def contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of every file of a data set, by name."""
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): comparable(path.name, path.read_bytes()) for path in files
    }


def comparable(name: str, data: bytes) -> bytes:
    """Leave out of a JSON file what making it took, and where its records lie."""
    if not name.endswith(".json"):
        return data
    values = json.loads(data)
    kept = {key: value for key, value in values.items() if key not in ("work", "records")}
    return json.dumps(kept).encode()


def without_work(info: DatasetInfo) -> DatasetInfo:
    """Leave out what the data set's making took."""
    return info.model_copy(update={"work": Work()})
