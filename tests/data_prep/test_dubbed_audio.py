"""Videos whose audio was added to them: they are seen, but their audio is never the cue."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from data_prep.config import ClipConfig, DataConfig
from data_prep.mixing.pairing import Window
from data_prep.mixing.planning import plan
from data_prep.records.making import make_record, read_window
from data_prep.sources import examination
from data_prep.sources.kinetics import find_videos

HEADER = "label,youtube_id,time_start,time_end,split,audio\n"
CLIP = ClipConfig(frames=4, fps=8, height=16, width=16, short_side=16, sample_rate=4_000)


def annotated(folder, rows, header=HEADER):
    """Annotate the folder's videos, making an empty file for each row that has none."""
    (folder / "mine.csv").write_text(header + "".join(f"{row}\n" for row in rows))
    for row in rows:
        (folder / f"{row.split(',')[1]}.mp4").touch()
    return find_videos(str(folder))


@pytest.fixture
def videos(tmp_path, make_video):
    """Four audible videos, of which the annotations call three dubbed."""
    for seed, name in enumerate("abcd"):
        make_video(tmp_path / f"{name}.mp4", seed=seed)
    listing = annotated(tmp_path, [f"x,{name},0,2,," + "dubbed" * (name > "a") for name in "abcd"])
    return examination.examine_all(listing)[0]


@pytest.mark.parametrize(
    ("text", "dubbed"),
    [("", False), ("natural", False), ("Natural", False), ("dubbed", True), (" DUBBED ", True)],
)
def test_the_column_says_whether_the_audio_is_dubbed(tmp_path, text, dubbed):
    listing = annotated(tmp_path, [f"dog,my holiday 01,0,12,,{text}"])
    [entry] = listing.entries
    assert (entry.id, entry.label, entry.split, entry.dubbed) == (
        "my holiday 01",
        "dog",
        "",
        dubbed,
    )
    counted = [note for note in listing.notes if "dubbed audio, which is not used: 1 of 1" in note]
    assert len(counted) == len(listing.notes) == dubbed


def test_the_example_in_the_documentation_can_be_read(tmp_path):
    text = (Path(__file__).parents[2] / "docs/data.md").read_text()
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    first = lines.index(HEADER.strip())
    listing = annotated(tmp_path, lines[first + 1 : first + 4])
    assert [(e.id, e.label, e.split, e.dubbed) for e in listing.entries] == [
        ("garden_01", "dog", "", False),
        ("garden_02", "dog", "", True),
        ("recital", "piano", "eval", False),
    ]


@pytest.mark.parametrize("header", ["", ",is_cc"])
def test_kinetics_own_columns_mean_natural_audio(tmp_path, header):
    header = HEADER.replace(",audio", header)
    listing = annotated(tmp_path, ["dog,a,0,10,train" + ",1" * ("is_cc" in header)], header)
    assert [entry.dubbed for entry in listing.entries] == [False]
    assert [note for note in listing.notes if "audio" in note] == []


def test_another_word_is_noted_and_means_natural(tmp_path):
    listing = annotated(tmp_path, ["x,a,0,10,,dubed", "x,b,0,10,,dubbed", "x,c,0,10,,music.wav"])
    assert [entry.dubbed for entry in listing.entries] == [False, True, False]
    [note] = [note for note in listing.notes if "other than natural and dubbed" in note]
    assert "dubbed: 2, such as 'dubed' in" in note
    assert "mine.csv, line 2; they count as natural" in note


def test_a_manifest_has_no_audio_for_a_dubbed_video(videos):
    assert [video.audio_stream for video in videos] == [1, None, None, None]
    assert [video.loudness is None for video in videos] == [False, True, True, True]
    assert [video.is_audible(-120) for video in videos] == [True, False, False, False]


def test_target_clips_are_drawn_from_natural_audio_and_others_are_seen(videos):
    train = [replace(video, split="train") for video in videos]
    held_out = [replace(v, split="eval", source=f"{v.source}-e") for v in videos]
    config = DataConfig(clip=CLIP, train_mixtures=20)
    pairings = list(plan(train + held_out, config).pairings("train"))
    assert {pairing.v1.video.id for pairing in pairings} == {"a"}
    assert {pairing.v2.video.id for pairing in pairings} == {"b", "c", "d"}


def test_a_record_holds_the_frames_of_a_dubbed_video_but_silence(videos):
    config = DataConfig(clip=CLIP, train_mixtures=1, eval_mixtures=1)
    train = [replace(video, split="train") for video in videos[:2]]
    held_out = [replace(video, split="eval") for video in videos[2:]]
    [pairing] = plan(train + held_out, config).pairings("train")
    record, outcome = make_record(pairing, config)
    feature = tf.train.Example.FromString(record).features.feature
    assert outcome.with_audio
    assert [feature[f"v{i}_has_sound"].int64_list.value[0] for i in (1, 2)] == [1, 0]
    natural, dubbed = (read_window(Window(video, 0.0, 0.5, 0.5), CLIP) for video in videos[:2])
    assert natural.audio.any()
    assert not dubbed.audio.any()
    assert dubbed.frames.std() > 1
    heard = read_window(Window(replace(videos[1], audio_stream=1), 0.0, 0.5, 0.5), CLIP)
    np.testing.assert_array_equal(dubbed.frames, heard.frames)
    assert heard.audio.any()
