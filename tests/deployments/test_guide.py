"""The guide's table of deployments is that of prefect.yaml."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_guide_names_every_deployment_and_its_flow() -> None:
    declared = set[tuple[str, str]]()
    for one in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]:
        flow = one["entrypoint"].rpartition(".")[2]
        declared.add((f"{flow.replace('_', '-')}/{one['name']}", f"flows/{flow}.py"))
    lines = (ROOT / "docs" / "guide" / "prefect.md").read_text().splitlines()
    cells = [line.split("`") for line in lines if line.startswith("| `")]
    assert {(one[1], one[-2]) for one in cells} == declared and len(cells) == len(declared)
