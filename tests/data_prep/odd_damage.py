"""Damaged videos: cut, flipped, zeroed, spliced, with broken clocks and codecs.

What is damaged may be rejected. What is accepted must be read as ffmpeg shows it, without a frame
that a decoder complained about.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from odd_recipes import AAC, HEALTHY, MPEG4, B, P
from odd_videos import Recipe, Studio, run

Maker = Callable[[Path, Studio], None]


@dataclass(frozen=True)
class Odd:
    """A file that is no healthy video.

    Attributes:
        make: writes it.
        rejected: whether it can't be used; otherwise it may be, if it is read as ffmpeg shows it.
        reason: what the reason for its rejection must match, in any case.
    """

    make: Maker
    rejected: bool = False
    reason: str = ""


def base(name: str, studio: Studio) -> bytes:
    """The bytes of a healthy video."""
    path = studio.folder / f"base-{name}"
    if not path.exists():
        studio.make(path, HEALTHY[name])
    return path.read_bytes()


def cut(name: str, share: float, path: Path, studio: Studio) -> None:
    data = base(name, studio)
    path.write_bytes(data[: round(share * len(data))])


def flipped(name: str, seed: int, path: Path, studio: Studio) -> None:
    """Flip 12 bits in the middle 80 %, where the index isn't."""
    data, random = bytearray(base(name, studio)), np.random.default_rng(seed)
    for position in random.integers(len(data) // 5, len(data) * 9 // 10, 12):
        data[position] ^= 1 << random.integers(8)
    path.write_bytes(data)


def zeroed(name: str, path: Path, studio: Studio) -> None:
    data = bytearray(base(name, studio))
    half = len(data) // 2
    data[half : half + 3_000] = bytes(3_000)
    path.write_bytes(data)


def noisy(name: str, path: Path, studio: Studio) -> None:
    """Noise in the place of a block."""
    data = bytearray(base(name, studio))
    half = len(data) // 2
    data[half : half + 2_000] = np.random.default_rng(5).bytes(2_000)
    path.write_bytes(data)


def appended(name: str, path: Path, studio: Studio) -> None:
    path.write_bytes(base(name, studio) + np.random.default_rng(2).bytes(30_000))


def headless(name: str, share: float, path: Path, studio: Studio) -> None:
    """Begin in the middle, at a packet of MPEG-TS."""
    data = base(name, studio)
    path.write_bytes(data[round(share * len(data)) // 188 * 188 :])


def replaced(name: str, old: bytes, new: bytes, path: Path, studio: Studio) -> None:
    data = base(name, studio)
    assert old in data
    path.write_bytes(data.replace(old, new))


def without_index(path: Path, studio: Studio) -> None:
    """MP4 whose moov box is unknown. In a box called free, ffmpeg finds it."""
    replaced("bframes.mp4", b"moov", b"junk", path, studio)


def spliced(offset: float, path: Path, studio: Studio) -> None:
    """Two transport streams behind each other, the second with another clock."""
    parts = []
    for begins in (10, offset):
        part = studio.folder / f"part-{begins}.ts"
        if not part.exists():
            studio.make(part, Recipe(f"{B}{AAC}-t 1.6 -output_ts_offset {begins}"))
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))


def resized(path: Path, studio: Studio) -> None:
    """The size of the picture changes on the way."""
    part = studio.folder / "large.ts"
    large = "-vf scale=128:96:flags=neighbor -output_ts_offset 2.4 "
    studio.make(part, Recipe(f"{P}-c:a mp2 {large}", sound=""))
    path.write_bytes(base("pframes.ts", studio) + part.read_bytes())


def stamped(expression: str, path: Path, studio: Studio) -> None:
    """Frames that need no other frame, with timestamps from an expression of N and PTS."""
    source = studio.folder / "intra.mkv"
    if not source.exists():
        studio.make(source, Recipe("-c:v mjpeg -q:v 2 -c:a pcm_s16le"))
    stamps = f"setts=pts={expression}:dts={expression}"
    run("-i", source, "-c", "copy", "-bsf:v", stamps, f"file:{path}")


def made(recipe: Recipe, path: Path, studio: Studio) -> None:
    studio.make(path, recipe)


def _sized(width: int, height: int, codec: str) -> Recipe:
    return Recipe(f"-frames:v 13 -vf scale={width}:{height}:flags=neighbor {codec}{AAC}")


def _shaped(aspect: str) -> Recipe:
    return Recipe(f"-frames:v 13 -vf crop=56:48:0:0,setsar={aspect}:max=1000000 {B}{AAC}")


_CUT = "cut off|incomplete|index|damaged"

CUTS = {
    "cut_40_index_first.mp4": Odd(partial(cut, "index_first.mp4", 0.4), True, _CUT),
    "cut_60_index_first.mp4": Odd(partial(cut, "index_first.mp4", 0.6), True, _CUT),
    "cut_98_index_first.mp4": Odd(partial(cut, "index_first.mp4", 0.98)),
    "cut_60.mp4": Odd(partial(cut, "bframes.mp4", 0.6), True, _CUT),
    "cut_60.mov": Odd(partial(cut, "bframes.mov", 0.6), True, _CUT),
    "cut_60_fragments.mp4": Odd(partial(cut, "fragments.mp4", 0.6)),
    **{
        f"cut_60_{name}": Odd(partial(cut, name, 0.6))
        for name in (
            *("bframes.mkv", "vp8.webm", "bframes.ts", "bframes.flv", "mpeg4_bframes.avi"),
            *("mjpeg.avi", "bframes_25.avi", "mpeg2.mpeg", "wmv2.wmv", "theora.ogv"),
        )
    },
    "no_index.mp4": Odd(without_index, True, _CUT),
    "header_only.mp4": Odd(partial(cut, "bframes.mp4", 0.001), True),
    "header_only.mkv": Odd(partial(cut, "bframes.mkv", 0.01), True),
}
FLIPS = {
    **{
        f"flipped_{seed}_{name}": Odd(partial(flipped, name, seed))
        for name in (
            *("no_sound.mp4", "no_sound.mkv", "no_sound.ts", "no_sound_444.mp4"),
            *("no_sound_hevc.mp4", "no_sound.webm", "bframes.mp4"),
        )
        for seed in (1, 2, 3)
    },
    **{
        f"flipped_{name}": Odd(partial(flipped, name, 4))
        for name in (
            *("mpeg4_bframes.avi", "mjpeg.avi", "mpeg2.mpeg", "bframes.flv", "wmv2.wmv"),
            *("av1.mkv", "theora.ogv", "prores.mov", "ffv1.mkv", "huffyuv.avi"),
        )
    },
    # What seed 4 damages, ffmpeg 7 shows in another way each time.
    "flipped_vp8.webm": Odd(partial(flipped, "vp8.webm", 5)),
}
LOSSES = {
    **{
        f"{how.__name__}_{name}": Odd(partial(how, name))
        for how in (zeroed, noisy, appended)
        for name in ("no_sound.mp4", "no_sound.mkv", "bframes.ts", "mpeg4_bframes.avi")
    },
}
CLOCKS = {
    "clock_jumps_ahead.ts": Odd(partial(spliced, 1_000)),
    "clock_jumps_far.ts": Odd(partial(spliced, 90_000)),
    "clock_jumps_a_little.ts": Odd(partial(spliced, 15)),
    "clock_jumps_back.ts": Odd(partial(spliced, 3)),
    "clock_restarts.ts": Odd(partial(spliced, 10.01)),
    "begins_between_keyframes.ts": Odd(partial(headless, "long_gop.ts", 0.3)),
    "begins_between_keyframes_hevc.ts": Odd(partial(headless, "hevc.ts", 0.35)),
    "begins_between_keyframes_2.ts": Odd(partial(headless, "mpeg2.ts", 0.35)),
    "begins_in_open_gop.ts": Odd(partial(headless, "open_gop.ts", 0.35)),
    "repeated_time.mkv": Odd(partial(stamped, "if(between(N\\,20\\,23)\\,800\\,PTS)")),
    "backward_time.mkv": Odd(partial(stamped, "if(eq(N\\,20)\\,PTS-400\\,PTS)")),
    "backward_steps.avi": Odd(partial(stamped, "if(gt(N\\,30)\\,PTS-400\\,PTS)")),
    "late_frame.mkv": Odd(partial(stamped, "if(eq(N\\,59)\\,1000000\\,PTS)")),
    "same_time.mkv": Odd(partial(stamped, "40")),
    "negative_time.mkv": Odd(partial(stamped, "PTS-400")),
}
SHAPES = {
    "wide.mp4": Odd(partial(made, _sized(16_000, 2, B))),
    "tall.mp4": Odd(partial(made, _sized(2, 16_000, B))),
    "wide.mkv": Odd(partial(made, _sized(16_000, 2, "-c:v ffv1 "))),
    "tall.mkv": Odd(partial(made, _sized(2, 16_000, "-c:v ffv1 "))),
    "one_pixel.mkv": Odd(partial(made, _sized(1, 1, "-c:v ffv1 "))),
    "thin_pixels.mp4": Odd(partial(made, _shaped("1/1000"))),
    "flat_pixels.mp4": Odd(partial(made, _shaped("400/1"))),
    "flat_pixels.mkv": Odd(partial(made, _shaped("1000/1"))),
    "thin_pixels.mkv": Odd(partial(made, _shaped("1/1000"))),
    "no_width.mkv": Odd(partial(made, _shaped("1/2000"))),
    "resized.ts": Odd(resized),
}
CODECS = {
    "unknown_video.mp4": Odd(
        partial(replaced, "bframes.mp4", b"avc1", b"zzz1"), True, "video.*(decod|codec|unknown)"
    ),
    "unknown_video.mkv": Odd(
        partial(replaced, "vp8.webm", b"V_VP8", b"V_ZZZ"), True, "video.*(decod|codec|unknown)"
    ),
    "unknown_video.avi": Odd(
        partial(replaced, "mpeg4.avi", b"FMP4", b"ZZZZ"), True, "video.*(decod|codec|unknown)"
    ),
    "unknown_audio.mp4": Odd(partial(replaced, "bframes.mp4", b"mp4a", b"zzza"), reason="audio"),
    "unknown_audio.mkv": Odd(partial(replaced, "bframes.mkv", b"A_AAC", b"A_ZZZ"), reason="audio"),
    "wrong_video.mkv": Odd(partial(replaced, "vp8.webm", b"V_VP8", b"V_VP9"), True, "video"),
    "wrong_audio.mkv": Odd(
        partial(replaced, "six_channels.mkv", b"A_AC3", b"A_DTS"), reason="audio"
    ),
    "silent.mp4": Odd(partial(made, Recipe(f"{B}-af volume=0 {AAC}"))),
    "whisper.avi": Odd(partial(made, Recipe(f"{MPEG4}-af volume=-70dB -c:a pcm_s16le"))),
}

DAMAGED = CUTS | FLIPS | LOSSES | CLOCKS | SHAPES | CODECS
