import shutil

import pytest

from data_prep.errors import UserError
from serving.versions import ModelFolder, State, find_versions, require_version


class Loaded:
    """A loaded version: the text of its file."""

    def __init__(self, path):
        self.text = (path / "saved_model.pb").read_text()
        if "broken" in self.text:
            raise ValueError("broken:\n not a model")


def put(folder, version, text="model"):
    (folder / str(version)).mkdir()
    (folder / str(version) / "saved_model.pb").write_text(text)


def states(models):
    return {version: status.state for version, status in models.statuses.items()}


def test_versions_are_numbers_and_the_newest_comes_first(tmp_path):
    for version in (9, 10, 2):
        put(tmp_path, version)
    put(tmp_path, "best")
    put(tmp_path, "1_partial")
    put(tmp_path, 2**63)
    (tmp_path / "11" / "variables").mkdir(parents=True)
    (tmp_path / "12").write_text("a file")
    assert list(find_versions(tmp_path)) == [10, 9, 2]


def test_a_missing_folder_and_one_without_versions_are_named(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: must hold at least one version"):
        require_version(tmp_path)
    with pytest.raises(UserError, match=r"absent: must be a readable folder: No such file"):
        require_version(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file: must be a readable folder: Not a directory"):
        require_version(tmp_path / "file")


def test_a_newer_version_takes_over_and_the_old_one_ends_after_its_last_request(tmp_path):
    put(tmp_path, 1, "one")
    models = ModelFolder(tmp_path, Loaded)
    models.refresh()
    _, in_use = models.get()
    put(tmp_path, 2, "two")
    models.refresh()
    assert models.get()[1].text == "two"
    assert states(models) == {1: State.UNLOADING, 2: State.AVAILABLE}
    assert in_use.text == "one"
    del in_use
    assert states(models) == {1: State.END, 2: State.AVAILABLE}
    assert models.statuses[1].error == ""


def test_an_older_version_that_appears_later_changes_nothing(tmp_path):
    put(tmp_path, 5)
    models = ModelFolder(tmp_path, Loaded)
    models.refresh()
    before = models.get()
    put(tmp_path, 4)
    models.refresh()
    assert models.get() == before
    assert list(models.statuses) == [5]


def test_a_broken_version_leaves_the_old_one_and_is_tried_again_once_fixed(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2, "broken")
    tried = []

    def load(path):
        tried.append(path.name)
        return Loaded(path)

    models = ModelFolder(tmp_path, load)
    models.refresh()
    models.refresh()
    assert tried == ["2", "1"]
    assert models.get()[0] == 1
    assert models.statuses[2].state is State.END
    assert models.statuses[2].error == "broken: not a model"
    (tmp_path / "2" / "saved_model.pb").write_text("fixed")
    models.refresh()
    assert models.get()[0] == 2
    assert models.statuses[2].error == ""


def test_a_broken_version_is_tried_again_when_a_file_arrives(tmp_path):
    put(tmp_path, 1)

    def load(path):
        (path / "variables" / "weights").read_text()
        return Loaded(path)

    models = ModelFolder(tmp_path, load)
    models.refresh()
    assert models.statuses[1].state is State.END
    (tmp_path / "1" / "variables").mkdir()
    (tmp_path / "1" / "variables" / "weights").write_text("w")
    models.refresh()
    assert models.statuses[1].state is State.AVAILABLE


def test_removing_the_newest_version_serves_the_one_before(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    models = ModelFolder(tmp_path, Loaded)
    models.refresh()
    assert models.get()[0] == 2
    shutil.rmtree(tmp_path / "2")
    models.refresh()
    assert models.get()[0] == 1
    shutil.rmtree(tmp_path / "1")
    models.refresh()
    with pytest.raises(KeyError):
        models.get()
    assert states(models) == {1: State.END, 2: State.END}


def test_only_the_served_version_is_returned(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    models = ModelFolder(tmp_path, Loaded)
    models.refresh()
    assert models.get(2) == models.get()
    for version in (1, 3):
        with pytest.raises(KeyError):
            models.get(version)


def test_the_served_version_stays_if_the_folder_disappears(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    put(folder, 1)
    models = ModelFolder(folder, Loaded)
    models.refresh()
    folder.rename(tmp_path / "away")
    with pytest.raises(UserError, match="models: must be a readable folder"):
        models.refresh()
    assert models.get()[0] == 1
