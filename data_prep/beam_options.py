"""Beam's options, as `index` and `generate` take them."""

import argparse
import contextlib
import io
import shutil
import socket
from collections.abc import Sequence

from apache_beam.options.pipeline_options import (
    DirectOptions,
    JobServerOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import create_runner

from data_prep.errors import UserError
from data_prep.settings import MAX_WORKERS


class OptionError(UserError):
    """An option that Beam cannot take, whatever this machine has."""


DIRECT = "DirectRunner"
"""The name of the runner of this machine."""
_PATIENCE = 5.0  # seconds


def direct_runner_flags(workers: int) -> list[str]:
    """Return the options of Beam's DirectRunner with this many processes on this machine."""
    return [
        f"--runner={DIRECT}",
        f"--direct_num_workers={workers}",
        f"--direct_running_mode={'multi_processing' if workers > 1 else 'in_memory'}",
    ]


def pipeline_options(args: Sequence[str] = (), *, workers: int = 1) -> PipelineOptions:
    """Read Beam's command-line options; the runner is always named.

    Newer versions of Beam look for a runner on the network first if none is named.

    Args:
        args: options as on a command line, for example `["--runner", "FlinkRunner"]`.
        workers: processes on this machine; with more than one, DirectRunner starts them.

    Raises:
        OptionError: an option that Beam does not know, a wrong value of one, or a runner that is
            unknown or lacks an option.
        UserError: the runner lacks a package, Java, or a job server that answers.
    """
    options = PipelineOptions([*direct_runner_flags(workers), *args])
    _check_known(options, args)
    processes = options.view_as(DirectOptions).direct_num_workers
    if not 0 <= processes <= MAX_WORKERS:
        raise OptionError(
            f"--direct_num_workers: must be from 0, one for each core, to {MAX_WORKERS}, got "
            f"{processes}"
        )
    _check_runner(options)
    return options


def _check_known(options: PipelineOptions, args: Sequence[str]) -> None:
    """Parse the options once, because Beam itself ignores what it does not know."""
    parsers: list[argparse.ArgumentParser] = []
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):  # argparse prints its usage, then exits
            options.get_all_options(add_extra_args_fn=parsers.append)
            _, unknown = parsers[0].parse_known_args(args)
    except SystemExit as error:
        reason = complaint.getvalue().strip().rpartition("error: ")[2]
        raise OptionError(f"options of Beam: {reason}, got {' '.join(args)}") from error
    if unknown:
        wrong = unknown[0].split("=")[0]
        raise OptionError(f"{wrong}: must be an option of this command or of Beam")


def _check_runner(options: PipelineOptions) -> None:
    """Create the runner once, which Beam itself does only when a pipeline begins."""
    name = options.view_as(StandardOptions).runner
    try:
        runner = create_runner(name)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"--runner: must be a runner that is installed, got {name}: {error}"
        ) from error
    except ValueError as error:
        known = ", ".join(StandardOptions.KNOWN_RUNNER_NAMES)
        raise OptionError(f"--runner: must be one of {known}, got {name}") from error
    problems = PipelineOptionsValidator(options, runner).validate()
    if problems:
        raise OptionError(f"--runner {name}: must have its options: {'; '.join(problems)}")
    if isinstance(runner, PortableRunner):
        _check_job_server(options, name)


def _check_job_server(options: PipelineOptions, name: str) -> None:
    """Check what Beam would find out after a minute."""
    endpoint = options.view_as(PortableOptions).job_endpoint
    java = options.view_as(JobServerOptions).job_server_java_launcher
    if not endpoint and not shutil.which(java):
        raise UserError(
            f"--runner {name}: must have --job_endpoint, or Java to start a job server with; "
            f"command not found: {java}"
        )
    host, colon, port = (endpoint or "").rpartition(":")
    if colon:  # not the word `embed`
        rule = f"--job_endpoint: must be HOST:PORT of a job server, got {endpoint}"
        try:
            socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
        except OSError as error:
            raise UserError(f"{rule}: {error}") from error
        except (ValueError, OverflowError) as error:
            raise OptionError(f"{rule}: {error}") from error
