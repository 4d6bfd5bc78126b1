"""What evaluations of trained models came to: each model's newest one says whether it is a good one to compare with.

Neighbours: `jobs` has the attempts that made the models; `redraft.training.newest` chooses what is evaluated.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import RowMapping, func, insert, select, update

from redraft.training.registry.jobs import JobRows
from redraft.training.registry.records import Compared, ModelEvaluation, TrainingJob
from redraft.training.registry.tables import job_changes, jobs, model_evaluations
from redraft.training.states import JobState


class EvaluatedRows(JobRows):
    """Each method is one transaction, and raises StorageError."""

    def completed(self) -> list[TrainingJob]:
        """The attempts that made a model, the latest end first."""
        ended = (
            select(func.max(job_changes.c.at))
            .where(
                job_changes.c.job_key == jobs.c.job_key,
                job_changes.c.attempt == jobs.c.attempt,
                job_changes.c.to_state == JobState.COMPLETED.value,
            )
            .scalar_subquery()
        )
        # Of a job that was taken over from an early registry no change is known.
        order = (func.coalesce(ended, jobs.c.created_at).desc(), jobs.c.created_at.desc(), jobs.c.attempt.desc())
        made = (jobs.c.state == JobState.COMPLETED.value, jobs.c.model_output_name.is_not(None))
        return self._select(*made, order=order)

    def evaluation(self, job: TrainingJob) -> ModelEvaluation | None:
        """The newest evaluation of the attempt's model."""
        of = (model_evaluations.c.job_key == job.job_key, model_evaluations.c.attempt == job.attempt)
        statement = select(model_evaluations).where(*of).order_by(model_evaluations.c.ordinal.desc()).limit(1)
        row = self.database.read(lambda connection: connection.execute(statement).mappings().first())
        return None if row is None else _evaluation(row)

    def record_evaluation(self, evaluation: ModelEvaluation) -> None:
        """Write down what an evaluation came to. Whoever does it holds the lock of the model's evaluation."""
        fields: dict[str, Any] = msgspec.structs.asdict(evaluation)
        fields["comparisons"] = msgspec.to_builtins(evaluation.comparisons)
        self.database.write(
            lambda connection: connection.execute(insert(model_evaluations).values(fields)).close()
        )  # fmt: skip

    def evaluation_told(self, evaluation: ModelEvaluation) -> None:
        """The world was told of it just now."""
        key = ("job_key", "attempt", "ordinal")
        of = [model_evaluations.c[name] == getattr(evaluation, name) for name in key]
        statement = update(model_evaluations).where(*of).values(told_at=self.stamp())
        self.database.write(lambda connection: connection.execute(statement).close())


def _evaluation(row: RowMapping) -> ModelEvaluation:
    fields: dict[str, Any] = {**row, "comparisons": msgspec.convert(row["comparisons"], tuple[Compared, ...])}
    return ModelEvaluation(**fields)
