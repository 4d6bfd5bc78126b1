"""The methods section of an answering study's report: how the model was trained and measured, and how sure that is.

Neighbours: `answering_scores` has the formulas, `answering_report` puts the page together.
"""

from __future__ import annotations

from pathlib import Path

from redraft.datasets.curriculum_files import PHASES
from redraft.judging.pages import Paragraph
from redraft.training.local.models import built_name
from redraft.training.local.plan import CurriculumPlan
from tasks.answering_scores import Evaluations

_SQUAD = (
    "P. Rajpurkar, R. Jia, P. Liang (2018). Know what you don't know: unanswerable questions for SQuAD. ACL. "
    "arXiv:1806.03822."
)
_WILSON = (
    "E. B. Wilson (1927). Probable inference, the law of succession, and statistical inference. Journal of the "
    "American Statistical Association 22:209-212."
)


def paragraphs_of(plan: CurriculumPlan, found: Evaluations, *, simulated: bool) -> tuple[Paragraph, ...]:
    """Three paragraphs, with this run's numbers."""
    return (
        Paragraph(title="Training", text=_training(plan, simulated=simulated)),
        Paragraph(title="Evaluation", text=_evaluation(found), works=(_SQUAD,)),
        Paragraph(
            title="Intervals",
            text="Shares have Wilson's 95% interval, differences of the same questions between two points Tango's; "
            "counts were divided by the design effect of the jackknife over articles (where all answers were alike, by "
            "the largest among the other measures of the same questions), with Student's t and as many degrees of "
            "freedom as the effective number of articles less one. Means of F1 have cluster-robust t intervals.",
            works=(_WILSON, "tango", "jackknife", "effective"),
        ),
    )


def model_name(plan: CurriculumPlan) -> str:
    """The model that was begun with: its id, or what its folder is called."""
    path = Path(plan.model)
    return (built_name(path) or path.name) if path.is_absolute() else plan.model


def _training(plan: CurriculumPlan, *, simulated: bool) -> str:
    settings = plan.settings
    order = (
        f"in order, each rehearsing earlier rows, {settings.replay_fraction:.0%} of its own" if settings.replay_fraction
        else "in strict order"
    )  # fmt: skip
    return (
        f"{'A sandbox wrote the training answers. ' if simulated else ''}We trained {model_name(plan)} on "
        f"{', then '.join(one.name for one in plan.phases)}, {order}; {settings.epochs} epoch"
        f"{'' if settings.epochs == 1 else 's'} each, peak learning rate {settings.learning_rate:g}, batch "
        f"{settings.batch_size * settings.gradient_accumulation * settings.processes}, seed {settings.seed}. Weights "
        "were carried on; optimizer and schedule began anew with each phase."
    )


def _evaluation(found: Evaluations) -> str:
    rows = {
        evaluation: next((share.rows, share.groups) for share in one.shares.values())
        for (_, evaluation), one in found.found.items()
    }
    held = "; ".join(
        f"{name}: {rows[name][0]:,} questions of {rows[name][1]:,} articles" for name in PHASES if name in rows
    )
    return (
        f"Before training and after each phase the model answered held-out questions greedily ({held}), of articles "
        "that nothing was trained on. Exact match and token F1 follow SQuAD 2.0. An answer is grounded if it keeps the "
        "extractive answer or an alias and all its numbers, dates and names stand in context or question. Refusals "
        "were recognised by their wording; on unanswerable questions any other non-empty text, and a refusal that "
        "asserts something beside, counts as hallucination."
    )
