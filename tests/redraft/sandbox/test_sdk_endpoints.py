"""Every endpoint call of Together's SDK that serving needs, sync and async with strict validation."""

from __future__ import annotations

import itertools
import json
import time

import pytest
import together

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
ONE = {"min_replicas": 1, "max_replicas": 1}
NONE = {"min_replicas": 0, "max_replicas": 0}


def row(number: int) -> dict:
    asked = {"role": "user", "content": f"Question {number}"}
    return {"messages": [asked, {"role": "assistant", "content": "They drink."}]}


@pytest.fixture
def config(asked) -> str:
    """The config of the base model, found as Together's command line finds it."""
    base = asked(lambda client: client.models.list_supported(product="PRODUCT_FINE_TUNING", search=BASE)).data[0]
    [found] = asked(lambda client: client.models.configs.list(reference_model_id=base.base_model_id)).data
    assert base.deployment_profiles[0].config == f"projects/{found.project_id}/configs/{found.id}"
    return base.deployment_profiles[0].config


@pytest.fixture
def trained(asked, tmp_path):
    job = asked.submitted(asked.uploaded(tmp_path / "train.jsonl", [row(n) for n in range(20)]), suffix="served")
    return asked.ended(job, "completed")


def resource(job) -> str:
    return f"projects/proj_sandbox/models/{job.api_model_object_id}/revisions/{job.api_model_object_revision_id}"


def opened(asked, name: str, **settings):
    """An endpoint and its deployment, with all live traffic on it."""
    endpoint = asked(lambda client: client.endpoints.create(name=name))
    deployment = asked(
        lambda client: client.endpoints.deployments.create(
            endpoint.id, **{"name": "only", "autoscaling": ONE, "inactive_timeout": 30} | settings
        )
    )
    split = [{"deployment_id": deployment.id, "weight": 1}]
    asked(lambda client: client.endpoints.update(endpoint.id, traffic_split=split, update_mask="trafficSplit"))
    return endpoint, deployment


def until(asked, endpoint, deployment, state: str):
    return asked.until(
        lambda client: client.endpoints.deployments.retrieve(deployment.id, endpoint_id=endpoint.id),
        lambda got: got.status.state == f"DEPLOYMENT_STATE_{state}",
    )


def says(asked, model: str) -> str:
    messages = [{"role": "user", "content": "How do trees drink?"}]
    answer = asked(lambda client: client.chat.completions.create(model=model, messages=messages))
    return answer.choices[0].message.content


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_the_catalogue(asked, config):
    me = asked(lambda client: client.whoami())
    assert asked(lambda client: client.projects.list()).data[0].id == me.project.id == "proj_sandbox"
    base = base_id(asked)
    [found] = asked(lambda client: client.models.configs.list(reference_model_id=base)).data
    assert config.endswith(f"/{found.id}")
    chosen = {one.key: one.value for one in found.selectors}
    name = f"{chosen['accelerator_count']}x{chosen['accelerator_type']}"
    hardware = {one.name: one for one in asked(lambda client: client.endpoints.hardware.list()).data}
    assert hardware[name].price_cents_per_hour == 399
    assert asked(lambda client: client.endpoints.hardware.retrieve(hardware[name].id)) == hardware[name]
    assert asked(lambda client: client.models.configs.retrieve(found.id)) == found
    pages = [asked(lambda client, after=after: client.models.list_supported(limit=2, after=after)) for after in "024"]
    names = [one.name for page in pages for one in page.data]
    assert len(set(names)) == len(names) >= 5 and pages[0].next_cursor == "2" and pages[2].next_cursor is None
    with pytest.raises(together.NotFoundError):
        asked(lambda client: client.endpoints.list(project_id="proj_other"))


def base_id(asked) -> str:
    return asked(lambda client: client.models.list_supported(search=BASE)).data[0].id


def test_a_deployment_lives_answers_and_stops(asked, config, trained, sandbox):
    listed = asked(lambda client: client.models.list()).data
    assert {one.weights.type for one in listed} == {"WEIGHTS_TYPE_DEFAULT", "WEIGHTS_TYPE_ADAPTER"}
    assert asked(lambda client: client.models.retrieve(trained.api_model_object_id)).base_model_id == base_id(asked)
    endpoint, deployment = opened(asked, "trees", model=resource(trained), config=config)
    assert endpoint.name == "sandbox-project/trees" and deployment.status.state == "DEPLOYMENT_STATE_PROVISIONING"
    with pytest.raises(together.InternalServerError, match="is starting"):
        says(asked, endpoint.name)
    ready = until(asked, endpoint, deployment, "READY")
    assert (ready.hardware, ready.status.ready_replicas, ready.inactive_timeout) == ("1xnvidia-h100-80gb", 1, 30)
    shown = asked(lambda client: client.endpoints.retrieve(endpoint.id))
    assert shown.deployments[0].estimated_effective_traffic_share == 1.0
    answers = {says(asked, name) for name in (endpoint.name, deployment.name)}
    assert all(one.startswith("[simulated answer") for one in answers)
    with pytest.raises(together.BadRequestError, match="scale it to zero"):
        asked(lambda client: client.endpoints.deployments.delete(deployment.id, endpoint_id=endpoint.id))
    with pytest.raises(together.BadRequestError, match="1 deployments"):
        asked(lambda client: client.endpoints.delete(endpoint.id))
    assert sandbox.stats()["serving"]["running"] == ["trees/only"]
    asked(
        lambda client: client.endpoints.deployments.update(
            deployment.id, endpoint_id=endpoint.id, autoscaling=NONE, update_mask="autoscaling"
        )
    )
    stopped = until(asked, endpoint, deployment, "STOPPED")
    assert stopped.status.message == "Stopped: scaled to zero" and stopped.desired_replicas == 0
    with pytest.raises(together.BadRequestError, match="is stopped"):
        says(asked, endpoint.name)
    hours = sandbox.stats()["serving"]
    assert hours["ready"] == 0 and hours["hours"] > 0
    assert hours["dollars"] == pytest.approx(hours["hours"] * 3.99) and sandbox.stats()["serving"] == hours
    scaled = {"deployment_ids": [deployment.id], "types": ["deployment.scaled"]}
    told = asked(lambda client: client.endpoints.list_events(endpoint.id, **scaled)).data
    assert [(one.old_replicas, one.new_replicas) for one in told] == [(1, 0), (0, 1)], "the newest first"
    first = asked(lambda client: client.endpoints.list_events(endpoint.id)).data[-1]
    assert (first.type, first.source_kind) == ("endpoint.created", "SOURCE_KIND_ENDPOINT")
    asked(lambda client: client.endpoints.deployments.delete(deployment.id, endpoint_id=endpoint.id))
    assert asked(lambda client: client.endpoints.deployments.list(endpoint.id)).data == []
    asked(lambda client: client.endpoints.delete(endpoint.id))
    with pytest.raises(together.NotFoundError):
        asked(lambda client: client.endpoints.retrieve(endpoint.id))
    stats = sandbox.stats()
    assert (stats["endpoints"], stats["deployments"]) == ({"trees": 1}, {"trees/only": 1})


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_it_stops_when_nobody_asks_and_fails_on_demand(asked, config, trained):
    endpoint, deployment = opened(asked, "idle", model=resource(trained), config=config)
    until(asked, endpoint, deployment, "READY")
    awake = time.monotonic() + 1.2
    while time.monotonic() < awake:  # 30 minutes are 0.9 s here, and start anew with each call
        says(asked, endpoint.name)
    assert until(asked, endpoint, deployment, "STOPPED").status.message == "Stopped: inactive"
    again = asked(
        lambda client: client.endpoints.deployments.update(deployment.id, endpoint_id=endpoint.id, autoscaling=ONE)
    )
    assert again.status.state == "DEPLOYMENT_STATE_PROVISIONING", "asked for again, it starts again"
    bad, broken = opened(asked, "bad-one", model=resource(trained), config=config)
    until(asked, bad, broken, "FAILED")
    with pytest.raises(together.BadRequestError, match="is not running"):
        says(asked, bad.name)


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_what_is_refused(asked, config, trained, sandbox):
    endpoint = asked(lambda client: client.endpoints.create(name="strict"))
    with pytest.raises(together.ConflictError):
        asked(lambda client: client.endpoints.create(name="sandbox-project/strict"))
    with pytest.raises(together.BadRequestError, match="no name"):
        asked(lambda client: client.endpoints.create(name="two words"))
    good = {"name": "d", "autoscaling": ONE, "model": resource(trained), "config": config}
    other = asked(lambda client: client.models.list_supported(search="openai/gpt-oss-120b")).data[0]
    for wrong, message in (
        ({"inactive_timeout": 10}, "between 30 and 1440"),
        ({"autoscaling": {"min_replicas": 2, "max_replicas": 1}}, "maxReplicas"),
        ({"config": other.deployment_profiles[0].config}, "not compatible"),
        ({"model": "ml_1"}, "is not projects/PROJECT/models/MODEL"),
    ):
        with pytest.raises(together.BadRequestError, match=message):
            asked(lambda client, wrong=wrong: client.endpoints.deployments.create(endpoint.id, **good | wrong))
    asked(lambda client: client.endpoints.deployments.create(endpoint.id, **good, validate_only=True))
    assert sandbox.stats()["deployments"] == {}
    made = asked(lambda client: client.endpoints.deployments.create(endpoint.id, **good | {"autoscaling": NONE}))
    assert made.status.state == "DEPLOYMENT_STATE_STOPPED"
    with pytest.raises(together.BadRequestError, match="routes to no deployment"):
        says(asked, endpoint.name)
    with pytest.raises(together.ConflictError, match="has changed since"):
        asked(lambda client: client.endpoints.update(endpoint.id, etag="old", traffic_split=[]))
    fresh = asked(lambda client: client.endpoints.update(endpoint.id, etag=endpoint.etag, traffic_split=[]))
    assert fresh.etag != endpoint.etag
    assert asked(lambda client: client.endpoints.list(filter='name:"stri*"')).data[0].id == endpoint.id
    assert asked(lambda client: client.endpoints.list(filter='name = "other"')).data == []
    with pytest.raises(together.BadRequestError, match="filter"):
        asked(lambda client: client.endpoints.list(filter="size > 3"))


def test_an_adapter_is_attached_to_its_base(asked, config, trained):
    base = asked(lambda client: client.models.list_supported(search=BASE)).data[0]
    endpoint, deployment = opened(asked, "host", model=base.base_model, config=config)
    at = {"endpoint_id": endpoint.id, "deployment_id": deployment.id}
    made = asked(
        lambda client: client.endpoints.adapters.create(
            endpoint_id=endpoint.id, deployment_id=deployment.id, adapter_model_id=trained.adapter_object_id
        )
    )
    until(asked, endpoint, deployment, "READY")
    held = asked(lambda client: client.endpoints.adapters.retrieve(made.id, **at))
    assert held.per_cluster[0].state == "ADAPTER_LOAD_STATE_READY"
    assert [one.id for one in asked(lambda client: client.endpoints.adapters.list(**at)).data] == [made.id]
    assert says(asked, trained.adapter_object_name) and says(asked, f"{endpoint.name}:{trained.adapter_object_name}")
    revision = {"adapter_revision_id": trained.adapter_object_revision_id, "etag": made.etag}
    changed = asked(lambda client: client.endpoints.adapters.update(made.id, **at, **revision))
    with pytest.raises(together.ConflictError):
        asked(lambda client: client.endpoints.adapters.delete(made.id, **at, etag=made.etag))
    asked(lambda client: client.endpoints.adapters.delete(made.id, **at, etag=changed.etag))
    with pytest.raises(together.NotFoundError):
        says(asked, trained.adapter_object_name)


@pytest.fixture(scope="module")
def dedicated_options(tmp_path_factory):
    state = tmp_path_factory.mktemp("dedicated") / "state.db"
    strength = ["sandbox/*=3", "*=-3"]
    return {
        "dedicated": True,
        "endpoint_seconds": 0.1,
        "job_seconds": 0.2,
        "file_seconds": 0.05,
        "state": str(state),
        "strength": strength,
        "quality_sd": 0,
    }


def test_dedicated_models_answer_through_their_endpoint_over_a_crash(start, asking, dedicated_options, tmp_path):
    first = start(**dedicated_options)
    asked = asking(first.url)
    job = asked.ended(asked.submitted(asked.uploaded(tmp_path / "t.jsonl", [row(1)])), "completed")
    with pytest.raises(together.BadRequestError, match="non-serverless"):
        says(asked, job.x_model_output_name)
    assert "q=-3.000" in says(asked, BASE)
    config = asked(lambda client: client.models.list_supported(search=BASE)).data[0].deployment_profiles[0].config
    endpoint, deployment = opened(asked, "kept", model=resource(job), config=config)
    until(asked, endpoint, deployment, "READY")
    assert "q=+3.000" in says(asked, endpoint.name), "the endpoint speaks as the model that was trained"
    before = first.stats()["serving"]
    first.kill()
    second = start(**dedicated_options)
    asked = asking(second.url)
    assert "q=+3.000" in says(asked, endpoint.name)
    after = second.stats()["serving"]
    assert after["running"] == before["running"] == ["kept/only"] and after["hours"] > before["hours"]


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_a_lost_answer_is_no_lost_endpoint(asked, config, trained, sandbox, tmp_path):
    def lose(path: str, fault: str = "error_500") -> None:
        sandbox.post("/sandbox/script", [{"match": path, "do": {"fault": fault, "after": True}}])

    lose("POST /v2/projects/proj_sandbox/endpoints\n")
    with pytest.raises(together.InternalServerError):
        asked(lambda client: client.endpoints.create(name="lost"))
    [endpoint] = asked(lambda client: client.endpoints.list(filter='name = "sandbox-project/lost"')).data
    lose("/deployments\n", "reset_headers")
    with pytest.raises(together.APIConnectionError):
        asked(
            lambda client: client.endpoints.deployments.create(
                endpoint.id, name="d", autoscaling=ONE, model=resource(trained), config=config
            )
        )
    lose("PUT /sandbox/storage/")
    (tmp_path / "more.jsonl").write_text(json.dumps(row(7)))
    with pytest.raises(together.APIError, match="The server had an error"):
        asked(lambda client: client.files.upload(tmp_path / "more.jsonl", purpose="fine-tune"))
    lose("POST /v1/fine-tunes\n", "error_503")
    with pytest.raises(together.InternalServerError):
        asked.submitted(trained.training_file, suffix="unheard")
    stats = sandbox.stats()
    assert (stats["endpoints"], stats["deployments"]) == ({"lost": 1}, {"lost/d": 1})
    assert stats["jobs"] == {"served": 1, "unheard": 1} and stats["files"] == {"train.jsonl": 1, "more.jsonl": 1}
    assert stats["uploads"] == 2


def test_shares_of_the_other_routes_fail(start, http_call):
    faults = {"route_fault": ["error_500=0.2", "after:error_503=0.1", "limited_seconds=0.1"], "seed": 3}
    one = start(**faults)

    def statuses(count: int = 200):
        return [http_call(one.url, "/v1/fine-tunes").status for _ in range(count)]

    got = statuses()
    assert {got.count(status) > 5 for status in (200, 500, 503, 429)} == {True}
    assert got.count(500) == pytest.approx(40, abs=18) and got.count(200) == pytest.approx(120, abs=24)
    one.post("/sandbox/reset")
    assert statuses() == got, "the same seed fails in the same places"
    names = (f"e{number}" for number in itertools.count())
    path = "/v2/projects/proj_sandbox/endpoints"
    made = [http_call(one.url, path, {"name": name}).status for name, _ in zip(names, range(100), strict=False)]
    assert sum(one.stats()["endpoints"].values()) == made.count(200) + made.count(503) < 100
