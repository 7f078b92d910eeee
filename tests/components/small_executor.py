"""TFX's script that runs an executor, with the preset `tiny` at the tests' size."""

from absl import app
from conftest import PRESET
from tfx.scripts import run_executor

from models.presets import PRESETS

if __name__ == "__main__":
    PRESETS["tiny"] = PRESET
    app.run(run_executor.main, flags_parser=run_executor.parse_flags)
