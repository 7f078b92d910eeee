"""The worker processes of Beam's local runner, which stops none of them and misses their deaths.

This replaces a class of Beam that is no part of its API. It was tested with Beam 2.59;
tests/data_prep/test_beam_workers.py fails if another version does without the class.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any

import grpc
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    GrpcWorkerHandler,
    WorkerHandler,
)
from google.protobuf import json_format, text_format

from data_prep.errors import UserError

_POLL = 0.1  # seconds
_SILENT = logging.CRITICAL + 1


class Workers:
    """The worker processes of one run.

    Attributes:
        death: an error about the first process that ended by itself, or None.
    """

    def __init__(self) -> None:
        self.death: UserError | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ended = False

    def run(self, work: Callable[[], object]) -> None:
        """Call a function that runs a Beam pipeline; the processes it starts belong to this run."""
        _silence_lost_connections()
        token = _current.set(self)
        try:
            work()
        finally:
            _current.reset(token)

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Add a process that has been started."""
        self._processes.append(process)
        if self._ended:
            self.kill()

    def fail(self, code: int) -> None:
        """Note that a process ended by itself, and kill the others: the run cannot succeed."""
        if self.death is None:
            self.death = UserError(
                f"worker process: must run until all work is done, got exit code {code}; it may "
                "have been killed for lack of memory, so rerun the same command with fewer workers"
            )
            self.kill()

    def kill(self) -> None:
        """Kill the processes, also one that is being started."""
        self._ended = True
        for process in list(self._processes):
            process.kill()
            process.wait()


_current: ContextVar[Workers | None] = ContextVar("_current", default=None)


@WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
class _WorkerProcess(GrpcWorkerHandler):
    """A worker process, started without a shell and watched.

    It takes the place of Beam's handler, which cannot stop the process.
    """

    def __init__(self, command: bytes, *args: Any):
        super().__init__(*args)  # the command is for a shell, which would split our path at spaces
        self._workers = _current.get() or Workers()
        self._closing = False

    def start_worker(self) -> None:
        options = json_format.MessageToJson(self.provision_info.provision_info.pipeline_options)
        control = text_format.MessageToString(self.control_api_service_descriptor())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main"],
            env=os.environ
            | {
                "CONTROL_API_SERVICE_DESCRIPTOR": control,
                "PIPELINE_OPTIONS": options,
                "WORKER_ID": self.worker_id,
            },
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # its exceptions come through the control channel
        )
        self._workers.add(self._process)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """Once the process has ended by itself, fail all that Beam has asked and still asks it."""
        code = self._process.wait()
        while not self._closing:
            self._workers.fail(code)
            for key, answer in list(self.control_conn._futures_by_id.items()):
                error = str(self._workers.death)
                answer.set(beam_fn_api_pb2.InstructionResponse(instruction_id=key, error=error))
            time.sleep(_POLL)

    def close(self) -> None:
        self._closing = True
        super().close()

    def stop_worker(self) -> None:
        self._process.kill()
        self._process.wait()


@cache
def _silence_lost_connections() -> None:
    """Keep quiet about the threads that were connected to a process when it was killed.

    Some of them end after the run, so this is done once for the whole process.
    """
    for module in ("worker.data_plane", "portability.fn_api_runner.worker_handlers"):
        logging.getLogger(f"apache_beam.runners.{module}").setLevel(_SILENT)
    before = threading.excepthook

    def report(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, grpc.RpcError):
            before(args)

    threading.excepthook = report
