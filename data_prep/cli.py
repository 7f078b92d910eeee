"""What the command lines of all packages share: errors on one line, quiet libraries, YAML."""

import logging
import os
import sys
import warnings
from pathlib import Path

import click

from data_prep.errors import UserError


class Commands(click.Group):
    """A group of verbs whose errors are one line, `error: ...`, on stderr.

    The exit code is 1 for what a user can mend, 2 for a wrong command line, 130 when interrupted.
    """

    def main(self, *args, standalone_mode: bool = True, **kwargs):
        """Runs the command line and exits; see `click.Group.main`."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **kwargs)
        try:
            sys.exit(super().main(*args, standalone_mode=False, **kwargs) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except (UserError, OSError) as error:
            _fail(str(error), 1)
        except click.Abort:
            _fail("interrupted", 130)


def _fail(message: str, code: int) -> None:
    click.echo("error: " + " ".join(message.split()), err=True)
    sys.exit(code)


def prepare_libraries() -> None:
    """Keeps TensorFlow's and Beam's notices off the screen, and has Keras use TensorFlow.

    Call it before importing them. The environment carries it all to worker processes; what is set
    there already is kept.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    warnings.simplefilter("ignore")
    for name in ("apache_beam", "absl", "tensorflow", "root"):
        logging.getLogger(name).setLevel(logging.ERROR)


def read_yaml(path: Path) -> object:
    """Reads a YAML file; an empty one is an empty mapping.

    Raises:
        UserError: the file is missing or is not YAML.
    """
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: settings must be a readable YAML file: {error}") from error
