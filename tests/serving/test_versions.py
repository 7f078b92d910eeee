import pathlib

import pytest

from data_prep.errors import UserError
from serving.versions import (
    MAX_VERSION,
    find_model,
    find_versions,
    parse_version,
    require_version,
)


def put(folder, version, text="model"):
    (folder / str(version)).mkdir()
    (folder / str(version) / "saved_model.pb").write_text(text)


def test_versions_are_numbers_and_the_newest_comes_first(tmp_path):
    for version in (9, 10, 2):
        put(tmp_path, version)
    put(tmp_path, "best")
    put(tmp_path, "1_partial")
    put(tmp_path, 2**63)
    (tmp_path / "11" / "variables").mkdir(parents=True)
    (tmp_path / "12").write_text("a file")
    assert list(find_versions(tmp_path)) == [10, 9, 2]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("0", 0),
        ("007", 7),
        (str(MAX_VERSION), MAX_VERSION),
        (str(MAX_VERSION + 1), None),
        ("0" * 5_000 + "1", 1),
        ("9" * 5_000, None),  # more digits than Python converts
        ("", None),
        ("-1", None),
        ("1.0", None),
        ("٣", None),
    ],
)
def test_a_name_is_a_version_if_it_is_a_whole_number(name, version):
    assert parse_version(name) == version


def test_a_savedmodel_may_be_text(tmp_path):
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pbtxt").touch()
    assert find_model(tmp_path) == find_model(tmp_path / "4") == (tmp_path / "4").resolve()


def test_a_missing_folder_and_one_without_versions_are_named(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: must hold at least one version"):
        require_version(tmp_path)
    with pytest.raises(UserError, match=r"absent: must be a readable folder: No such file"):
        require_version(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file: must be a readable folder: Not a directory"):
        require_version(tmp_path / "file")


def test_a_version_that_cannot_be_read_hides_no_other(tmp_path, monkeypatch):
    put(tmp_path, 1)
    put(tmp_path, 2)
    is_file = pathlib.Path.is_file

    def unreadable(path):
        if path.parent.name == "2":
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(pathlib.Path, "is_file", unreadable)
    assert list(find_versions(tmp_path)) == [2, 1]
