"""What the synchronous and the asynchronous client have in common."""

import copy
from typing import Self

from serving.calls import ServedModel
from serving.dialogue import ModelDialogues


class ModelClient:
    """A client of one model, however it makes its calls."""

    def __init__(self, served: ServedModel) -> None:
        """Set the model that is asked."""
        self._ask(served)

    def _ask(self, served: ServedModel) -> None:
        self._served = served
        self._dialogues = ModelDialogues(served)

    @property
    def where(self) -> str:
        """The model and its server, as messages name them."""
        return self._served.where

    @property
    def version(self) -> int | None:
        """The version that is asked; None if a label or the server chooses it."""
        return self._served.version

    def at_version(self, version: int) -> Self:
        """Return a client of one version, over the connection of this one, which closes it."""
        client = copy.copy(self)
        client._ask(self._served.at_version(version))
        return client
