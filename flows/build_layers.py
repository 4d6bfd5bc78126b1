"""Questions before contexts, with and without an answer, from files in SQuAD's, HotpotQA's or a user's own format."""

from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from tasks.answering_layers import questions_of
from tasks.states import ends_in_words

ShareBelowOne = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


@flow(name="build-layers", flow_run_name="layers into {output}")
@ends_in_words
async def build_layers(
    output: str = "data/answer_layers",
    squad: list[str] = [],  # noqa: B006  Prefect's form wants a list, and nothing writes into it
    hotpot: list[str] = [],  # noqa: B006
    pairs: list[str] = [],  # noqa: B006
    count: Annotated[int, Field(ge=1)] | None = None,
    test_share: ShareBelowOne = 0.1,
    domain_share: ShareBelowOne = 0.05,
    tokenizer: str = "",
    max_tokens: Annotated[int, Field(ge=16)] = 512,
    templates: str = "",
    seed: int = 0,
) -> dict[str, Any]:
    """Build the layers: extraction, reasoning, domain, negatives; contexts cut around their answers, split by article.

    Args:
        output: The dataset of questions to make (a folder).
        squad: Files in the JSON format of SQuAD v1.1 or v2.0.
        hotpot: Files in the JSON format of HotpotQA, distractor setting.
        pairs: JSONL files of rows with an input (context and question) and an output (the answer).
        count: Rows of the curriculum in all; all that the files hold where it is not given.
        test_share: Share of the questions, by article, that is held out.
        domain_share: Share of the questions that comes from templates.
        tokenizer: The tokenizer of the model to train: a folder, a tokenizer.json or the model's id. Without one,
            lengths are estimated to the safe side.
        max_tokens: What the model reads at most, prefix and special tokens included.
        templates: TOML file of templates for local questions, in place of the bundled one.
        seed: Decides sides, choices and templates' values.
    """
    manifest = await questions_of(
        output, squad=squad, hotpot=hotpot, pairs=pairs, tokenizer=tokenizer or None, max_tokens=max_tokens,
        templates=templates or None,
        options={"count": count, "test_share": test_share, "domain_share": domain_share, "seed": seed},
    )  # fmt: skip
    said = f"{manifest['count']} questions, {manifest['rejected']} rejected, in {output}"
    return {"said": said, "dataset": output, "manifest": manifest}
