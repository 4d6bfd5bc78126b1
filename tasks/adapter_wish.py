"""What a flow wants an adapter to learn on this machine, looked through before anything is done: rows, model, settings,
place.

Neighbours: `local_training` has it trained, `adapter_artifacts` shows it; `redraft.training.adapting` does it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import msgspec
from prefect.runtime import flow_run

from redraft.chat_records import ChatSide
from redraft.datasets.files import require_folder
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError, InputError
from redraft.imitating.given_rows import GivenRows, given_rows
from redraft.imitating.tokens import TOKENS
from redraft.training.adapting.bases import adapter_revision, is_adapter, notes_in
from redraft.training.adapting.plans import LoraPlan, PlannedRows, write_plan
from redraft.training.adapting.preference_plans import DpoPlan, RewardPlan, RlPlan, require_adapter
from redraft.training.adapting.scoring import REWARD
from redraft.training.local.models import built_name, find_base
from redraft.training.local.orders import LocalOrder, LocalSettings
from redraft.training.local.plan import ADAPTING, TINY
from redraft.training.local.prerequisites import launcher_words, require_extra, require_setup
from redraft.training.local.reading import name_of
from redraft.training.policies import policy_named
from redraft.training.purged_models import require_unmarked
from redraft.training.registry import Registry
from tasks.adapter_artifacts import AdapterArtifacts

Kind = Literal["lora", "dpo", "reward", "rl"]
AdapterPlan = LoraPlan | DpoPlan | RewardPlan | RlPlan
# In a run's folder.
ROWS, HELD_OUT = "data/rows.jsonl", "data/held_out.jsonl"


class Found(NamedTuple):
    """A model on this machine: `model` and `revision` name it in a plan, `identity` is what it is, whatever it is
    called, `path` where it lies (None: it is built on the spot), `title` what people call it."""

    model: str
    revision: str | None
    identity: str
    path: Path | None
    title: str


class AdapterWish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be learned into the folder `output`. `reward` is what a reward model is, whatever it is called."""

    kind: Kind
    plan: AdapterPlan
    found: Found
    rows: GivenRows
    held_out: GivenRows | None
    output: Path
    dataset: Path
    dataset_hash: str
    reward: str = ""
    launcher: tuple[str, ...] = ()
    policy: str = "attach"

    @property
    def name(self) -> str:
        """Of the run."""
        return name_of(self.output)

    def order(self) -> LocalOrder:
        settings = LocalSettings(
            base_model=self.found.title,
            revision=self.found.identity,
            suffix=self.name,
            settings=cast("Any", self.plan.settings),
            more=self._more(),
        )
        held_out = {} if self.held_out is None else {"held out": self.held_out.rows}
        return LocalOrder(
            folder=self.output,
            content_sha256=self.rows.sha256,
            rows=self.rows.rows,
            counts={self.kind: self.rows.rows, **held_out},
            settings=settings,
            launcher=self.launcher,
            policy=policy_named(self.policy),
            simulated=self.plan.simulated,
            dataset_path=self.dataset,
            dataset_hash=self.dataset_hash,
            run=str(flow_run.id) if flow_run.id else None,
            name=self.dataset.name,
        )

    def prepare(self, folder: Path, check: Callable[[], object], tell: Callable[[str], object]) -> None:
        """Writes the rows and the plan into the run's folder."""
        self.rows.write(folder / ROWS, check)
        if self.held_out is not None:
            self.held_out.write(folder / HELD_OUT, check)
        check()
        write_plan(folder, self.plan)

    def artifacts(self, registry: Registry) -> AdapterArtifacts:
        """Who shows it while it goes on."""
        return AdapterArtifacts(registry, self.name)

    def _more(self) -> dict[str, str]:
        """What else makes it another run: what is done, what is held out, how texts are cut into tokens, and by whose
        rewards."""
        tokens = hashlib.sha256(msgspec.json.encode(self.plan.tokens)).hexdigest()
        more = {"kind": self.kind, "tokens": tokens}
        if self.held_out is not None:
            more["held_out"] = self.held_out.sha256
        if self.reward:
            more["reward"] = self.reward
        if isinstance(self.plan, RlPlan) and self.plan.judged:
            more["judged"] = "yes"
        return more


def adapter_wish(
    *,
    kind: Kind,
    model: str,
    rows: Path,
    output: str,
    settings: Any,
    dataset: Dataset,
    held_out: Path | None = None,
    revision: str | None = None,
    reward: str = "",
    judged: bool = False,
    launcher: str = "",
    policy: str = "attach",
    simulated: bool = False,
) -> AdapterWish:
    """Everything looked through; a model of the Hub is fetched, where it is not here yet.

    `rows` and `held_out` are JSON Lines files; of a lora also the folder of a dataset of examples, whose sides `train`
    and `preference` are then rendered (`held_out` without an example is none). `dataset` is what the rows were made
    from. `model` is "tiny", an id at the Hub, or a folder: of a model, or `model/` of a run that trained an adapter,
    as dpo and rl need one; `reward` that of one that trained a reward model.

    Raises InputError and ConfigurationError, in one line, for rows, a model, a launcher or a place that cannot be used.
    """
    require_extra(ADAPTING)
    words = launcher_words(launcher)
    require_setup(settings, words)
    target = Path(output).absolute()
    require_folder(target)
    trained, apart = _given(rows, "train"), None if held_out is None else _rows(held_out, "preference")
    found = found_model(model, revision)
    rewarding = _reward(reward) if kind == "rl" else None
    given: dict[str, Any] = {
        "model": found.model,
        "revision": found.revision,
        "rows": PlannedRows(file=ROWS, sha256=trained.sha256),
        "tokens": TOKENS,
        "settings": settings,
        "simulated": simulated,
    }
    if kind == "rl":
        given |= {"reward": str(Path(reward).absolute()), "judged": judged}
    elif apart is not None:
        given["held_out"] = PlannedRows(file=HELD_OUT, sha256=apart.sha256)
    plan = _PLANS[kind](**given)
    if isinstance(plan, DpoPlan | RlPlan):
        require_adapter(plan)
    return AdapterWish(
        kind=kind, plan=plan, found=found, rows=trained, held_out=None if kind == "rl" else apart, output=target,
        dataset=dataset.path.absolute(), dataset_hash=dataset.content_hash, reward=rewarding or "", launcher=words,
        policy=policy_named(policy).name,
    )  # fmt: skip


_PLANS: dict[Kind, type[Any]] = {"lora": LoraPlan, "dpo": DpoPlan, "reward": RewardPlan, "rl": RlPlan}


def found_model(model: str, revision: str | None) -> Found:
    """The model that a plan is to name, fetched where it is not here yet; an adapter's folder is known by its weights.

    Raises ConfigurationError for a model that cannot be had, InputError for an adapter that was trained with other
    tokens than those of chats, and for a model that learnt from somebody who has left since.
    """
    if model == TINY:
        return Found(TINY, None, TINY, None, TINY)
    if Path(model).is_dir():
        require_unmarked(model)
    if is_adapter(model):
        if revision is not None:
            raise ConfigurationError(f"{model}: a folder has no revision; leave the revision {revision!r} out")
        folder = Path(model).absolute()
        if notes_in(folder).tokens != TOKENS:
            raise InputError(f"{folder}: was trained with other special tokens than chats have; train one on chats")
        return Found(str(folder), None, adapter_revision(folder), folder, str(folder))
    base = find_base(model, revision)
    if Path(model).is_dir():
        folder = base.path.absolute()
        return Found(str(folder), None, base.revision, folder, built_name(folder) or str(folder))
    return Found(model, base.revision, base.revision, base.path, model)


def _reward(folder: str) -> str:
    """What the reward model in a folder is."""
    if not folder:
        raise ConfigurationError("no reward model is named; give model/ of a run that trained one (kind reward)")
    if not (Path(folder) / REWARD).is_file():
        raise InputError(f"{folder}: no reward model; give model/ of a run that trained one (kind reward)")
    require_unmarked(folder)
    return adapter_revision(Path(folder))


def _given(path: Path, side: ChatSide) -> GivenRows:
    rows = _rows(path, side)
    if rows is None:
        what = f"no example of the side {side}" if path.is_dir() else "no rows"
        raise InputError(f"{path}: {what}; there is nothing to learn from")
    return rows


def _rows(path: Path, side: ChatSide) -> GivenRows | None:
    return given_rows(path, side if path.is_dir() else None)
