from pathlib import Path

import pytest

from data_prep import storage
from data_prep.errors import StorageError


@pytest.mark.parametrize("name", ["run [v1]", "a*b", "what?", "]"])
def test_folder_with_wildcards_has_another_name_for_a_while(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    with storage.without_wildcards(str(folder)) as plain:
        assert not storage.has_wildcards(plain)
        Path(plain, "file").write_text("here")
    assert (folder / "file").read_text() == "here"
    assert not Path(plain).exists()


def test_other_folders_keep_their_names(tmp_path):
    for folder in (str(tmp_path / "50% #2"), "gs://bucket/a [1]"):
        with storage.without_wildcards(folder) as plain:
            assert plain == folder


def test_missing_folder_is_an_error(tmp_path):
    with (
        pytest.raises(StorageError, match=r"a \[1\]: no such file or folder"),
        storage.without_wildcards(str(tmp_path / "a [1]")),
    ):
        pass
