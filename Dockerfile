# One image for TFX's components, for the training and for Beam's workers.
#
#   docker build -t REGISTRY/layered-video:VERSION .
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.9
COPY requirements.lock pyproject.toml setup.py README.md ./
# Bytecode, since a container that starts would compile all that it imports anew.
RUN uv pip sync --system --no-cache --compile-bytecode requirements.lock \
    # Training uses the GPUs that are there: the CUDA libraries TensorFlow was built with.
    && uv pip install --system --no-cache --compile-bytecode "tensorflow[and-cuda]==2.16.2"
COPY data_prep data_prep
COPY models models
COPY components components
COPY pipeline pipeline
COPY serving serving
RUN uv pip install --system --no-cache --no-deps --no-build-isolation .

# Beam's workers start by Beam's own entry point. Kubeflow Pipelines and Vertex AI give a command,
# which takes its place.
COPY --from=apache/beam_python3.11_sdk:2.59.0 /opt/apache/beam /opt/apache/beam
ENTRYPOINT ["/opt/apache/beam/boot"]
