"""A served model in a separate process, for the benchmarks beside this file."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import grpc
import numpy as np

PREDICT = "/tensorflow.serving.PredictionService/Predict"
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
WAIT = 600

model_option = click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A version's folder. [default: an untrained c3_internal at tiny]",
)


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        process: the server's process.
        folder: the folder of versions that it serves.
        version: path of the version that it has served from the start.
        address: HOST:PORT.
    """

    process: subprocess.Popen
    folder: Path
    version: Path
    address: str

    def memory_mib(self, field: str = "VmRSS") -> float:
        """Return the server's memory now; `VmHWM` is its peak."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024

    def add_version(self) -> None:
        """Copy the version under the next number, which appears whole."""
        number = 1 + max(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())
        copy = self.folder.parent / "copy"
        shutil.copytree(self.version, copy)
        copy.rename(self.folder / str(number))

    def wait_for(self, words: str) -> None:
        """Read the server's output up to a line with these words."""
        for line in self.process.stdout:
            if words in line:
                return
        raise RuntimeError(f"the server ended without printing {words!r}")

    @contextmanager
    def predict(self) -> Iterator[Callable[[bytes], bytes]]:
        """Give the function that sends a serialized PredictRequest over a separate channel."""
        options = [*UNLIMITED, ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.address, options) as channel:
            method = channel.unary_unary(PREDICT)
            yield lambda request: method(request, timeout=WAIT)


@contextmanager
def served(model: Path | None, *options: str) -> Iterator[Served]:
    """Serve a copy of a version, or an untrained model, as `separator`."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "versions")
        version = folder / "1"
        shutil.copytree(model, version) if model else _export_untrained(version)
        command = [sys.executable, "-m", "serving", "serve", "--model", str(folder), "--port", "0"]
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
            try:
                ready = process.stdout.readline()
                address = re.search(r"serving separator version 1 at (\S+)", ready)[1]
                yield Served(process, folder, version, address)
            finally:
                process.send_signal(signal.SIGTERM)


def request_of(server: Served) -> bytes:
    """Return a request with one random clip, which asks for what the client asks for."""
    from tensorflow import make_tensor_proto
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    from serving.client import SeparationClient

    with SeparationClient(server.address) as client:
        description = client.description()
    clip, rng = description.clip, np.random.default_rng(0)
    video = rng.integers(0, 256, (1, clip.frames, clip.height, clip.width, 3), np.uint8)
    request = PredictRequest(model_spec={"name": "separator"})
    request.inputs["video"].CopyFrom(make_tensor_proto(video))
    if description.uses_audio:
        audio = rng.uniform(-0.1, 0.1, (1, clip.samples)).astype(np.float32)
        request.inputs["audio"].CopyFrom(make_tensor_proto(audio))
        request.output_filter.extend(["chosen", "scores"])
    request.output_filter.append("outputs")
    return request.SerializeToString()


def _export_untrained(version: Path) -> None:
    """Export in a separate process, so that this one stays small."""
    script = (
        "import sys\n"
        "from data_prep.cli import prepare_libraries\n"
        "prepare_libraries()\n"
        "from models.export.saved_model import export\n"
        "from models.presets import PRESETS\n"
        "from models.systems import get_system\n"
        "from models.tasks.separator import Separator\n"
        "preset, system = PRESETS['tiny'], get_system('c3_internal')\n"
        "network = system.build(preset.clip, preset, outputs=2)\n"
        "export(Separator(network, system, preset), preset.clip, sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(version)], check=True, env=os.environ)
