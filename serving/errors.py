"""What goes wrong between a client and a server."""

from data_prep.errors import UserError


class ServingError(UserError):
    """A server that does not answer, or does not answer as asked; the message is one line."""
