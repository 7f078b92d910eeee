import shutil

import grpc
import pytest

from data_prep.errors import UserError
from serving.server.errors import StatusError
from serving.server.model_folder import ModelFolder, Status
from serving.server.version_policy import AllVersions, LatestVersions, SpecificVersions
from serving.versions import State


class FakeModel:
    """A loaded version: the text of its file."""

    def __init__(self, path):
        self.text = (path / "saved_model.pb").read_text()
        self.closed = False
        if "broken" in self.text:
            raise ValueError("broken:\n not a model")

    def close(self):
        self.closed = True


def put(folder, version, text="model"):
    (folder / str(version)).mkdir()
    (folder / str(version) / "saved_model.pb").write_text(text)


def states(models):
    return {version: status.state for version, status in models.statuses().items()}


def served(models):
    with models.use() as (version, model):
        return version, model.text


def test_a_newer_version_takes_over_and_the_old_one_ends_after_its_last_request(tmp_path):
    put(tmp_path, 1, "one")
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    with models.use() as (_, in_use):
        put(tmp_path, 2, "two")
        models.refresh()
        assert served(models) == (2, "two")
        models.refresh()
        assert states(models) == {1: State.UNLOADING, 2: State.AVAILABLE}
        assert (in_use.text, in_use.closed) == ("one", False)
    models.refresh()
    assert in_use.closed
    assert states(models) == {1: State.END, 2: State.AVAILABLE}
    assert models.statuses()[1] == Status(State.END)


def test_a_version_that_returns_is_never_reported_as_ended(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    with models.use() as (_, first):
        (tmp_path / "2").rename(tmp_path / "away")
        models.refresh()
        (tmp_path / "away").rename(tmp_path / "2")
        models.refresh()
        assert states(models)[2] is State.AVAILABLE
        with models.use() as (_, second):
            shutil.rmtree(tmp_path / "2")
            models.refresh()
            assert states(models) == {1: State.AVAILABLE, 2: State.UNLOADING}
            assert not second.closed
            assert first is not second
    models.refresh()
    assert first.closed
    assert second.closed
    assert states(models) == {1: State.AVAILABLE, 2: State.END}


def test_the_first_of_two_copies_of_a_version_ends_unnoticed(tmp_path):
    put(tmp_path, 1)
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    with models.use() as (_, first):
        (tmp_path / "1").rename(tmp_path / "away")
        models.refresh()
        (tmp_path / "away").rename(tmp_path / "1")
        models.refresh()
    models.refresh()
    assert first.closed
    assert states(models) == {1: State.AVAILABLE}


def test_an_older_version_that_appears_later_changes_nothing(tmp_path):
    put(tmp_path, 5, "five")
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    put(tmp_path, 4)
    models.refresh()
    assert served(models) == (5, "five")
    assert list(models.statuses()) == [5]


def test_a_broken_version_leaves_the_old_one_and_is_tried_again_once_fixed(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2, "broken")
    tried = []

    def load(path):
        tried.append(path.name)
        return FakeModel(path)

    models = ModelFolder(tmp_path, load)
    models.refresh()
    models.refresh()
    assert tried == ["2", "1"]
    assert served(models)[0] == 1
    unknown = grpc.StatusCode.UNKNOWN
    assert models.statuses()[2] == Status(State.END, unknown, "broken: not a model")
    (tmp_path / "2" / "saved_model.pb").write_text("fixed")
    models.refresh()
    assert served(models) == (2, "fixed")
    assert models.statuses()[2] == Status(State.AVAILABLE)


def test_a_status_of_the_loader_is_kept(tmp_path):
    put(tmp_path, 1)

    def load(path):
        raise StatusError(grpc.StatusCode.DATA_LOSS, "cannot parse")

    models = ModelFolder(tmp_path, load)
    models.refresh()
    assert models.statuses()[1] == Status(State.END, grpc.StatusCode.DATA_LOSS, "cannot parse")


def test_a_broken_version_is_tried_again_when_a_file_arrives(tmp_path):
    put(tmp_path, 1)

    def load(path):
        (path / "variables" / "weights").read_text()
        return FakeModel(path)

    models = ModelFolder(tmp_path, load)
    models.refresh()
    assert states(models) == {1: State.END}
    (tmp_path / "1" / "variables").mkdir()
    (tmp_path / "1" / "variables" / "weights").write_text("w")
    models.refresh()
    assert states(models) == {1: State.AVAILABLE}


def test_removing_the_newest_version_serves_the_one_before(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    assert served(models)[0] == 2
    shutil.rmtree(tmp_path / "2")
    models.refresh()
    assert served(models)[0] == 1
    shutil.rmtree(tmp_path / "1")
    models.refresh()
    with pytest.raises(KeyError), models.use():
        pass
    assert states(models) == {1: State.END, 2: State.END}


def test_only_the_served_version_is_given(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    with models.use(2) as (version, _):
        assert version == 2
    for version in (1, 3):
        with pytest.raises(KeyError), models.use(version):
            pass


def available(models):
    return {v for v, state in states(models).items() if state is State.AVAILABLE}


def test_the_newest_versions_are_served_and_a_broken_one_is_replaced_by_an_older_one(tmp_path):
    for version in (1, 2, 3):
        put(tmp_path, version)
    models = ModelFolder(tmp_path, FakeModel, LatestVersions(2))
    models.refresh()
    assert available(models) == {2, 3}
    assert served(models)[0] == 3
    with models.use(2) as (version, _):
        assert version == 2
    put(tmp_path, 4, "broken")
    models.refresh()
    assert available(models) == {2, 3}
    (tmp_path / "4" / "saved_model.pb").write_text("fixed")
    models.refresh()
    assert available(models) == {3, 4}
    assert states(models)[2] is State.END


def test_all_versions_are_served_that_can_be_loaded(tmp_path):
    for version, text in ((1, "one"), (2, "broken"), (3, "three")):
        put(tmp_path, version, text)
    models = ModelFolder(tmp_path, FakeModel, AllVersions())
    models.refresh()
    assert available(models) == {1, 3}
    shutil.rmtree(tmp_path / "3")
    put(tmp_path, 0)
    models.refresh()
    assert available(models) == {0, 1}


def test_specific_versions_are_served_and_no_others(tmp_path):
    for version in (1, 2, 3, 4):
        put(tmp_path, version)
    models = ModelFolder(tmp_path, FakeModel, SpecificVersions(frozenset({1, 3, 9})))
    models.refresh()
    assert available(models) == {1, 3}
    models.configure(tmp_path, SpecificVersions(frozenset({2, 3})))
    models.refresh()
    assert states(models) == {1: State.END, 2: State.AVAILABLE, 3: State.AVAILABLE}
    models.configure(tmp_path, SpecificVersions(frozenset({9})))
    models.refresh()
    assert available(models) == set()


def test_as_in_tensorflow_serving_one_version_stays_if_no_chosen_one_can_be_loaded(tmp_path):
    for version, text in ((1, "one"), (2, "two"), (3, "broken")):
        put(tmp_path, version, text)
    models = ModelFolder(tmp_path, FakeModel, SpecificVersions(frozenset({1, 2})))
    models.refresh()
    models.configure(tmp_path, SpecificVersions(frozenset({3})))
    for _ in range(2):
        models.refresh()
        assert states(models) == {1: State.END, 2: State.AVAILABLE, 3: State.END}
    (tmp_path / "3" / "saved_model.pb").write_text("fixed")
    models.refresh()
    assert available(models) == {3}


def test_old_versions_end_before_new_ones_are_loaded_if_another_one_is_served(tmp_path):
    for version in (1, 2, 3):
        put(tmp_path, version)
    seen = []

    def load(path):
        seen.append((path.name, available(models)))
        return FakeModel(path)

    models = ModelFolder(tmp_path, load, SpecificVersions(frozenset({1, 2})))
    models.refresh()
    models.configure(tmp_path, SpecificVersions(frozenset({2, 3})))
    models.refresh()
    assert seen == [("2", set()), ("1", {2}), ("3", {2})]


def test_a_version_that_another_folder_has_too_stays(tmp_path):
    for folder, text in (("a", "first"), ("b", "second")):
        (tmp_path / folder).mkdir()
        put(tmp_path / folder, 1, text)
    put(tmp_path / "b", 2, "newer")
    models = ModelFolder(tmp_path / "a", FakeModel)
    models.refresh()
    models.configure(tmp_path / "b", SpecificVersions(frozenset({1})))
    models.refresh()
    assert served(models) == (1, "first")
    models.configure(tmp_path / "b", LatestVersions())
    models.refresh()
    assert served(models) == (2, "newer")


def test_an_ended_model_finishes_its_requests(tmp_path):
    put(tmp_path, 1)
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    with models.use() as (_, in_use):
        models.end()
        assert not models.available()
        assert states(models) == {1: State.UNLOADING}
        assert not in_use.closed
    models.end()
    assert in_use.closed
    assert states(models) == {1: State.END}


def test_an_empty_folder_has_no_versions_until_one_arrives(tmp_path):
    models = ModelFolder(tmp_path, FakeModel)
    models.refresh()
    assert models.statuses() == {}
    put(tmp_path, 1)
    models.refresh()
    assert states(models) == {1: State.AVAILABLE}


def test_the_served_version_stays_if_the_folder_disappears(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    put(folder, 1)
    models = ModelFolder(folder, FakeModel)
    models.refresh()
    folder.rename(tmp_path / "away")
    with pytest.raises(UserError, match="models: must be a readable folder"):
        models.refresh()
    assert served(models)[0] == 1
