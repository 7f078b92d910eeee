"""Both stacks render the same sample and make the same records, byte for byte."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parent.parent


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_sample_videos_are_equal(data_sets):
    old, new = (contents(folder / "sample") for folder in data_sets)
    assert sum(name.endswith(".mp4") for name in old) == 12
    assert old == new


def test_records_are_equal(data_sets):
    old, new = (contents(folder / "mixtures") for folder in data_sets)
    records = {name for name in old if "tfrecord" in name}
    assert {Path(name).parts[0] for name in records} == {"train", "eval"}
    assert {name: old[name] for name in records} == {name: new.get(name) for name in records}
    assert old.keys() == new.keys()


def test_a_data_set_is_complete_for_the_other_stack(data_sets, stacks):
    for folder, stack in zip(data_sets, reversed(stacks), strict=True):
        stack.run("-m", "data_prep", "validate", folder / "mixtures")


@pytest.mark.parametrize("probe", ["stacks/sample_digests.py", "data_prep/record_digests.py"])
def test_what_the_last_bit_decides_is_equal(stacks, probe):
    old, new = (stack.run(TESTS / probe).stdout.splitlines() for stack in stacks)
    assert len(old) > 10
    assert old == new
