"""Options of the stages that Beam runs on Dataflow."""

from data_prep.beam_options import beam_flags
from pipeline.cloud.cloud_config import CloudConfig
from pipeline.cloud.stage_names import MIXTURES


def beam_args_of(cloud: CloudConfig) -> list[str]:
    """Return the options of the stages that Beam runs.

    By default they use all CPUs of MixtureGen's machine: one process would take days for what a
    cloud is needed for. With Dataflow, `cloud.beam_args` are more options of it.
    """
    if cloud.dataflow is None:
        cpus = max(int(cloud.stage(MIXTURES).cpus), 1)
        return list(cloud.beam_args) or beam_flags([], workers=cpus)
    dataflow, vertex = cloud.dataflow, cloud.vertex
    args = {
        "runner": "DataflowRunner",
        "project": vertex.project,
        "region": vertex.region,
        "temp_location": f"{cloud.root}/temp",
        "sdk_container_image": dataflow.image or cloud.image,
        "sdk_location": "container",
        "worker_machine_type": dataflow.machine_type,
        "max_num_workers": dataflow.max_workers,
        "disk_size_gb": dataflow.disk_gb,
        "service_account_email": vertex.service_account,
        "network": vertex.network.rpartition("/")[2],
        "dataflow_kms_key": vertex.encryption_key,
    }
    flags = [f"--{name}={value}" for name, value in args.items() if value]
    flags += [f"--labels={name}={value}" for name, value in cloud.labels.items()]
    flags += ["--experiments=use_runner_v2"]
    flags += [] if dataflow.public_ips else ["--no_use_public_ips"]
    return [*flags, *cloud.beam_args]
