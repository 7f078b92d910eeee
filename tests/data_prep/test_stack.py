"""What differs between the stacks, on either of them."""

import os
import subprocess
import sys

import pytest

from data_prep import stack
from data_prep.errors import UserError
from data_prep.stack import check_tensorflow_store


@pytest.fixture
def tensorflow(monkeypatch):
    """Gives a function that makes this a stack with another version of TensorFlow."""
    return lambda found: monkeypatch.setattr(stack, "version", lambda package: found)


@pytest.mark.parametrize("uri", ["gs://bucket/x", "/data/x", "file:///data/x", "x"])
@pytest.mark.parametrize("version", ["2.16.2", "2.21.0"])
def test_stores_that_every_tensorflow_knows(tensorflow, version, uri):
    tensorflow(version)
    check_tensorflow_store("cloud.root", uri)


@pytest.mark.parametrize("uri", ["s3://bucket/x", "hdfs://host/x", "S3://bucket/x"])
def test_stores_of_tensorflow_io_need_the_tensorflow_that_it_was_built_for(tensorflow, uri):
    tensorflow("2.16.2")
    check_tensorflow_store("cloud.root", uri)
    tensorflow("2.21.0")
    with pytest.raises(UserError) as error:
        check_tensorflow_store("cloud.root", uri)
    scheme = uri.partition(":")[0].lower()
    assert str(error.value) == (
        f"cloud.root: must begin with gs:// with TensorFlow 2.21, which knows no {scheme}://; "
        f"the stack of TFX 1.16 does (make setup STACK=1.16), got {uri}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("level", [None, "0"])
def test_tensorflow_is_imported_in_silence_unless_its_notices_are_wanted(level):
    code = (
        "from data_prep.cli import prepare_libraries; prepare_libraries();"
        "import keras, tensorflow as tf; tf.constant(1) + 1"
    )
    wanted = {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    env = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=env | wanted)
    assert ("oneDNN" in done.stderr) == (level == "0"), done.stderr
    assert done.stderr == "" or level == "0"


FAILING = """
import os
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called ...\\n")
os.write(2, b"I0000 00:00:1795779465.877411     809 port.cc:153] oneDNN custom operations ...\\n")
os.write(2, b"E0000 00:00:1795779465.877865     809 device.cc:31] an error\\n")
raise ImportError("a library is missing")
"""


def test_errors_of_an_import_are_shown_and_the_notices_are_not(tmp_path):
    (tmp_path / "tensorflow.py").write_text(FAILING)
    code = (
        "from data_prep import stack; stack.version = lambda package: '2.21.0';"
        "stack.silence_import(); stack.silence_import()\n"
        "try:\n    import tensorflow\n"
        "except ImportError as error:\n    print(error)\n"
        "import os; os.write(2, b'afterwards')"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "a library is missing\n"
    error = "E0000 00:00:1795779465.877865     809 device.cc:31] an error\n"
    assert done.stderr == f"{error}afterwards"
