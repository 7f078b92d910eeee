import threading
import time

from data_prep.errors import StorageError
from data_prep.progress_bar import tracked, watching


def test_nothing_is_counted_without_a_terminal(monkeypatch, capsys):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    before = threading.active_count()
    with watching("shards", 3, lambda: 1 / 0):
        assert threading.active_count() == before
    assert capsys.readouterr().err == ""


def test_a_store_that_fails_once_does_not_end_the_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    calls = []

    def count():
        calls.append(1)
        raise StorageError("s3://bucket", "connection lost")

    with watching("shards", 3, count):
        time.sleep(2.3)
    error = capsys.readouterr().err
    assert len(calls) == 2
    assert "3/3" in error
    assert "connection lost" not in error


def test_tracked_items_are_counted(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    items = tracked("frames", "abc", 3)
    assert next(items) == "a"
    assert list(items) == ["b", "c"]
    error = capsys.readouterr().err
    assert "frames" in error
    assert "3/3" in error
