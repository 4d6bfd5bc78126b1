"""Proof, before a training is paid for, that the provider trains what is to be learned: its own preview of some rows.

Neighbours: `preview` asks for it, `checking.sampling` holds it against the rows, `submitting` wants it in between.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.errors import InputError, ProviderError, TakenOverError, TrainingError
from redraft.training.checking.files import Report
from redraft.training.checking.masks import Mask
from redraft.training.checking.sampling import Row, sampled
from redraft.training.checking.shapes import Format
from redraft.training.control_plane import ControlPlane
from redraft.training.preview import FORMATS, preview_masks
from redraft.training.settings import TrainingSettings

# So many rows from the head of the file; one request shows them all.
ROWS_PROVED = 10


def prove_mask(
    plane: ControlPlane, settings: TrainingSettings, report: Report, file_id: str, *, lost_rows: bool = False
) -> str:
    """Asks for the preview of the uploaded file; a line for people where there is no proof, nothing where there is.

    Raises InputError where the assistant's last message of a sample row would not be trained, or, unless `lost_rows`
    are allowed, lies beyond what the model takes.
    """
    assert report.format is not None
    if report.format.value not in FORMATS:
        return f"the provider shows no preview of {report.format} rows: which tokens are trained is not proven"

    def masks(rows: Sequence[Row], format: Format) -> list[Mask]:
        return preview_masks(
            plane, model=settings.base_model, file_id=file_id, rows=[number for number, _ in rows],
            inputs=settings.train_on_inputs,
        )  # fmt: skip

    try:
        shown, faults = sampled(report.path, report.format, ROWS_PROVED, masks)
    except TakenOverError:
        raise
    except (TrainingError, ProviderError) as fault:
        return f"which tokens are trained is not proven: {fault}"
    cut = {mask.row for mask in shown if mask.cut} if lost_rows else set[int]()
    faults = [fault for fault in faults if fault.row not in cut]
    if faults:
        more = f"; and {len(faults) - 1} more of the first {len(shown)} rows" if len(faults) > 1 else ""
        raise InputError(f"{report.path}: by the provider's own preview, {faults[0]}{more}")
    return ""
