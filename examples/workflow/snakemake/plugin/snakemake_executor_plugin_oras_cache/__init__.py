"""Runs each job of Snakemake as a Kubernetes Job whose files pass through an OrasCache."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

from .steps import manifest_of, name_of, problems_of


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Options of the plugin: --oras-cache-NAME."""

    # Snakemake reads these types, and knows no other way to write them
    name: Optional[str] = field(default=None, metadata={"help": "OrasCache, where it is not the default"})
    namespace: Optional[str] = field(default=None, metadata={"help": "namespace; else that of the kubeconfig"})
    prefix: str = field(default="snakemake", metadata={"help": "what names and repositories begin with"})
    run: Optional[str] = field(default=None, metadata={"help": "name of this run; else the time"})


common_settings = CommonSettings(
    non_local_exec=True,
    # True would demand a storage provider
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=False,
    auto_deploy_default_storage_provider=False,
    init_seconds_before_status_checks=1,
)


class Executor(RemoteExecutor):
    """What Snakemake gives its jobs to."""

    def __post_init__(self) -> None:
        """Refuses, before the first Job is there, what cannot be a step."""
        self.settings: ExecutorSettings = self.workflow.executor_settings
        self.run_name = self.settings.run or time.strftime("%Y%m%d-%H%M%S")
        self.made: dict[str, str] = {}
        self.put: set[str] = set()
        jobs = [job for job in self.workflow.dag.needrun_jobs() if not job.is_local]
        problems = dict.fromkeys(problem for job in jobs for problem in problems_of(job))
        if problems:
            raise WorkflowError("\n".join(problems))

    def run_job(self, job: Any) -> None:
        """Puts the files that no job makes, and creates the Job."""
        files = [str(path) for path in job.output] or [str(job.jobid)]
        name = name_of(f"{self.settings.prefix}-{self.run_name}", job.rule.name, files)
        output = f"{self.settings.prefix}/{name_of('', job.rule.name, files)}:$(RUN)"
        inputs = [str(path) for path in job.input]
        needed = dict.fromkeys(self.made[path] for path in inputs if path in self.made)
        given = sorted({path for path in inputs if path not in self.made})
        try:
            manifest = manifest_of(
                job,
                name=name,
                inputs=[*needed, *([self.put_files(given)] if given else [])],
                output=output,
                run=self.run_name,
                cache=self.settings.name,
            )
        except ValueError as error:
            raise WorkflowError(str(error)) from error
        self.kubectl("apply", "-f", "-", given=json.dumps(manifest))
        self.made.update(dict.fromkeys((str(path) for path in [*job.output, *job.log]), output))
        info = SubmittedJobInfo(job, external_jobid=name, aux={"output": output})
        self.report_job_submission(info)

    def put_files(self, paths: list[str]) -> str:
        """Puts files as one artifact, once for all jobs that read the same."""
        artifact = f"{self.settings.prefix}/given/{name_of('', 'files', paths)}:{self.run_name}"
        if artifact not in self.put:
            with tempfile.TemporaryDirectory() as folder:
                for path in paths:
                    target = Path(folder, path)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if Path(path).is_dir():
                        shutil.copytree(path, target, symlinks=True)
                    else:
                        shutil.copy2(path, target)
                self.cache("put", f"{folder}/.", artifact)
            self.put.add(artifact)
        return artifact

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo]:
        """Gets what Jobs have made that are complete; a client that has left does not come here."""
        for info in active_jobs:
            job = json.loads(self.kubectl("get", "job", info.external_jobid, "-o", "json"))
            conditions = job.get("status", {}).get("conditions", [])
            ended = {each["type"]: each for each in conditions if each["status"] == "True"}
            if "Complete" in ended:
                self.cache("get", info.aux["output"].replace("$(RUN)", self.run_name), "-o", ".")
                self.report_job_success(info)
            elif "Failed" in ended:
                says = ended["Failed"].get("message", "")
                self.report_job_error(info, msg=f"Job {info.external_jobid}: {says} ")
            else:
                yield info

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Deletes the Jobs that have not ended."""
        if names := [info.external_jobid for info in active_jobs]:
            self.kubectl("delete", "job", "--ignore-not-found", "--wait=false", *names)

    def cache(self, *words: str) -> str:
        """Runs a command of the plugin of kubectl."""
        name = ["--cache", self.settings.name] if self.settings.name else []
        return self.kubectl("oras-cache", *words, *name)

    def kubectl(self, *words: str, given: str = "") -> str:
        """Runs kubectl in the namespace, and returns what it prints."""
        namespace = ["-n", self.settings.namespace] if self.settings.namespace else []
        ended = subprocess.run(
            ["kubectl", *words, *namespace], input=given, text=True, capture_output=True, check=False
        )
        if ended.returncode != 0:
            raise WorkflowError(f"kubectl {words[0]} {words[1]}: {ended.stderr.strip()}")
        return ended.stdout
