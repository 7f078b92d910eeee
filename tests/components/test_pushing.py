"""Pushing models and finding the one to compare with, on made-up versions."""

import threading
import time
from pathlib import Path

import pytest

from components.evaluation.baseline import find_baseline
from components.pusher import pushing
from components.pusher.pushing import push
from data_prep import storage
from data_prep.storage import leases
from models.export.exported_weights import is_copy, list_versions

FILES = {
    "saved_model.pb": "graph of {}",
    "variables/variables.index": "index of {}",
    "variables/variables.data-00000-of-00001": "weights of {}",
    "assets.extra/clip.json": "{{}}",
}


@pytest.fixture(params=["local", "remote"])
def place(request, tmp_path, monkeypatch):
    """A folder on this machine or in an object store."""
    if request.param == "local":
        return str(tmp_path / "place")
    monkeypatch.setattr(leases, "_SETTLE", 0.2)
    return f"memory://{request.node.name}-{time.time_ns()}"


def model(place, name, clip="{}", graph=None):
    """Write the files of a model, and return its folder."""
    folder = storage.join(place, "models", name)
    for file, text in FILES.items():
        storage.write_text(storage.join(folder, file), text.format(name))
    storage.write_text(storage.join(folder, "assets.extra/clip.json"), clip)
    if graph:
        storage.write_text(storage.join(folder, "saved_model.pb"), graph)
    return folder


def serving(place):
    return storage.join(place, "serving", "separator")


def contents(folder):
    return {file[len(folder) :]: storage.read_text(file) for file in storage.list_files(folder)}


def test_a_pushed_version_is_a_copy_and_pushing_it_again_changes_nothing(place):
    one = model(place, "one")
    version = push(one, serving(place), baseline="")
    assert contents(version) == contents(one)
    assert is_copy(version, one)
    before = contents(serving(place))
    assert push(one, serving(place), baseline="") == version
    assert contents(serving(place)) == before
    assert list(list_versions(serving(place)).values()) == [version]


def test_versions_grow_even_within_a_second_and_under_a_slow_clock(place, monkeypatch):
    monkeypatch.setattr(pushing.time, "time", lambda: 1000.0)
    versions = [""]
    for name in ("one", "two", "three"):
        versions.append(push(model(place, name), serving(place), baseline=versions[-1]))
    assert [storage.name(version) for version in versions[1:]] == ["1000", "1001", "1002"]


def test_a_model_that_was_compared_with_an_older_one_is_not_pushed(place):
    first = push(model(place, "one"), serving(place), baseline="")
    second = push(model(place, "two"), serving(place), baseline=first)
    assert push(model(place, "three"), serving(place), baseline=first) == ""
    assert push(model(place, "three"), serving(place), baseline="") == ""
    assert list(list_versions(serving(place)).values()) == [second, first]


def test_a_push_that_was_overtaken_is_found_when_it_is_repeated(place):
    first = push(model(place, "one"), serving(place), baseline="")
    second = push(model(place, "two"), serving(place), baseline=first)
    third = push(model(place, "three"), serving(place), baseline=second)
    assert push(model(place, "two"), serving(place), baseline=first) == second
    assert list(list_versions(serving(place)).values()) == [third, second, first]


def test_the_newest_version_is_not_pushed_again_after_its_baseline_was_withdrawn(place):
    first = push(model(place, "one"), serving(place), baseline="")
    second = push(model(place, "two"), serving(place), baseline=first)
    storage.remove_tree(second)
    assert push(model(place, "one"), serving(place), baseline=second) == first


def test_a_model_that_was_compared_with_one_that_was_withdrawn_is_pushed(place):
    first = push(model(place, "one"), serving(place), baseline="")
    second = push(model(place, "two"), serving(place), baseline=first)
    storage.remove_tree(second)
    assert push(model(place, "three"), serving(place), baseline=second)


def test_a_killed_push_shows_no_version_and_is_repaired(place, monkeypatch):
    one = model(place, "one")
    copies = []

    def die(*places):
        if len(copies) == 2:
            raise KeyboardInterrupt
        copies.append(places)
        copy(*places)

    copy = storage.copy
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(storage, "copy", die)
        patch.setattr("data_prep.storage.transfers.copy", die)
        push(one, serving(place), baseline="")
    assert list_versions(serving(place)) == {}
    version = push(one, serving(place), baseline="")
    expected = {f"/{storage.name(version)}{name}" for name in contents(one)}
    assert contents(serving(place)).keys() == expected


def test_two_pushes_at_once_make_one_version(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "_WAIT", 0.05)
    place = str(tmp_path)
    folders = [model(place, name) for name in ("one", "two")]
    found = []
    threads = [
        threading.Thread(
            target=lambda folder=folder: found.append(push(folder, serving(place), baseline=""))
        )
        for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [version] = filter(None, found)
    assert list(list_versions(serving(place)).values()) == [version]
    assert not list(Path(serving(place)).glob(".*"))


def test_the_baseline_is_the_newest_version_with_the_same_clips_that_is_no_copy(place):
    one, two = model(place, "one"), model(place, "two")
    assert find_baseline(serving(place), one) == ""
    first = push(one, serving(place), baseline="")
    assert find_baseline(serving(place), one) == ""
    assert find_baseline(serving(place), two) == first
    second = push(two, serving(place), baseline=first)
    assert find_baseline(serving(place), two) == first
    assert find_baseline(serving(place), one) == second
    other = model(place, "other", clip='{"frames": 1}')
    assert find_baseline(serving(place), other) == ""
    third = push(other, serving(place), baseline="")
    assert [*list_versions(serving(place)).values()] == [third, second, first]
    assert find_baseline(serving(place), model(place, "three")) == second
    fourth = push(model(place, "three"), serving(place), baseline=second)
    assert int(storage.name(fourth)) > int(storage.name(third))


def test_equal_weights_in_another_graph_are_another_model(place):
    one = model(place, "one")
    version = push(one, serving(place), baseline="")
    repaired = model(place, "one", graph="a graph without a bug")
    assert find_baseline(serving(place), repaired) == version
    assert push(repaired, serving(place), baseline=version) != version
