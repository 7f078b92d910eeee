"""A server with a REST interface, and its client."""

import http.client
import json
import queue
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from serving.server.process import serve_until
from serving.server.settings import ServerSettings


@contextmanager
def serving_rest(source, **settings):
    """Serve a configuration in this process, and give HOST:PORT of the REST interface."""
    lines, stop = queue.Queue(), threading.Event()
    chosen = ServerSettings(**{"port": 0, "rest_port": 0, **settings})
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(serve_until, stop, source, chosen, lines.put)
        done.add_done_callback(lambda _: lines.put("ended"))
        try:
            first, _ = (lines.get(timeout=60) for _ in range(2))
            yield re.fullmatch(r"REST at https?://(.+)/v1/models", first)[1]
        finally:
            stop.set()
        done.result(timeout=30)


def send(address, method, path, body=None, tls=None, **headers):
    """Return the status and the JSON of an answer.

    Args:
        address: HOST:PORT.
        method: HTTP's method.
        path: the escaped path.
        body: bytes, or a value to send as JSON.
        tls: an `ssl.SSLContext` for HTTPS.
        headers: further headers.
    """
    if tls is None:
        connection = http.client.HTTPConnection(address, timeout=60)
    else:
        connection = http.client.HTTPSConnection(address, timeout=60, context=tls)
    try:
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, sent, headers)
        response = connection.getresponse()
        assert response.headers.get_content_type() == "application/json"
        return response.status, json.loads(response.read())
    finally:
        connection.close()
