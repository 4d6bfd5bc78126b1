"""What a flow's numbers may be: Prefect checks them before the flow begins, however the run was started.

A deployment takes "nan" for a number, too, and with it every comparison would be false, and the run paid in vain.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
