"""Package metadata. Exact versions for every dependency stand in requirements.lock."""

from pathlib import Path

from setuptools import find_namespace_packages, setup

README = Path(__file__).with_name("README.md")
PACKAGES = ("pipeline", "components", "models", "data_prep", "serving")

setup(
    name="layered-video",
    version="0.1.0",
    description="Takes a video apart into its layers, and lets a sound say which one is wanted.",
    long_description=README.read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_namespace_packages(
        include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")],
    ),
    package_data={
        "components": ["report/templates/*"],
        "pipeline": ["configs/*.yaml"],
        "serving": ["config/*.config"],
    },
    install_requires=[
        # The prescribed stack. tensorflow-io's last release fits TensorFlow 2.16,
        # and TFX 1.16 is the TFX for TensorFlow 2.16.
        "tensorflow>=2.16",
        "keras>=3.5",
        "tfx[kfp]>=1.16",
        "tensorflow-io>=0.37",
        "apache-beam>=2.59",
        "tensorflow-serving-api>=2.16",
        "tensorflow-model-analysis>=0.47",
        # tfx_bsl imports dill without declaring it.
        "dill",
        "av>=14",  # decodes and encodes media
        "click>=8.1",  # command lines
        "grpcio",  # serving's client and server
        "jinja2>=3",  # the report's page
        "matplotlib>=3.8",  # pictures
        "numpy",
        "pillow",  # the JPEG and PNG strips of a record
        "protobuf>=4.22",  # the client's messages
        "pydantic>=2",  # configuration, validated on load
        "pyyaml",
        "rich>=13",  # progress and tables
        "scikit-image>=0.22",  # SLIC supervoxels
        "scipy>=1.10",  # Student's t
        "tensorboard",  # reads its logs back
    ],
    extras_require={
        "dev": ["jax", "pytest>=8", "pytest-timeout", "pytest-xdist", "ruff"],
    },
)
