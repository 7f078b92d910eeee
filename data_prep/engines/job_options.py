"""Our own options of a Beam job, beside those of Beam and of its runner."""

import argparse
import math

from apache_beam.options.pipeline_options import PipelineOptions


class JobOptions(PipelineOptions):
    """Options that every job on an engine takes.

    Beam finds the class once this module is imported.
    """

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--job_timeout",
            "--job-timeout",
            type=_hours,
            metavar="HOURS",
            help="Hours after which a job on an engine is canceled.",
        )
        parser.add_argument(
            "--runner_option",
            "--runner-option",
            action="append",
            type=_pair,
            metavar="KEY=VALUE",
            help="An option that only the runner knows; may be repeated.",
        )
        parser.add_argument(
            "--working_folder",
            help="Working directory of the processes that a worker pool starts.",
        )


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of hours above 0, got {text}")
    return hours


def _pair(text: str) -> str:
    key, equals, _ = text.partition("=")
    if not equals or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text}")
    return text
