"""Options of the stages that Beam runs, on Dataflow or on the machine of the stage."""

from data_prep.beam_options import beam_flags
from pipeline.cloud.cloud_config import CloudConfig


def beam_args_of(cloud: CloudConfig, stage: str) -> list[str]:
    """Return the options of a stage, if Beam runs it.

    By default it uses all CPUs of its machine: one process would take days for what a cloud is
    needed for. With Dataflow, `cloud.beam_args` are more options of it.
    """
    if cloud.dataflow is None:
        cpus = max(int(cloud.stage(stage).cpus), 1)
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
        "subnetwork": dataflow.subnetwork,
        "dataflow_kms_key": vertex.encryption_key,
    }
    flags = [f"--{name}={value}" for name, value in args.items() if value]
    flags += [f"--labels={name}={value}" for name, value in cloud.labels.items()]
    flags += ["--experiments=use_runner_v2"]
    flags += [] if dataflow.public_ips else ["--no_use_public_ips"]
    return [*flags, *cloud.beam_args]
