"""Print digests of rendered scenes: one of each class, with every texture, motion and voice."""

import hashlib

from data_prep.sample.scenes import render, scene_classes

SEEDS = range(3)

if __name__ == "__main__":
    for colors in ("class", "scene"):
        for number, scene_class in enumerate(scene_classes(16, colors)):
            for seed in SEEDS:
                scene = render(scene_class, (seed, 16, number))
                for part in (scene.frames, scene.audio):
                    print(colors, number, seed, hashlib.sha256(part.tobytes()).hexdigest())
