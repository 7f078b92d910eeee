"""Shared by the command lines of all packages: errors on one line, quiet libraries, YAML."""

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

import click
import yaml

from data_prep import storage
from data_prep.errors import StorageError, UserError


class Commands(click.Group):
    """A group of commands whose errors are one line, `error: ...`, on stderr.

    The exit code is 1 for errors that a user can fix, 2 for a wrong command line, 130 after an
    interruption.
    """

    def main(  # type: ignore[override]  # click's overloads differ in the type of one flag
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **kwargs: Any
    ) -> Any:
        """Run the command line and exit; see `click.Group.main`."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **kwargs)
        try:
            sys.exit(super().main(args, standalone_mode=False, **kwargs) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except (UserError, OSError) as error:
            _fail(str(error), 1)
        except click.Abort:
            _fail("interrupted", 130)


def _fail(message: str, code: int) -> NoReturn:
    click.echo("error: " + " ".join(message.split()), err=True)
    sys.exit(code)


def prepare_libraries() -> None:
    """Silence the notices of TensorFlow and Beam, and make Keras use TensorFlow.

    Call it before importing them. Worker processes inherit the settings through the environment;
    variables that are already set are kept.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    warnings.simplefilter("ignore")
    for name in ("apache_beam", "absl", "tensorflow", "root"):
        logging.getLogger(name).setLevel(logging.ERROR)


def read_yaml(uri: str) -> object:
    """Read a YAML file; an empty one is an empty mapping.

    Raises:
        UserError: the file is missing or is not YAML.
    """
    try:
        return yaml.safe_load(storage.read_text(uri)) or {}
    except StorageError as error:
        raise UserError(f"{uri}: must be a readable YAML file: {error.reason}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{uri}: must be a readable YAML file: {error}") from error
