"""Rules of Snakemake as Jobs that the oras-operator injects. Nothing here speaks to a cluster."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

PREFIX = "oras.converged-computing.github.io/"
WORK = "/data"
OUTPUTS = ".outputs"
MOST_INPUTS = 64

# What a rule has that a step cannot have, and what to write instead
UNFIT = {
    "is_script": "has script:, which needs Snakemake in the container; call the script in shell:",
    "is_notebook": "has notebook:, which needs Snakemake in the container; call jupyter in shell:",
    "is_wrapper": "has wrapper:, which needs Snakemake in the container; write its command in shell:",
    "is_cwl": "has cwl:, which needs Snakemake in the container; write its command in shell:",
    "is_template_engine": "has template_engine:, which needs Snakemake in the container; use shell:",
    "is_checkpoint": "is a checkpoint; write a rule, whose outputs are known beforehand",
    "is_pipe": "has pipe(); write the output without it",
    "is_service": "has service(); write the output without it",
    "conda_env_spec": "has conda:; write an image that has the programs in container:",
    "env_modules": "has envmodules:; write an image that has the programs in container:",
    "benchmark": "has benchmark:, which Snakemake measures itself; take the times of the Job",
}
MARKED = {
    "temp": "is temp(); write it without: spec.retention of the OrasCache deletes what is old",
    "protected": "is protected(); write it without: an artifact is not changed by the steps that read it",
}


def problems_of(job: Any) -> list[str]:
    """Everything because of which a job cannot be a step, as sentences."""
    found = [f"{says}." for name, says in UNFIT.items() if getattr(job, name, None)]
    if not found and not job.is_shell:
        found.append("has run:, which needs Snakemake in the container; write shell:.")
    if job.is_shell and not image_of(job):
        found.append("has no container:; write the image that has its programs.")
    if job.group is not None:
        found.append("is in a group; write it without: each job is a Job.")
    for path in job.output:
        flags = getattr(path, "flags", {})
        found += [f"has the output {path}, which {says}." for mark, says in MARKED.items() if flags.get(mark)]
    for path in [*job.input, *job.output, *job.log]:
        parts = str(path).split("/")
        if str(path).startswith("/") or ".." in parts:
            found.append(f"names {path}; write it from the working directory, without .. in it.")
        elif parts[0] == OUTPUTS:
            found.append(f"names {path}, and {OUTPUTS} is where outputs are put; write another name.")
    return [f"The rule {job.rule.name} {says}" for says in dict.fromkeys(found)]


def image_of(job: Any) -> str:
    """The image of a job, without the scheme that Snakemake wants before it."""
    return str(job.container_img_url or "").removeprefix("docker://")


def name_of(start: str, rule: str, files: Iterable[str]) -> str:
    """A name of at most 63 characters for a job of a rule, the same for the same files."""
    digest = hashlib.sha256("\0".join([rule, *files]).encode()).hexdigest()[:8]
    label = re.sub("[^a-z0-9]+", "-", f"{start}-{rule}".lower()).strip("-")
    return f"{label[:54].rstrip('-')}-{digest}"


def script_of(job: Any) -> str:
    """What the shell of a step runs: the command, then its outputs and logs go where they are pushed from."""
    outputs, logs = [str(path) for path in job.output], [str(path) for path in job.log]
    folders = sorted({path.rpartition("/")[0] for path in [*outputs, *logs]} - {""})
    move = [f"mv {shlex.quote(f'./{path}')} {shlex.quote(f'{OUTPUTS}/{path}')}" for path in outputs]
    move += [
        f"if [ -e {shlex.quote(f'./{path}')} ]; then mv {shlex.quote(f'./{path}')} {shlex.quote(f'{OUTPUTS}/{path}')}; fi"
        for path in logs
    ]
    here = " ".join(shlex.quote(f"./{folder}") for folder in folders)
    there = " ".join([OUTPUTS, *(shlex.quote(f"{OUTPUTS}/{folder}") for folder in folders)])
    made = [f"mkdir -p {here}"] if folders else []
    return "\n".join(["set -eu", *made, f"(\n{job.shellcmd}\n)", f"mkdir -p {there}", *move, ""])


def resources_of(job: Any) -> dict[str, Any]:
    """Requests and limits. What Snakemake does not know yet is no number."""
    known = {name: value for name, value in job.resources.items() if isinstance(value, int)}
    requests = {"cpu": str(job.threads)}
    limits = {}
    if "mem_mb" in known:
        requests["memory"] = limits["memory"] = f"{known['mem_mb']}M"
    if "disk_mb" in known:
        requests["ephemeral-storage"] = limits["ephemeral-storage"] = f"{known['disk_mb']}M"
    return {"requests": requests, **({"limits": limits} if limits else {})}


def manifest_of(
    job: Any, *, name: str, inputs: Sequence[str], output: str, run: str, cache: str | None
) -> dict[str, Any]:
    """The Job of a job.

    :param name: of the Job
    :param inputs: artifacts that it waits for
    :param output: the artifact that it makes
    :param run: value of $(RUN) in artifacts
    :param cache: name of the OrasCache, where it is not the default
    """
    if len(inputs) > MOST_INPUTS:
        raise ValueError(
            f"The rule {job.rule.name} needs the outputs of {len(inputs)} jobs, and a step waits for "
            f"{MOST_INPUTS} at most; write rules between that put some together."
        )
    annotations = {"run": run, "output-uri": output, "output-path": f"{WORK}/{OUTPUTS}/."}
    if cache is not None:
        annotations["oras-cache"] = cache
    if inputs:
        annotations |= {f"input-uri_{number}": uri for number, uri in enumerate(inputs, 1)}
        annotations |= {"input-path": WORK, "wait-for-inputs": "true"}
    container = {
        "name": "rule",
        "image": image_of(job),
        "workingDir": WORK,
        "command": ["sh", "-c"],
        # The kubelet makes of $$ one $
        "args": [re.sub(r"\$(?=[$(])", "$$", script_of(job))],
        "resources": resources_of(job),
        "volumeMounts": [{"name": "data", "mountPath": WORK}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": {"snakemake-run": run},
            "annotations": {PREFIX + key: value for key, value in annotations.items()},
        },
        "spec": {
            "backoffLimit": int(job.restart_times),
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [container],
                    "volumes": [{"name": "data", "emptyDir": {}}],
                }
            },
        },
    }
