"""Errors of a storage that may pass are tried again; those that last are not."""

import errno
import os

import pytest
import tenacity

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media.decoding import MediaError
from data_prep.storage import retries, stores
from data_prep.storage.stores import storage_errors


@pytest.fixture(autouse=True)
def answered(monkeypatch):
    """No store has answered yet."""
    monkeypatch.setattr(stores, "_answered", set())


class ClientError(Exception):
    """An error class of a client library."""


class NoCredentialsError(Exception):
    """As botocore's."""


class HttpError(Exception):
    """As gcsfs'."""

    def __init__(self, code):
        super().__init__(f"HTTP {code}")
        self.code = code


def os_error(number):
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (os_error(errno.ETIMEDOUT), retries.ATTEMPTS),
        (os_error(errno.ESTALE), retries.ATTEMPTS),
        (os_error(errno.EIO), retries.ATTEMPTS),
        (ClientError("throttled"), retries.ATTEMPTS),
        (os_error(errno.ENOENT), 1),
        (os_error(errno.ENOSPC), 1),
        (os_error(errno.EACCES), 1),
        (os_error(errno.EROFS), 1),
        (os_error(errno.EINVAL), 1),
        (OSError("Forbidden: https://storage.googleapis.com/a"), 1),
        (NoCredentialsError("Unable to locate credentials"), 1),
        (ValueError("no such parameter"), 1),
        (HttpError(401), 1),
        (HttpError(429), retries.ATTEMPTS),
        (HttpError(503), retries.ATTEMPTS),
    ],
)
def test_what_may_pass_is_tried_again(error, attempts, monkeypatch):
    calls = []

    def fail():
        calls.append(1)
        with storage_errors("s3://a"):
            raise error

    call = storage.retrying(fail)
    monkeypatch.setattr(call.retry, "wait", tenacity.wait_none())
    with pytest.raises(StorageError, match="s3://a: "):
        call()
    assert len(calls) == attempts


@pytest.mark.parametrize(
    "error",
    [
        StorageError("a", "must be as it was"),
        StorageMissingError("a", "gone"),
        UserError("x"),
        MediaError("a", "damaged"),
        KeyError("a bug"),
    ],
)
def test_our_own_errors_are_final(error):
    calls = []

    def fail():
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        storage.retrying(fail)()
    assert len(calls) == 1


def test_what_succeeds_the_second_time_succeeds(monkeypatch):
    answers = [os_error(errno.EIO), "data"]

    def read(uri):
        answer = answers.pop(0)
        with storage_errors(uri):
            if isinstance(answer, OSError):
                raise answer
        return answer

    call = storage.retrying(read)
    monkeypatch.setattr(call.retry, "wait", tenacity.wait_none())
    assert call("s3://a") == "data"


def test_what_was_given_up_is_not_tried_again_further_out(monkeypatch):
    calls = []

    def read():
        calls.append(1)
        with storage_errors("s3://a"):
            raise os_error(errno.EIO)

    inner = storage.retrying(read)

    def copy():
        with storage_errors("s3://b"):
            inner()

    outer = storage.retrying(copy)
    for call in (inner, outer):
        monkeypatch.setattr(call.retry, "wait", tenacity.wait_none())
    with pytest.raises(StorageError, match="s3://a: "):
        outer()
    assert len(calls) == retries.ATTEMPTS


def count_calls(uri, monkeypatch, *, answered=False):
    """Return how often a call is made that fails forever, and the seconds it waits meanwhile."""
    calls, waits = [], []
    if answered:
        with storage_errors(uri):
            pass

    @storage.retrying
    def read():
        calls.append(1)
        with storage_errors(uri):
            raise ConnectionError("connection refused")

    monkeypatch.setattr(retries, "_sleep", waits.append)
    with pytest.raises(StorageError, match="connection refused"):
        read()
    return len(calls), sum(waits)


def test_a_store_that_has_answered_is_waited_for(monkeypatch, caplog):
    calls, seconds = count_calls("s3://a/b", monkeypatch, answered=True)
    assert calls == retries.LONG_ATTEMPTS
    assert seconds > retries.PATIENCE
    assert "s3://a/b: connection refused; trying again in 15 s" in caplog.messages


def test_a_store_that_was_given_up_is_not_waited_for_again(monkeypatch):
    count_calls("s3://a/b", monkeypatch, answered=True)
    calls, seconds = count_calls("s3://a/c", monkeypatch)
    assert calls == retries.ATTEMPTS
    assert seconds < 2


def test_another_store_and_this_machine_are_not_waited_for(monkeypatch):
    count_calls("s3://a/b", monkeypatch, answered=True)
    for uri in ("s3://other/b", "gs://a/b"):
        assert count_calls(uri, monkeypatch)[0] == retries.ATTEMPTS
    assert count_calls("/a/b", monkeypatch, answered=True)[0] == retries.ATTEMPTS


def test_time_spent_on_attempts_counts(monkeypatch):
    clock = iter(range(0, 100_000, 50))
    monkeypatch.setattr(tenacity.time, "monotonic", lambda: next(clock))
    calls, _ = count_calls("s3://a/b", monkeypatch, answered=True)
    assert calls < retries.LONG_ATTEMPTS


def test_a_missing_object_is_an_answer():
    with pytest.raises(StorageMissingError), storage_errors("s3://a/b"):
        raise FileNotFoundError
    assert stores.has_answered("s3://a/other")
    assert not stores.has_answered("s3://b/b")
