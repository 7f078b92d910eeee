"""The HTTP server of the REST interface: its thread, its port, and what all calls go through."""

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
from aiohttp import web

from data_prep.errors import UserError
from serving.addresses import joined
from serving.secret_files import read_token
from serving.server.admission import Admission
from serving.server.errors import StatusError
from serving.server.metrics import CallMetrics
from serving.server.rest.api import RestApi, error_text
from serving.server.rest.http_call import HttpCall
from serving.server.rest.http_status import http_status
from serving.server.rest.paths import PREFIX
from serving.server.security import has_token, ssl_context, without_token
from serving.server.settings import ServerSettings

_Result = TypeVar("_Result")

_LOGGER = logging.getLogger(__name__)
_READ_SECONDS = 60.0
# Threads for what answers at once, so that it does while predictions wait.
_QUICK_CALLS = 8
_TOO_LARGE = 413


class RestServer:
    """Answers HTTP requests in worker threads; an event loop reads and writes."""

    def __init__(
        self, api: RestApi, admission: Admission, metrics: CallMetrics, settings: ServerSettings
    ) -> None:
        """Create it, and neither listen nor start.

        Args:
            api: answers requests.
            admission: bounds on predictions, shared with gRPC.
            metrics: counts all calls.
            settings: what to listen on.

        Raises:
            UserError: the token file holds no token.
        """
        self._api = api
        self._admission = admission
        self._metrics = metrics
        self._settings = settings
        self._token = None if settings.token_file is None else read_token(settings.token_file)
        calls = settings.workers + settings.queue + _QUICK_CALLS
        self._threads = ThreadPoolExecutor(calls, thread_name_prefix="rest")
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None

    def start(self, port: int) -> str:
        """Listen on a port, 0 for any free one, and return the URL of the models.

        Raises:
            UserError: the port is not available.
        """
        threading.Thread(target=self._run_loop, name="http", daemon=True).start()
        host = self._settings.host
        try:
            bound = self._run(self._listen(host, port)).result()
        except OSError as error:
            self.stop().result()
            raise UserError(
                f"{joined(host, port)}: cannot listen for REST: {error.strerror}"
            ) from error
        scheme = "http" if self._settings.tls_cert is None else "https"
        return f"{scheme}://{joined(host, bound)}/v1/models"

    def stop(self) -> "Future[None]":
        """Refuse new calls, and give running ones the grace of the settings to finish."""
        return self._run(self._close())

    def _run_loop(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> "Future[_Result]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _listen(self, host: str, port: int) -> int:
        app = web.Application(client_max_size=self._settings.max_json_bytes)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=self._settings.grace,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=ssl_context(self._settings))
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._threads.shutdown(wait=False)
        self._loop.call_soon(self._loop.stop)

    async def _handle(self, request: web.Request) -> web.Response:
        """Answer in a thread, which reads the body once the call is admitted."""
        call = HttpCall(request, _READ_SECONDS)
        try:
            return await self._loop.run_in_executor(self._threads, self._answer, request, call)
        except asyncio.CancelledError:
            call.cancel()
            raise

    def _answer(self, request: web.Request, call: HttpCall) -> web.Response:
        start, code = time.perf_counter(), grpc.StatusCode.OK
        try:
            return _response(200, self._text(request, call))
        except StatusError as error:
            code = error.code
            return _response(http_status(code), error_text(error))
        except web.HTTPRequestEntityTooLarge:
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
            rule = f"body: must have at most {self._settings.max_json_bytes} bytes"
            return _response(_TOO_LARGE, error_text(StatusError(code, rule)))
        except Exception as error:
            code = grpc.StatusCode.INTERNAL
            _LOGGER.exception("%s %s failed", request.method, request.path)
            text = f"server: {type(error).__name__}: {error}"
            return _response(http_status(code), error_text(StatusError(code, text)))
        finally:
            self._metrics.record(_method(request), code, time.perf_counter() - start)

    def _text(self, request: web.Request, call: HttpCall) -> str:
        """Return the answer as JSON."""
        sent = request.headers.get("Authorization", "")
        if self._token is not None and not has_token(sent, self._token):
            raise without_token()
        path = request.rel_url.raw_path
        if not PREFIX.match(path):
            raise StatusError(grpc.StatusCode.NOT_FOUND, f"path: must begin with /v1/, got {path}")
        if request.method != "POST":
            return self._api.get(request.method, path)
        with self._admission.admit(call):
            return self._api.post(path, call.read)


def _response(status: int, text: str) -> web.Response:
    return web.Response(status=status, body=text.encode(), content_type="application/json")


def _method(request: web.Request) -> str:
    """Return a name for the metrics, of which there are two."""
    return "/REST/POST" if request.method == "POST" else "/REST/GET"
