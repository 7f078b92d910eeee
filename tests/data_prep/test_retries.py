"""Errors of a storage that may pass are tried again; those that last are not."""

import errno
import os

import pytest
import tenacity

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.media.decoding import MediaError
from data_prep.storage import retries
from data_prep.storage.stores import storage_errors


class ClientError(Exception):
    """An error class of a client library."""


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
