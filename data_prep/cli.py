"""Shared by the command lines of all packages: errors on one line, and quiet libraries."""

import errno
import io
import logging
import os
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, NoReturn

import click

from data_prep.errors import UserError
from data_prep.stack import silence_import

INTERRUPTED = 130
"""Exit code after Ctrl-C or SIGTERM."""
_AGAIN = 0.02  # seconds until an interruption that was lost is delivered again


class Commands(click.Group):
    """A group of commands whose errors are one line, `error: ...`, on stderr.

    The exit code is 1 for errors that a user can fix, 2 for a wrong command line, 130 after an
    interruption by Ctrl-C or SIGTERM. A reader of the output that ends early, such as `head`,
    ends the command without a message.

    An unexpected exception is a bug. It is one line too, with exit code 1, and the line names a
    file with the traceback: a bug of a long run can be reported without running it again.
    """

    def __init__(self, *args: Any, resumable: Sequence[str] = (), **kwargs: Any) -> None:
        """Create a group.

        Args:
            *args: as `click.Group` takes them.
            resumable: names of the commands that resume what was interrupted.
            **kwargs: as `click.Group` takes them.
        """
        super().__init__(*args, **kwargs)
        self._resumable = resumable

    def main(  # type: ignore[override]  # click's overloads differ in the type of one flag
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **kwargs: Any
    ) -> Any:
        """Run the command line and exit; see `click.Group.main`."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **kwargs)
        for stream in (sys.stdout, sys.stderr):  # a terminal may lack the characters of a name
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            with _interruptible():
                code = super().main(args, standalone_mode=False, **kwargs) or 0
                sys.stdout.flush()
        except Exception as error:
            _fail(*_described(error))
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was given; an interruption is an error with a message."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as error:
            resumes = ctx.invoked_subcommand in self._resumable
            raise _Interruption(resumes) from error


class _Interruption(click.ClickException):
    exit_code = INTERRUPTED

    def __init__(self, resumes: bool) -> None:
        hint = "; rerun the same command to resume" if resumes else ""
        super().__init__(f"interrupted{hint}")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, and let no library lose the exception of either.

    So a command ends its workers and removes its drafts.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler, hooks = signal.signal(signal.SIGTERM, _interrupt), (sys.excepthook, sys.unraisablehook)
    sys.excepthook, sys.unraisablehook = _print_exception, _deliver_again
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        sys.excepthook, sys.unraisablehook = hooks


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _print_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def _deliver_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Interrupt once more if C code called Python code and had to ignore its KeyboardInterrupt.

    FFmpeg does so whenever it reads or writes a file, and would go on to the end. Whatever else
    Python ignores, such as errors of objects that were never whole, is no news to a user.
    """
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        threading.Timer(_AGAIN, _terminate).start()


def _terminate() -> None:
    """Send this process SIGTERM. A background job of a shell ignores SIGINT."""
    if signal.getsignal(signal.SIGTERM) is _interrupt:  # the command has not ended meanwhile
        os.kill(os.getpid(), signal.SIGTERM)


def _described(error: Exception) -> tuple[str, int]:
    """Return an error's message, empty for none, and the exit code."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return "", error.exit_code
        case click.BadParameter(param=click.Parameter() as param) if error.message:
            name = param.get_error_hint(error.ctx).replace("'", "")
            return f"{name}: {error.message}", error.exit_code
        case click.ClickException():
            return error.format_message(), error.exit_code
        case click.Abort():
            return "interrupted", INTERRUPTED
        case OSError() if error.errno == errno.EPIPE:
            return "", 1
        case UserError() | OSError():
            return str(error), 1
        case MemoryError():
            return f"memory: must be enough for this command, got too little: {error}", 1
        case RecursionError():
            return f"input: must not be nested as deeply: {error}", 1
    return f"unexpected {type(error).__name__}: {error}; {_traceback(error)}", 1


def _traceback(error: Exception) -> str:
    """Write an error's traceback to a temporary file, and say where it is."""
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="traceback-", suffix=".txt", delete=False, errors="backslashreplace"
        ) as file:
            file.write(text)
    except OSError:
        return f"this is a bug: {text}"
    return f"this is a bug, please report it with {file.name}"


def _fail(message: str, code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:  # a full disk, a reader that has ended: Python would complain at exit
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if message:
        click.echo(f"error: {_line(message)}", err=True)
    sys.exit(code)


def _line(message: str) -> str:
    """Return a message as one line; names in it may hold anything, such as a terminal's codes."""
    text = " ".join(message.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def prepare_libraries() -> None:
    """Silence the notices of TensorFlow and Beam, and choose what computes for Keras.

    That is TensorFlow with oneDNN, which is its default only on processors with instructions for
    neural networks. On the others, TensorFlow's own 3-D convolutions are many times slower.

    Call it before importing them. Worker processes inherit the settings through the environment;
    variables that are already set are kept.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    silence_import()
    warnings.simplefilter("ignore")
    for name in ("apache_beam", "absl", "tensorflow", "root", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("data_prep").setLevel(logging.WARNING)  # what a user waits for
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it logs tracebacks of what it raises
