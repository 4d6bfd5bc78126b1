"""No answer of the sandbox is off the schema: schemathesis on Together's specification, and on the SDK's own types.

The specification is older than the SDK, which is right where they differ. What is left out, and why:
POST /files/upload (the SDK announces, PUTs and preprocesses instead); /fine-tunes/models/supported (the SDK asks
/v2/supported-models); /endpoints and /hardware (v1, which the SDK no longer speaks; v2 is checked by its types).
An ambiguous oneOf is read as anyOf, the types of events are the SDK's, a job's id is ft-… and no bare UUID. Statuses
are not compared: for most operations the specification lists 200 alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from together import types
from together.types import endpoints as endpoint_types
from together.types.endpoints import deployment_create_params, deployment_update_params

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
CHECKED = re.compile(r"^/(files|fine-tunes|finetune)\b")
LEFT_OUT = {"/files/upload", "/fine-tunes/models/supported"}
EXAMPLES = 12
PROJECT = "/v2/projects/proj_sandbox/endpoints"
EMPTY = {"type": "object"}


def probe(schema: Any, url: str, known: Callable[[Any], None]) -> Counter[str]:
    """Asks every operation; `known` puts what exists into half of the cases. How often each answered with 200."""
    answered: Counter[str] = Counter()
    load_all_checks()
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), exists=st.booleans())
        def ask(case: Any, exists: bool) -> None:
            if exists:
                known(case)
            response = case.call(base_url=url, headers={"Authorization": "Bearer k"})
            checks = [not_a_server_error]
            if response.status_code < 300:
                checks += [content_type_conformance, response_schema_conformance]
                answered[f"{case.operation.method.upper()} {case.operation.path}"] += 1
            case.validate_response(response, checks=checks)

        ask()
    return answered


def test_the_specification(asking, sandbox, shared_spec, tmp_path):
    asked = asking(sandbox.url)
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    file = asked.uploaded(tmp_path / "train.jsonl", [row])
    job = asked.ended(asked.submitted(file), "completed").id

    def known(case: Any) -> None:
        path, method = case.operation.path, case.operation.method.upper()
        if "id" in case.path_parameters:
            # What is deleted or cancelled is made for it, so that the others find theirs.
            fresh = method == "DELETE" or path.endswith("/cancel")
            if path.startswith("/files"):
                case.path_parameters["id"] = file if not fresh else made_file(asked, tmp_path)
            else:
                case.path_parameters["id"] = job if not fresh else made_job(asked, file, method == "DELETE")
        if path == "/finetune/download":
            case.query = {"ft_id": job, "checkpoint": "adapter"}
        if path == "/fine-tunes/models/limits":
            case.query = {"model_name": BASE}
        if path in ("/fine-tunes", "/fine-tunes/estimate-price") and method == "POST":
            case.body = {"training_file": file, "model": BASE}

    answered = probe(shared_spec, f"{sandbox.url}/v1", known)
    operations = {f"{one.ok().method.upper()} {one.ok().path}" for one in shared_spec.get_all_operations()}
    assert len(operations) == 15 and set(answered) == operations, "each has answered, and not with refusals alone"


def made_file(asked: Any, folder: Path) -> str:
    made_file.count = getattr(made_file, "count", 0) + 1  # type: ignore[attr-defined]
    row = {"prompt": f"{made_file.count}", "completion": "c"}  # type: ignore[attr-defined]
    return asked.uploaded(folder / "more.jsonl", [row])


def made_job(asked: Any, file: str, ended: bool) -> str:
    job = asked.submitted(file)
    if ended:
        asked(lambda client: client.fine_tuning.cancel(job))
        asked.ended(job, "cancelled")
    return job


@pytest.fixture
def shared_spec(shared_folder) -> Any:
    """The specification's operations on files and fine-tuning jobs."""
    whole = yaml.safe_load((shared_folder / "specs" / "together-openapi.yaml").read_text())
    schemas = whole["components"]["schemas"]
    # Cosine arguments fit both of its alternatives; the SDK sends and reads them.
    curve = schemas["LRScheduler"]["properties"]["lr_scheduler_args"]
    curve["anyOf"] = curve.pop("oneOf")
    del schemas["FinetuneResponse"]["properties"]["id"]["format"]
    schemas["FinetuneEventType"]["enum"] = list(get_args(types.FinetuneEventType))
    whole["paths"] = {
        path: item for path, item in whole["paths"].items() if CHECKED.match(path) and path not in LEFT_OUT
    }
    return schemathesis.openapi.from_dict(whole)


@pytest.fixture
def shared_folder() -> Path:
    folder = Path(__file__).resolve().parents[4] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder shared/ is not beside the checkout")
    return folder


def camel(word: str) -> str:
    head, *tail = word.split("_")
    return head + "".join(part.title() for part in tail)


def wire(schema: Any) -> Any:
    """A schema of the SDK's parameters with the names that go over the wire, without those of path and query."""
    if isinstance(schema, list):
        return [wire(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: wire(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        away = {"project_id", "endpoint_id", "update_mask", "validate_only"}
        changed["properties"] = {camel(k): wire(v) for k, v in schema["properties"].items() if k not in away}
        changed["required"] = [camel(name) for name in schema.get("required", []) if name not in away]
    return changed


class SdkSpec:
    """An OpenAPI document out of the SDK's types."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}
        self.paths: dict[str, dict[str, Any]] = {}

    def add(self, method: str, path: str, answer: Any, body: Any = None) -> None:
        operation: dict[str, Any] = {"responses": {"200": self._content(answer) | {"description": "fine"}}}
        if names := re.findall(r"{(\w+)}", path):
            places = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
            operation["parameters"] = places
        if body is not None:
            operation["requestBody"] = self._content(body, wire) | {"required": True}
        self.paths.setdefault(path, {})[method] = operation

    def _content(self, kind: Any, change: Callable[[Any], Any] = lambda schema: schema) -> dict[str, Any]:
        made = EMPTY if kind is None else TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
        made = change(dict(made))
        self.components |= made.pop("$defs", {})
        return {"content": {"application/json": {"schema": made}}}

    def loaded(self) -> Any:
        about = {"openapi": "3.1.0", "info": {"title": "v2", "version": "1"}, "paths": self.paths}
        return schemathesis.openapi.from_dict(about | {"components": {"schemas": self.components}})


def sdk_spec() -> Any:
    spec = SdkSpec()
    one, under = f"{PROJECT}/{{id}}", f"{PROJECT}/{{endpoint}}/deployments"
    spec.add("get", "/v2/public/inference-instance-types", endpoint_types.HardwareListResponse)
    spec.add("post", PROJECT, types.Endpoint, types.EndpointCreateParams)
    spec.add("get", one, types.Endpoint)
    spec.add("patch", one, types.Endpoint, types.EndpointUpdateParams)
    spec.add("delete", one, types.EndpointDeleteResponse)
    spec.add("post", under, types.EndpointDeployment, deployment_create_params.DeploymentCreateParams)
    spec.add("get", f"{under}/{{id}}", types.EndpointDeployment)
    spec.add("patch", f"{under}/{{id}}", types.EndpointDeployment, deployment_update_params.DeploymentUpdateParams)
    spec.add("delete", f"{under}/{{id}}", endpoint_types.DeploymentDeleteResponse)
    spec.add("post", "/v1/fine-tunes/preview", types.FineTunePreviewResponse, types.FineTuningPreviewParams)
    return spec.loaded()


def test_what_the_sdk_knows_beyond_the_specification(asking, sandbox, tmp_path):
    asked = asking(sandbox.url)
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    file = asked.uploaded(tmp_path / "train.jsonl", [row])
    base = asked(lambda client: client.models.list_supported(search=BASE)).data[0]
    deployed = {"model": base.base_model, "config": base.deployment_profiles[0].config}
    made = iter(range(1000))

    def stopped(endpoint: str) -> str:
        none = {"min_replicas": 0, "max_replicas": 0}
        settings_ = {"name": f"d{next(made)}", "autoscaling": none} | deployed
        return asked(lambda client: client.endpoints.deployments.create(endpoint, **settings_)).id

    endpoint = asked(lambda client: client.endpoints.create(name="probed")).id
    deployment = stopped(endpoint)

    def known(case: Any) -> None:
        path, method = case.operation.path, case.operation.method.upper()
        below = path.endswith("/deployments/{id}")
        if "endpoint" in case.path_parameters:
            case.path_parameters["endpoint"] = endpoint
        if "id" in case.path_parameters:
            existing, fresh = (deployment, lambda: stopped(endpoint)) if below else (endpoint, new)
            case.path_parameters["id"] = fresh() if method == "DELETE" else existing
        if method == "POST" and path == PROJECT:
            case.body = {"name": f"e{next(made)}"}
        elif method == "POST" and "deployments" in path:
            scale = {"minReplicas": 1, "maxReplicas": 2}
            case.body = {"name": f"d{next(made)}", "autoscaling": scale} | deployed
        elif method == "PATCH":
            case.body = (
                {"inactiveTimeout": 60} if below else {"trafficSplit": [{"deploymentId": deployment, "weight": 1}]}
            )
        elif method == "POST":
            case.body = {"model": BASE, "training_file": file}

    def new() -> str:
        return asked(lambda client: client.endpoints.create(name=f"e{next(made)}")).id

    schema = sdk_spec()
    answered = probe(schema, sandbox.url, known)
    operations = {f"{one.ok().method.upper()} {one.ok().path}" for one in schema.get_all_operations()}
    assert len(operations) == 10 and set(answered) == operations
    assert json.dumps(answered)
