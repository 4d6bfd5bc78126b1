"""The methods section of the report on imitators: how arms wrote, what they were trained by, how all was measured.

Neighbour: `imitation_report` puts the page together; how judges were asked is said by `redraft.judging.methods`.
"""

from __future__ import annotations

from collections.abc import Mapping

from redraft.imitating.measures import Measured
from redraft.judging.figures import many
from redraft.judging.multiplicity import Correction
from redraft.judging.pages import Paragraph
from redraft.training.adapting.reward import RewardNotes
from redraft.training.adapting.settings import GenerationSettings
from tasks.imitation_arms import UNENDED_PENALTY
from tasks.imitation_training import held_out_of

_LORA = (
    "E. J. Hu et al. (2022). LoRA: low-rank adaptation of large language models. ICLR. arXiv:2106.09685."
)  # fmt: skip
_DPO = (
    "R. Rafailov et al. (2023). Direct preference optimization: your language model is secretly a reward model. "
    "NeurIPS. arXiv:2305.18290."
)
_RLOO = (
    "A. Ahmadian et al. (2024). Back to basics: revisiting REINFORCE-style optimization for learning from human "
    "feedback in LLMs. ACL. arXiv:2402.14740."
)
_BEST = "N. Stiennon et al. (2020). Learning to summarize from human feedback. NeurIPS. arXiv:2009.01325."
_HACKING = "L. Gao, J. Schulman, J. Hilton (2023). Scaling laws for reward model overoptimization. ICML. " \
           "arXiv:2210.10760."  # fmt: skip
_BURROWS = (
    "J. Burrows (2002). 'Delta': a measure of stylistic difference and a guide to likely authorship. Literary and "
    "Linguistic Computing 17:267-287."
)
_SWAPPED = (
    "M. Ojala, G. C. Garriga (2010). Permutation tests for studying classifier performance. Journal of Machine "
    "Learning Research 11:1833-1863."
)
_SIGNS = (
    "I. A. Canay, J. P. Romano, A. M. Shaikh (2017). Randomization tests under an approximate symmetry assumption. "
    "Econometrica 85:1013-1030."
)
_RECITING = (
    "N. Carlini et al. (2023). Quantifying memorization across neural language models. ICLR. arXiv:2202.07646."
)  # fmt: skip
_CALIBRATION = "C. Guo et al. (2017). On calibration of modern neural networks. ICML. arXiv:1706.04599."


def paragraphs_of(
    *,
    labels: Mapping[str, str],
    plain: str,
    best: str,
    settings: GenerationSettings,
    kinds: Mapping[str, str],
    measured: Mapping[str, Measured],
    reward: RewardNotes | None,
    unended_penalty: float,
    correction: Correction | None,
) -> tuple[Paragraph, ...]:
    """Paragraphs with this run's numbers; `kinds` is what each adapter was trained by (lora, dpo, rl), `best` the name
    of the best of several outputs, "" without, and `unended_penalty` what an output loses there that did not end."""
    chosen = _chosen(labels[best], labels[plain], unended_penalty) if best else ""
    told = [_arms(labels, chosen, settings, kinds), _pairs(labels[plain], correction)]
    told += [one for one in (_style(measured), _recitation(measured)) if one is not None]
    if reward is not None:
        told.append(_reward(reward))
    return tuple(told)


def _chosen(best: str, plain: str, unended_penalty: float) -> str:
    """How the best output was chosen; of its penalty where that is not the usual one."""
    less = (
        ""
        if unended_penalty == UNENDED_PENALTY
        else f", less {unended_penalty:g} where it did not end in time, as in the reinforcement learning"
    )
    return (
        f" {best.capitalize()}: of so many outputs of {plain} the one to which the reward model gives the highest "
        f"reward{less}."
    )


def _arms(
    labels: Mapping[str, str], chosen: str, settings: GenerationSettings, kinds: Mapping[str, str]
) -> Paragraph:  # fmt: skip
    how = {"lora": "low-rank adaptation on real replies", "dpo": "direct preference optimization from ranked pairs",
           "rl": "RLOO with the reward model and a penalty on the distance from where it began"}  # fmt: skip
    trained = "; ".join(f"{labels[name]}: {how[kind]}" for name, kind in kinds.items() if kind in how)
    text = (
        f"{f'Adapters were trained by: {trained}.' if trained else ''} Each wrote one reply to each test context, at "
        f"temperature {settings.temperature:g}, top-p {settings.top_p:g}, with at most {settings.max_new_tokens} "
        f"tokens, seed {settings.seed}, the same for all.{chosen}"
    )
    works = [_LORA] if "lora" in kinds.values() else []
    works += [_DPO] if "dpo" in kinds.values() else []
    works += [_RLOO, _HACKING] if "rl" in kinds.values() else []
    return Paragraph(title="Arms", text=text.strip(), works=(*works, *((_BEST,) if chosen else ())))


_CORRECTED = {"closed": "by the closed testing procedure", "holm": "by Holm's method"}


def _pairs(plain: str, correction: Correction | None) -> Paragraph:
    method = "" if correction is None else correction.method
    adjusted = f", adjusted for all comparisons {_CORRECTED.get(method, '')}".rstrip() if correction is not None else ""
    return Paragraph(
        title="Statistics of pairs",
        text=f"Each arm was compared with {plain} on the same contexts, and with no other arm. The share preferred "
        "counts a tie as one half; its interval is Tango's for paired proportions, counts divided by the design effect "
        "of the jackknife over sessions, with Student's t; p is the two-sided mid-p McNemar test"
        f"{adjusted}.",
        works=("tango", "fagerland", "jackknife", "effective", *((method,) if method in _CORRECTED else ())),
    )


def _style(measured: Mapping[str, Measured]) -> Paragraph | None:
    found = next((one.likeness for one in measured.values() if one.likeness is not None), None)
    if found is None:
        return None
    return Paragraph(
        title="Style",
        text=f"Generated and real replies to the same contexts, {many(found.sessions, 'session')} worth "
        f"{found.worth:.1f} of equal size, were compared in length, emoji, punctuation, case, vocabulary and language, "
        "with cluster-robust t intervals over sessions; as a whole by how often a cross-validated linear rule on these "
        "figures tells the real of two replies, its interval with the larger of Student's quantile and that of t after "
        "swapping real and generated replies of whole sessions at random, the rule fitted anew each time; and in the "
        "frequencies of function words, beside the same distance after such swaps.",
        works=(_SWAPPED, _SIGNS, _BURROWS),
    )


def _recitation(measured: Mapping[str, Measured]) -> Paragraph | None:
    every = [one.recitation for one in measured.values() if one.recitation is not None]
    if not every:
        return None
    found = max(every, key=lambda one: one.trained)
    return Paragraph(
        title="Recitation",
        text=f"Replies were looked for in {many(found.trained, 'message')} that a training had shown a model, of the "
        "plain adapter its own training's alone. Counted "
        f"were those of {found.least_words} words or more that are one of these word for word, and those of "
        f"{found.run_words} or more with so many words in a row out of one; an arm recites where its share exceeds "
        "that of the real replies by more than the 95% interval.",
        works=(_RECITING,),
    )


def _reward(notes: RewardNotes) -> Paragraph:
    found = notes.quality
    return Paragraph(
        title="Reward model",
        text=f"A Bradley-Terry reward model was trained on {many(notes.trained_pairs, 'pair')} and tested on "
        f"{many(found.pairs, 'pair')} of {held_out_of(found)} held out. Its accuracy has Wilson's interval "
        "with the effective number of pairs; the calibration error is the expected one over ten bins, beside what "
        "chance makes of it in a calibrated model.",
        works=("bt", _CALIBRATION),
    )
