"""Base class of every result that is stored as JSON."""

import json
from typing import Self

from data_prep import storage
from data_prep.errors import UserError
from data_prep.settings import Settings, load


class Results(Settings):
    """Typed results, written and read only through their class."""

    def to_json(self) -> str:
        """Return the results as indented JSON that ends with a newline."""
        return json.dumps(self.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"

    def write(self, uri: str) -> None:
        """Write the results to a JSON file, atomically."""
        storage.write_text(uri, self.to_json())

    @classmethod
    def read(cls, uri: str) -> Self:
        """Read what `write` wrote.

        Raises:
            UserError: the file is missing or has another shape; the message names it.
        """
        text = storage.read_text(uri)
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{uri}: must be JSON: {error}") from error
        return load(cls, values, uri)
