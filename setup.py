"""Package metadata lives in pyproject.toml; the exact versions of each stack live in locks/."""

from setuptools import setup

setup()
