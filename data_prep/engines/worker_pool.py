"""A pool of Python workers, for engines that are written in Java, such as Flink.

An engine asks the pool for a worker at the address in `--environment_config`, with
`--environment_type=EXTERNAL`. Each worker is a process. Beam's own `worker_pool_main` starts the
`python` that is first on PATH, listens on all interfaces, shares its port with a second pool
without a word, tells workers none of the job's options, and blocks those that print much.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    endpoints_pb2,
)
from apache_beam.runners.job.utils import struct_to_dict
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from apache_beam.utils import thread_pool_executor
from google.protobuf import json_format, text_format

from data_prep.engines.job_options import JobOptions
from data_prep.errors import UserError

_ENDING = 10.0  # seconds that a worker is given to end by itself
_ANSWERING = 10.0  # seconds that an engine is given to tell the options of its job
_COMMAND = (sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main")


@contextmanager
def worker_pool(host: str, port: int, report: Callable[[str], None]) -> Iterator[None]:
    """Start workers for whoever asks, for as long as the context lasts; then end them.

    Args:
        host: address to listen on. Whoever reaches it can run any code.
        port: port to listen on; 0 for any.
        report: called with a line for people when a worker starts or ends.

    Raises:
        UserError: the port is not free, or the address is not this machine's.
    """
    server = grpc.server(
        thread_pool_executor.shared_unbounded_instance(),
        options=[
            ("grpc.so_reuseport", 0),  # a second pool at this address is an error
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.max_ping_strikes", 0),
        ],
    )
    pool = _Pool(report)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(
            f"--port: must be free at an address of this machine, got {host}:{port}"
        ) from error
    server.start()
    report(f"worker pool at {host}:{bound}")
    try:
        yield
    finally:
        server.stop(0)
        pool.end()


@dataclass
class _Pool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """The service that engines call; the names of its methods are Beam's."""

    report: Callable[[str], None]
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def StartWorker(self, request: Any, context: Any) -> Any:  # noqa: N802
        try:
            self._start(request)
        except Exception as error:  # the engine reports it, whatever it is
            reason = f"{type(error).__name__}: {error}"
            self.report(f"worker {request.worker_id}: cannot start: {reason}")
            return beam_fn_api_pb2.StartWorkerResponse(error=f"worker pool: {reason}")
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:  # noqa: N802
        process = self.workers.get(request.worker_id)
        if process is not None:
            _end(process)
        return beam_fn_api_pb2.StopWorkerResponse()

    def end(self) -> None:
        """End all workers."""
        for process in list(self.workers.values()):
            _end(process)

    def _start(self, request: Any) -> None:
        settings, folder = _settings(request)
        process = subprocess.Popen(
            _COMMAND, env=os.environ | settings, cwd=folder, stdin=subprocess.DEVNULL
        )
        # Engines may give the same name to the worker of the next job.
        self.workers[request.worker_id] = process
        self.report(f"worker {request.worker_id}: started as process {process.pid}")
        threading.Thread(target=self._watch, args=(request.worker_id, process), daemon=True).start()

    def _watch(self, worker_id: str, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        self.report(f"worker {worker_id}: process {process.pid} ended with exit code {code}")
        if self.workers.get(worker_id) is process:
            del self.workers[worker_id]


def _settings(request: Any) -> tuple[dict[str, str], str | None]:
    """Return the environment variables of Beam's worker, and its working directory if given."""
    settings = {
        "WORKER_ID": request.worker_id,
        "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(request.control_endpoint),
    }
    if request.logging_endpoint.url:
        settings["LOGGING_API_SERVICE_DESCRIPTOR"] = _descriptor(request.logging_endpoint)
    if not request.provision_endpoint.url:
        return settings, None
    with grpc.insecure_channel(request.provision_endpoint.url) as channel:
        named = grpc.intercept_channel(channel, WorkerIdInterceptor(request.worker_id))
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(named)
        question = beam_provision_api_pb2.GetProvisionInfoRequest()
        info = service.GetProvisionInfo(question, timeout=_ANSWERING).info
    settings["PIPELINE_OPTIONS"] = json_format.MessageToJson(info.pipeline_options)
    settings["RUNNER_CAPABILITIES"] = " ".join(info.runner_capabilities)
    given = struct_to_dict(info.pipeline_options)
    plain = {key.removeprefix("beam:option:").removesuffix(":v1"): given[key] for key in given}
    return settings, PipelineOptions.from_dictionary(plain).view_as(JobOptions).working_folder


def _descriptor(endpoint: Any) -> str:
    return text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=endpoint.url))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_ENDING)
    process.kill()
    process.wait()
