"""The audio cue of a separation, as users name it."""

from data_prep.errors import UserError

OWN_AUDIO = "self"
"""The cue is the video's own audio."""
NO_AUDIO = "none"
"""The cue is silence, with which the choice means nothing."""


def cue_file(cue: str, video: str, *, has_control: bool) -> str | None:
    """Return the file whose audio is the cue.

    Args:
        cue: `OWN_AUDIO`, `NO_AUDIO`, or a file; its audio at the same times is the cue.
        video: the video that is separated.
        has_control: whether the model takes a cue.

    Returns:
        The file; None for silence, and for a model without control.

    Raises:
        UserError: a file is given for a model without control.
    """
    if cue in (OWN_AUDIO, NO_AUDIO):
        return video if cue == OWN_AUDIO and has_control else None
    if not has_control:
        raise UserError(
            f"--cue {cue}: must be left out, because this model has no control by audio"
        )
    return cue
