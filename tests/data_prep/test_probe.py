from dataclasses import replace
from fractions import Fraction

import av
import pytest
from small_videos import config, numbered, numbers

from data_prep.media.clip import read_clip
from data_prep.media.probe import VideoInfo, probe


def test_probe(plain):
    assert probe(plain) == VideoInfo(
        duration=pytest.approx(2.0),
        width=64,
        height=48,
        fps=25.0,
        video_stream=0,
        audio_stream=1,
        loudness=pytest.approx(-39, abs=2),
    )


def test_a_file_that_does_not_say_has_a_usual_rate(plain):
    info = probe(plain)
    assert (info.frame_rate, info.frame_count) == (25, 50)
    assert (replace(info, fps=10).frame_rate, replace(info, fps=10).frame_count) == (10, 20)
    unknown = replace(info, fps=0.0, duration=0.01)
    assert (unknown.frame_rate, unknown.frame_count) == (25, 1)


def test_a_header_without_a_duration(tmp_path):
    """A Matroska file written to a pipe has none."""
    path = tmp_path / "video.webm"
    with path.open("wb") as pipe:
        pipe.seekable = lambda: False
        write_only = type("Pipe", (), {"write": lambda _, data: pipe.write(data)})()
        with av.open(write_only, "w", format="webm") as container:
            video = container.add_stream("libvpx", 25, options={"cpu-used": "8"})
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for k, pixels in enumerate(numbered(30)):
                frame = av.VideoFrame.from_ndarray(pixels).reformat(format="yuv420p")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video[0].duration is None
    assert probe(path).duration == pytest.approx(1.2, abs=0.05)
    assert numbers(read_clip(path, config(10), start=0.6).frames) == list(range(15, 25))
