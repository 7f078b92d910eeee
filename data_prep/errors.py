"""The error that a user can mend."""


class UserError(ValueError):
    """Input or settings that a user can mend; command lines print its message on one line.

    The message names the thing, the rule and what was received.
    """
