"""Train the demo's model in one process and in two, and compare the held-out losses.

python tests/benchmarks/worker_processes.py [--steps 100] [--mixtures 200]

Three runs: one process, two workers that share each batch, and one process with another seed, whose
difference is the noise. The mixtures are those of the sample videos, as in the demo.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

# The repository comes first: tests/models is no package.
sys.path[:0] = [str(Path(__file__).parents[number]) for number in (2, 1)]

EVALUATED = 8


@click.command()
@click.option("--steps", type=click.IntRange(1), default=100, show_default=True)
@click.option("--mixtures", type=click.IntRange(8), default=200, show_default=True)
@click.option("--child", hidden=True, help="JSON of a run to do.")
def main(steps: int, mixtures: int, child: str | None) -> None:
    """Compare training in two processes with training in one."""
    if child:
        train_one(**json.loads(child))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_mixtures(folder, mixtures)
        results = {
            "one process": run(folder, "one", steps),
            "two workers": run(folder, "two", steps, workers=2),
            "one process, another seed": run(folder, "other", steps, seed=1),
        }
    for title, found in results.items():
        click.echo(f"{title}: loss {found['loss']:.4f}, {found['seconds']:.0f} s in all")
    one, two, other = (found["loss"] for found in results.values())
    click.echo(f"two workers differ by {two - one:+.4f}, another seed by {other - one:+.4f}")


def make_mixtures(folder: Path, mixtures: int) -> None:
    """Write sample videos, and mixtures of them with the demo's settings."""
    data = {
        "train_mixtures": mixtures,
        "eval_mixtures": mixtures // 4,
        "shares": {"transparency": 0.6, "occlusion": 0.4},
        "same_label_share": 0,
        "clip": clip().model_dump(),
    }
    config = folder / "data.yaml"
    config.write_text(json.dumps(data))  # JSON is YAML
    words = [sys.executable, "-m", "data_prep"]
    sample = ["sample", "--output", folder / "sample", "--clips", "40", "--classes", "4"]
    videos = ["--videos", folder / "sample" / "videos", "--config", config]
    generate = ["generate", *videos, "--output", folder / "mixtures", "--workers", "2"]
    for command in (sample, generate):
        subprocess.run([*words, *map(str, command)], check=True, stdout=subprocess.DEVNULL)


def clip() -> Any:
    """Return the clip of the preset."""
    from models.presets import get_preset

    return get_preset("tiny").clip


def run(folder: Path, name: str, steps: int, *, seed: int = 0, workers: int = 1) -> dict[str, Any]:
    """Train in processes, and return the results of the first."""
    from worker_cluster import environments, reserved_addresses

    given = {"folder": str(folder), "name": name, "steps": steps, "seed": seed}
    words = [sys.executable, __file__, "--child", json.dumps(given)]
    with reserved_addresses(workers) as addresses:
        more = environments(addresses) if workers > 1 else [{}]
        started = time.monotonic()
        processes = [subprocess.Popen(words, env={**os.environ, **each}) for each in more]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise click.ClickException(f"{name}: a process failed")
    loss = json.loads((folder / f"{name}.json").read_text())
    return {"loss": loss, "seconds": time.monotonic() - started}


def train_one(folder: str, name: str, steps: int, seed: int) -> None:
    """Train in this process, alone or as a worker; the chief writes the held-out loss."""
    from data_prep.cli import prepare_libraries

    prepare_libraries()
    from models.config import ModelConfig, TrainConfig
    from models.training.devices import is_chief, make_strategy
    from models.training.inputs import find_files, read_once
    from models.training.train import train

    strategy = make_strategy()
    held_out = find_files([f"{folder}/mixtures/eval/*"])
    model = train(
        ModelConfig(system="c3_internal", preset="tiny"),
        TrainConfig(steps=steps, re_pair=True, log_every=10, seed=seed),
        clip(),
        train_files=find_files([f"{folder}/mixtures/train/*"]),
        eval_files=held_out,
        logs=f"{folder}/{name}/logs",
        checkpoints=f"{folder}/{name}/checkpoints",
        strategy=strategy,
    )
    if not is_chief(strategy):
        return
    losses: list[float] = []
    for batch in read_once(held_out, clip(), batch=EVALUATED):
        prepared = model.prepare(batch)
        scalars = model.evaluate_batch(prepared, model(prepared, training=False))
        losses += scalars["loss"].numpy().tolist()
    Path(folder, f"{name}.json").write_text(json.dumps(sum(losses) / len(losses)))


if __name__ == "__main__":
    main()
