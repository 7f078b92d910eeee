"""Runners that submit a job to a job server: Flink's, Spark's, Beam's own.

They were tested with Beam 2.59.
"""

import logging
import shutil

import grpc
from apache_beam.options.pipeline_options import (
    JobServerOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.runners.portability import flink_runner, portable_runner, spark_runner

from data_prep.engines.limited import Limited
from data_prep.errors import UserError

_PATIENCE = 5.0  # seconds


class _Portable(Limited):
    def check_options(self, options: PipelineOptions) -> None:
        """Check what Beam would find out after a minute."""
        java = options.view_as(JobServerOptions).job_server_java_launcher
        if not options.view_as(PortableOptions).job_endpoint and not shutil.which(java):
            name = options.view_as(StandardOptions).runner
            raise UserError(
                f"--runner {name}: must have --job_endpoint, or Java to start a job server with; "
                f"command not found: {java}"
            )


class PortableRunner(_Portable, portable_runner.PortableRunner):
    """Submits jobs to any job server."""


class FlinkRunner(_Portable, flink_runner.FlinkRunner):
    """Submits jobs to Flink."""


class SparkRunner(_Portable, spark_runner.SparkRunner):
    """Submits jobs to Spark."""


def described_options(endpoint: str) -> list[str]:
    """Return the names of the options that a job server knows.

    Args:
        endpoint: HOST:PORT of the job server.

    Raises:
        UserError: no job server answers there, but perhaps another kind of server.
    """
    request = beam_job_api_pb2.DescribePipelineOptionsRequest()
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            answer = service.DescribePipelineOptions(request, timeout=_PATIENCE)
        except grpc.RpcError as error:
            raise UserError(
                f"--job_endpoint: must be HOST:PORT of a job server, got {endpoint}: "
                f"{error.code().name}: {error.details()}"
            ) from error
    return [option.name for option in answer.options]


def _is_wanted(record: logging.LogRecord) -> bool:
    """Drop the messages of jobs, which Beam gives to the root logger; errors are raised as well."""
    return record.module != portable_runner.__name__.rpartition(".")[2]


logging.getLogger().addFilter(_is_wanted)
