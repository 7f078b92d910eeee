import threading
from contextlib import contextmanager

import grpc
import pytest
from waiting import until

from serving.server.admission import Admission
from serving.server.errors import StatusError


class Call:
    """The part of a gRPC call that admission sees."""

    def __init__(self):
        self.active = True
        self.callbacks = []

    def is_active(self):
        return self.active

    def add_callback(self, callback):
        self.callbacks.append(callback)
        return True

    def cancel(self):
        self.active = False
        for callback in self.callbacks:
            callback()


def limits(workers, queue):
    """Admission without joining."""
    return Admission(workers, queue, join=1, largest=100)


@contextmanager
def waiting(admission, call, log, name):
    """Let a call wait in a thread; log its name once it runs, or its code once it is refused."""
    before = admission.waiting

    def run():
        try:
            with admission.admit(call):
                log.append(name)
        except StatusError as error:
            log.append(error.code)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: admission.waiting == before + 1)
    yield
    thread.join(20)


def test_calls_run_up_to_the_limit_and_then_wait_in_their_order():
    admission, log = limits(workers=2, queue=3), []
    first, second = admission.admit(Call()), admission.admit(Call())
    first.__enter__()
    second.__enter__()
    assert (admission.admitted, admission.waiting) == (2, 0)
    with (
        waiting(admission, Call(), log, "a"),
        waiting(admission, Call(), log, "b"),
        waiting(admission, Call(), log, "c"),
    ):
        with pytest.raises(StatusError, match="at most 5 may run or wait") as caught:
            admission.admit(Call()).__enter__()
        assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert log == []
        first.__exit__(None, None, None)
    assert log == ["a", "b", "c"]
    second.__exit__(None, None, None)
    assert (admission.admitted, admission.waiting) == (0, 0)


def test_an_error_frees_the_place():
    admission = limits(workers=1, queue=0)
    for _ in range(2):
        with pytest.raises(ValueError, match="model"), admission.admit(Call()):
            raise ValueError("model")


def test_waiting_calls_are_refused_when_the_server_ends_and_running_ones_are_not():
    admission, log = limits(workers=1, queue=2), []
    with (
        admission.admit(Call()),
        waiting(admission, Call(), log, "a"),
        waiting(admission, Call(), log, "b"),
    ):
        admission.close()
        until(lambda: len(log) == 2)
        assert admission.admitted == 1
    assert log == [grpc.StatusCode.UNAVAILABLE] * 2
    with pytest.raises(StatusError) as caught, admission.admit(Call()):
        pass
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_a_call_whose_client_has_gone_leaves_the_queue():
    admission, log, gone = limits(workers=1, queue=2), [], Call()
    running = admission.admit(Call())
    running.__enter__()
    with waiting(admission, gone, log, "gone"), waiting(admission, Call(), log, "next"):
        gone.cancel()
        until(lambda: admission.waiting == 1)
        running.__exit__(None, None, None)
    assert log == [grpc.StatusCode.CANCELLED, "next"]


@pytest.mark.parametrize(("size", "admitted"), [(26, 2), (25, 8)], ids=["large", "small"])
def test_small_messages_let_others_in_to_be_joined(size, admitted):
    admission, entered = Admission(workers=2, queue=20, join=4, largest=100), []
    finish = threading.Event()

    def run():
        with admission.admit_message(Call(), lambda: b"." * size) as message:
            entered.append(message)
            finish.wait(20)

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    until(lambda: len(entered) == admitted and admission.waiting == 10 - admitted)
    assert admission.admitted == admitted
    finish.set()
    for thread in threads:
        thread.join(20)
    assert entered == [b"." * size] * 10
    assert (admission.admitted, admission.waiting) == (0, 0)


def test_messages_are_read_by_as_many_calls_as_may_have_large_ones():
    admission, reading = Admission(workers=1, queue=2, join=4, largest=100), []
    arrive = threading.Event()

    def read():
        reading.append(True)
        arrive.wait(20)
        return b"."

    def run():
        with admission.admit_message(Call(), read):
            pass

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: admission.waiting == 2)
    assert len(reading) == 1
    arrive.set()
    for thread in threads:
        thread.join(20)
    assert len(reading) == 3
