"""Beam's options, as `index` and `generate` take them."""

import argparse
import contextlib
import io
from collections.abc import Iterator, Sequence

from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import PipelineRunner, create_runner

from data_prep.engines import runners
from data_prep.engines.job_options import JobOptions
from data_prep.engines.limited import Limited
from data_prep.engines.portable_runners import described_options
from data_prep.errors import UserError
from data_prep.settings import MAX_WORKERS


class OptionError(UserError):
    """An option that Beam cannot take, whatever this machine has."""


DIRECT = "DirectRunner"
"""The name of the runner of this machine."""
_YEAR = 365 * 86_400  # seconds

runners.register_runners()


def direct_runner_flags(workers: int) -> list[str]:
    """Return the options of Beam's DirectRunner with this many processes on this machine."""
    return [
        f"--runner={DIRECT}",
        f"--direct_num_workers={workers}",
        f"--direct_running_mode={'multi_processing' if workers > 1 else 'in_memory'}",
    ]


def beam_flags(args: Sequence[str] = (), *, workers: int = 1) -> list[str]:
    """Return the options as Beam takes them; the runner is always named.

    Newer versions of Beam look for a runner on the network first if none is named.

    Args:
        args: options as on a command line, for example `["--runner", "FlinkRunner"]`.
        workers: processes on this machine; with more than one, DirectRunner starts them.

    Raises:
        OptionError: an option is incomplete, or has a wrong value.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    JobOptions._add_argparse_args(parser)
    with _complaints(args):
        known, _ = parser.parse_known_args(args)
    extra = [f"--{option}" for option in known.runner_option or ()]
    # Beam ends a connection to a job server, which lasts as long as the job, after a minute.
    patience = [f"--job_server_timeout={_YEAR}"]
    return [*direct_runner_flags(workers), *patience, *args, *extra]


def check_options(args: Sequence[str] = ()) -> None:
    """Check Beam's options without asking anything outside this process.

    Raises:
        OptionError: an option that Beam does not know, a wrong value of one, or a runner that is
            unknown. An option that Beam does not know passes if a job server may know it.
        UserError: the runner lacks a package.
    """
    options = PipelineOptions(beam_flags(args))
    runner = _runner(args)
    _check_known(options, args, runner, ask=False)


def pipeline_options(args: Sequence[str] = (), *, workers: int = 1) -> PipelineOptions:
    """Read Beam's command-line options.

    Args:
        args: see `beam_flags`.
        workers: see `beam_flags`.

    Raises:
        OptionError: an option that Beam does not know, a wrong value of one, or a runner that is
            unknown or lacks an option.
        UserError: the runner lacks a package, Java, or a cluster that answers.
    """
    options = PipelineOptions(beam_flags(args, workers=workers))
    runner = _runner(args)
    _check_known(options, args, runner, ask=True)
    processes = options.view_as(DirectOptions).direct_num_workers
    if not 0 <= processes <= MAX_WORKERS:
        raise OptionError(
            f"--direct_num_workers: must be from 0, one for each core, to {MAX_WORKERS}, got "
            f"{processes}"
        )
    name = options.view_as(StandardOptions).runner
    problems = PipelineOptionsValidator(options, runner).validate()
    if problems:
        raise OptionError(f"--runner {name}: must have its options: {'; '.join(problems)}")
    if isinstance(runner, Limited):
        runner.check_options(options)
    return options


@contextlib.contextmanager
def _complaints(args: Sequence[str]) -> Iterator[None]:
    """Raise what argparse would print with its usage before it exits."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            yield
    except SystemExit as error:
        reason = complaint.getvalue().strip().rpartition("error: ")[2]
        raise OptionError(f"options of Beam: {reason}, got {' '.join(args)}") from error


def _runner(args: Sequence[str]) -> PipelineRunner:
    """Create the runner once, which Beam itself does only when a pipeline begins.

    The module of a runner may add options to those that Beam knows.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--runner", default=DIRECT)
    with _complaints(args):
        name = parser.parse_known_args(args)[0].runner
    try:
        return create_runner(name)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"--runner: must be a runner that is installed, got {name}: {error}"
        ) from error
    except ValueError as error:
        known = ", ".join(runners.NAMES)
        raise OptionError(f"--runner: must be one of {known}, got {name}") from error


def _check_known(
    options: PipelineOptions, args: Sequence[str], runner: PipelineRunner, *, ask: bool
) -> None:
    """Parse the options once, because Beam itself ignores what it does not know.

    Args:
        options: the options.
        args: those that were given.
        runner: their runner.
        ask: whether to ask a job server which options it knows.
    """
    parsers: list[argparse.ArgumentParser] = []
    with _complaints(args):
        options.get_all_options(add_extra_args_fn=parsers.append)
    [parser] = parsers
    server = _job_server(options) if isinstance(runner, PortableRunner) else ""
    for name in described_options(server) if server and ask else ():
        with contextlib.suppress(argparse.ArgumentError):  # Beam knows it as well
            parser.add_argument(f"--{name}", nargs="?")
    with _complaints(args):
        found, unknown = parser.parse_known_args(args)
    if unknown and (ask or not server):
        wrong = unknown[0].split("=")[0]
        raise OptionError(
            f"{wrong}: must be an option of this command or of Beam{_elsewhere(runner, server)}"
        )
    if found.job_timeout is not None and not isinstance(runner, Limited):
        raise OptionError(f"--job_timeout: must go with the runner of an engine, got {DIRECT}")


def _elsewhere(runner: PipelineRunner, server: str) -> str:
    if server:
        return f", or of the job server at {server}"
    if isinstance(runner, Limited):
        return "; if only the runner knows it, give it as --runner_option KEY=VALUE"
    return ""


def _job_server(options: PipelineOptions) -> str:
    """Return HOST:PORT of a job server; empty if Beam is to start one."""
    endpoint = options.view_as(PortableOptions).job_endpoint or ""
    _, colon, port = endpoint.rpartition(":")
    if not colon:  # none, or the word `embed`
        return ""
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise OptionError(f"--job_endpoint: must be HOST:PORT of a job server, got {endpoint}")
    return str(endpoint)
