"""Memory that the C library keeps for itself."""

import ctypes


def return_free_memory() -> None:
    """Return what is free to the system, if the C library is glibc.

    glibc keeps most of what large requests and closed versions took. The call takes less than a
    millisecond.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
