"""Videos become records of mixtures: the making and the account, whoever writes them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.reading import Clip, MediaError, read_clip
from data_prep.mixing.compose import occlusion_alpha
from data_prep.mixing.pairing import OCCLUSION, Pairing, Window
from data_prep.mixing.planning import Plan
from data_prep.records.record import FEATURES, Mixture, encode
from data_prep.sources.kinetics import SPLITS, Rejection
from data_prep.storage import local_copy


@dataclass(frozen=True)
class Report:
    """What became of a mixture; `path` and `reason` say why it was dropped, or are empty."""

    split: str
    mixture_id: str
    mixture_type: str
    with_sound: bool = False
    path: str = ""
    reason: str = ""


def make_record(pairing: Pairing, config: DataConfig) -> tuple[bytes | None, Report]:
    """Makes one record: decodes both clips, draws the alpha, encodes.

    Returns:
        A serialized tf.train.Example (see `data_prep.records`), or None where one of the videos
        cannot be read; and what became of the mixture.
    """
    about = (pairing.split, pairing.mixture_id, pairing.mixture_type)
    try:
        v1, v2 = (read_window(window, config.clip) for window in (pairing.v1, pairing.v2))
    except MediaError as error:
        return None, Report(*about, path=error.path, reason=error.reason)
    alpha = None
    if pairing.mixture_type == OCCLUSION:
        alpha = occlusion_alpha(v1.frames, config.segments, pairing.mask_rng())
    return encode(Mixture(pairing, v1, v2, alpha)), Report(*about, with_sound=v1.has_sound)


def read_window(window: Window, clip: ClipConfig) -> Clip:
    """Decodes a window of a video.

    Raises:
        MediaError: the video cannot be read there; its path is the manifest's.
    """
    path = window.video.path
    try:
        with local_copy(path) as local:
            return read_clip(local, clip, start=window.start, crop=(window.top, window.left))
    except MediaError as error:
        raise MediaError(path, error.reason) from error
    except OSError as error:
        raise MediaError(path, f"cannot be read: {error.strerror or error}") from error


def account(
    made: Plan, config: DataConfig, reports: Sequence[Report]
) -> tuple[dict, list[Rejection]]:
    """Sums up a finished data set.

    Args:
        made: the plan.
        config: settings of the data set.
        reports: what became of its mixtures.

    Returns:
        What `info.json` says, and the files that turned out to be unreadable.

    Raises:
        UserError: no mixture of a split could be made.
    """
    splits = {}
    for split in SPLITS:
        own = sorted(
            (report for report in reports if report.split == split), key=lambda r: r.mixture_id
        )
        kept = [report for report in own if not report.reason]
        dropped = [report for report in own if report.reason]
        if not kept:
            reasons = "; ".join(f"{report.path}: {report.reason}" for report in dropped[:3])
            raise UserError(f"{split} split: no mixture could be made: {reasons}")
        videos = [video for video in made.videos if video.split == split]
        splits[split] = {
            "mixtures": len(kept),
            "mixture_types": dict(sorted(Counter(r.mixture_type for r in kept).items())),
            "with_sound": sum(report.with_sound for report in kept),
            "videos": len(videos),
            "sources": len({video.source for video in videos}),
            "labels": sorted({video.label for video in videos}),
            "dropped": [
                {"mixture_id": r.mixture_id, "path": r.path, "reason": r.reason} for r in dropped
            ],
        }
    info = {
        "splits": splits,
        "settings": config.model_dump(),
        "features": {name: dtype.name for name, dtype in FEATURES.items()},
    }
    unreadable = {report.path: report.reason for report in reports if report.reason}
    return info, [Rejection(path, reason) for path, reason in sorted(unreadable.items())]
