"""Folders in the settings of a run, as TFX's cache knows them."""

from pathlib import Path

import pytest

from components.analyses.request import AnalysisRequest
from pipeline.config import load_config
from pipeline.places import Places
from pipeline.runners import local

ANALYSIS = "action_recognition"


def known(output, folder, elsewhere):
    """The settings of a run and the text of an analysis, with folders in its output and not."""
    separators = f"{{c1: {folder}, mine: {elsewhere}}}"
    given = (f"mixtures={folder}", f"analyses.{ANALYSIS}.separators={separators}")
    config = load_config("demo", given)
    with Places(output).entered() as inside:
        config = local.with_folders(config, inside.name_of)
        settings = config.analyses[ANALYSIS]
        request = AnalysisRequest[type(settings)](settings=settings, clip=config.data.clip)
        text = request.model_dump_json()
        read = type(request).model_validate_json(text).settings.separators  # as a stage does
        assert Path(read["c1"], "here").is_file()
        assert Path(read["mine"], "there").is_file()
    return config, text


@pytest.mark.parametrize("elsewhere", ["elsewhere", "else *"])
def test_a_move_of_the_output_changes_no_name(tmp_path, elsewhere):
    elsewhere = tmp_path / elsewhere
    elsewhere.mkdir()
    (elsewhere / "there").touch()
    folder = tmp_path / "one" / "artifacts" / "Trainer"
    folder.mkdir(parents=True)
    (folder / "here").touch()
    before = known(tmp_path / "one", folder, elsewhere)
    (tmp_path / "one").rename(tmp_path / "two")
    after = known(tmp_path / "two", tmp_path / "two" / "artifacts" / "Trainer", elsewhere)
    assert before == after
    config, text = before
    assert config.mixtures == config.analyses[ANALYSIS].separators["c1"]
    assert config.mixtures in text
