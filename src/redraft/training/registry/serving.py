"""Dedicated endpoints that serve trained models, each written down before it is created, and files at the provider.

Neighbours: `opening` is below this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select, update

from redraft.errors import ConfigurationError, StorageError
from redraft.training.registry.opening import OpenRegistry
from redraft.training.registry.records import ModelEndpoint, UploadedFile, attempt_tag, endpoint_key
from redraft.training.registry.tables import model_endpoints, uploaded_files

_CHANGEABLE = frozenset(ModelEndpoint.__struct_fields__) - {"endpoint_key", "attempt", "name"}


class ServingRows(OpenRegistry):
    """Each method is one transaction, and raises StorageError."""

    def plan_endpoint(self, model: str, *, endpoint: str, simulated: bool, **fields: Any) -> ModelEndpoint:
        """Write down that `model` will be served at the provider with this identity, or return the row of the one
        that serves it and was not stopped: there is one at a time.

        `fields` are those of a ModelEndpoint, such as `hourly_price`, `run`, `owner`, `keep`.
        """
        changes = _changed(fields)
        key, stamp = endpoint_key(model, endpoint), self.stamp()

        def work(connection: Connection) -> ModelEndpoint:
            latest = _latest(connection, key)
            if latest is not None and latest.stopped_at is None:
                return latest
            attempt = latest.attempt + 1 if latest else 1
            planned = ModelEndpoint(
                endpoint_key=key,
                attempt=attempt,
                name=f"redraft-{attempt_tag(key, attempt)}",
                endpoint=endpoint,
                model=model,
                simulated=simulated,
                state="planned",
                created_at=stamp,
                updated_at=stamp,
            )
            row = {**msgspec.structs.asdict(planned), **changes}
            # Where another process plans at the same time, this waits for its row and leaves it as it is.
            connection.execute(self.insertion(model_endpoints).values(row).on_conflict_do_nothing())
            return _latest(connection, key) or planned

        return self.database.write(work)

    def record_endpoint(self, served: ModelEndpoint, **changes: Any) -> ModelEndpoint:
        """Write the changed fields and return the endpoint as it then stands; `stopped_at` is final."""
        values = {**_changed(changes), "updated_at": self.stamp()}

        def work(connection: Connection) -> ModelEndpoint:
            connection.execute(
                update(model_endpoints).where(_is(served), model_endpoints.c.stopped_at.is_(None)).values(values)
            )
            row = connection.execute(select(model_endpoints).where(_is(served))).mappings().first()
            if row is None:
                raise StorageError(f"{self.shown}: the endpoint {served.name} is gone from the registry")
            return ModelEndpoint(**row)

        return self.database.write(work)

    def endpoints(self, *, open_only: bool = False) -> Sequence[ModelEndpoint]:
        """Every endpoint, the newest first; with `open_only` those that may cost money now."""
        statement = select(model_endpoints).order_by(
            model_endpoints.c.created_at.desc(), model_endpoints.c.attempt.desc()
        )
        if open_only:
            statement = statement.where(model_endpoints.c.stopped_at.is_(None))
        return self.database.read(
            lambda connection: [ModelEndpoint(**row) for row in connection.execute(statement).mappings()]
        )

    def file_of(self, sha256: str, endpoint: str) -> UploadedFile | None:
        """What the endpoint of a provider had these bytes as, when it was last looked."""
        statement = select(uploaded_files).where(
            uploaded_files.c.sha256 == sha256, uploaded_files.c.endpoint == endpoint
        )
        row = self.database.read(lambda connection: connection.execute(statement).mappings().first())
        return None if row is None else UploadedFile(**row)

    def record_file(self, sha256: str, endpoint: str, file_id: str, size: int) -> UploadedFile:
        """The provider has just said that it has these `size` bytes as `file_id`; an id from before is forgotten."""
        file = UploadedFile(sha256=sha256, endpoint=endpoint, file_id=file_id, size=size, checked_at=self.stamp())
        values = msgspec.structs.asdict(file)
        statement = (
            self.insertion(uploaded_files)
            .values(values)
            .on_conflict_do_update(index_elements=list(uploaded_files.primary_key), set_=values)
        )
        self.database.write(lambda connection: connection.execute(statement).close())
        return file


def _latest(connection: Connection, key: str) -> ModelEndpoint | None:
    newest = model_endpoints.c.attempt.desc()
    statement = select(model_endpoints).where(model_endpoints.c.endpoint_key == key).order_by(newest).limit(1)
    row = connection.execute(statement).mappings().first()
    return None if row is None else ModelEndpoint(**row)


def _is(served: ModelEndpoint) -> ColumnElement[bool]:
    return and_(model_endpoints.c.endpoint_key == served.endpoint_key, model_endpoints.c.attempt == served.attempt)


def _changed(fields: dict[str, Any]) -> dict[str, Any]:
    """Raises ConfigurationError for a field that an endpoint does not have, or keeps."""
    unknown = fields.keys() - _CHANGEABLE
    if unknown:
        raise ConfigurationError(f"an endpoint has no field {', '.join(sorted(unknown))} to change")
    return fields
