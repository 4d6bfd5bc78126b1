"""Dedicated endpoints that serve models, each written down before it is created, who uses them, files at the provider.

Neighbours: `opening` is below this.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select, update

from redraft.errors import ConfigurationError, StorageError
from redraft.training.registry.opening import OpenRegistry
from redraft.training.registry.records import EndpointUse, ModelEndpoint, Span, UploadedFile, attempt_tag, endpoint_key
from redraft.training.registry.tables import endpoint_uses, model_endpoints, uploaded_files

_CHANGEABLE = frozenset(ModelEndpoint.__struct_fields__) - {"endpoint_key", "attempt", "name"}


class ServingRows(OpenRegistry):
    """Each method is one transaction, and raises StorageError."""

    def plan_endpoint(self, model: str, *, endpoint: str, simulated: bool, **fields: Any) -> ModelEndpoint:
        """Write down that `model` will be served at the provider with this identity, or return the row of the one
        that serves it and was not stopped: there is one at a time in each of the provider's projects.

        `fields` are those of a ModelEndpoint, such as `hourly_price`, `run`, `owner`, `keep`.
        """
        changes = _changed(fields)
        key, stamp = endpoint_key(model, endpoint, fields.get("project")), self.stamp()

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
            row = _stored({**msgspec.structs.asdict(planned), **changes})
            # Where another process plans at the same time, this waits for its row and leaves it as it is.
            connection.execute(self.insertion(model_endpoints).values(row).on_conflict_do_nothing())
            return _latest(connection, key) or planned

        return self.database.write(work)

    def record_endpoint(self, served: ModelEndpoint, **changes: Any) -> ModelEndpoint:
        """Write the changed fields and return the endpoint as it then stands; `stopped_at` is final."""
        values = {**_stored(_changed(changes)), "updated_at": self.stamp()}

        def work(connection: Connection) -> ModelEndpoint:
            connection.execute(
                update(model_endpoints).where(_is(served), model_endpoints.c.stopped_at.is_(None)).values(values)
            )
            row = connection.execute(select(model_endpoints).where(_is(served))).mappings().first()
            if row is None:
                raise StorageError(f"{self.shown}: the endpoint {served.name} is gone from the registry")
            return _endpoint(row)

        return self.database.write(work)

    def endpoints(self, *, open_only: bool = False) -> Sequence[ModelEndpoint]:
        """Every endpoint, the newest first; with `open_only` those that may cost money now."""
        statement = select(model_endpoints).order_by(
            model_endpoints.c.created_at.desc(), model_endpoints.c.attempt.desc()
        )
        if open_only:
            statement = statement.where(model_endpoints.c.stopped_at.is_(None))
        return self.database.read(
            lambda connection: [_endpoint(row) for row in connection.execute(statement).mappings()]
        )

    def begin_use(self, served: ModelEndpoint, run: str | None, owner: str | None) -> EndpointUse:
        """A run uses the endpoint from now on, until `end_use`; `renew_use` says meanwhile that it lives."""

        def work(connection: Connection) -> EndpointUse:
            at = self._moment(connection)
            use = EndpointUse(
                id=identity, endpoint_key=served.endpoint_key, attempt=served.attempt, run=run, owner=owner,
                since=at, seen_at=at,
            )  # fmt: skip
            values = msgspec.structs.asdict(use)
            connection.execute(self.insertion(endpoint_uses).values(values).on_conflict_do_nothing())
            return use

        identity = uuid4().hex  # once, however often the transaction is tried
        return self.database.write(work)

    def renew_use(self, use: EndpointUse) -> None:
        """The run that uses the endpoint lives."""
        self._seen(use)

    def end_use(self, use: EndpointUse) -> EndpointUse:
        """The use as it ended now."""
        return self._seen(use, ended=True)

    def uses(self, endpoint_key: str, attempt: int | None = None) -> Sequence[EndpointUse]:
        """Every use of an endpoint, the oldest first."""
        statement = select(endpoint_uses).where(endpoint_uses.c.endpoint_key == endpoint_key)
        if attempt is not None:
            statement = statement.where(endpoint_uses.c.attempt == attempt)
        statement = statement.order_by(endpoint_uses.c.since, endpoint_uses.c.id)
        return self.database.read(
            lambda connection: [EndpointUse(**row) for row in connection.execute(statement).mappings()]
        )

    def seconds_since_use(self, endpoint_key: str) -> float | None:
        """How long ago a run that uses the endpoint, and did not leave it, was known to live; None where none is."""
        statement = select(endpoint_uses.c.seen_at).where(
            endpoint_uses.c.endpoint_key == endpoint_key, endpoint_uses.c.until.is_(None)
        )

        def work(connection: Connection) -> float | None:
            seen = connection.execute(statement).scalars().all()
            if not seen:
                return None
            now = datetime.fromisoformat(self._moment(connection))
            return (now - datetime.fromisoformat(max(seen))).total_seconds()

        return self.database.read(work)

    def _seen(self, use: EndpointUse, ended: bool = False) -> EndpointUse:
        def work(connection: Connection) -> EndpointUse:
            at = self._moment(connection)
            values = {"seen_at": at, "until": at} if ended else {"seen_at": at}
            connection.execute(update(endpoint_uses).where(endpoint_uses.c.id == use.id).values(values))
            return msgspec.structs.replace(use, seen_at=at, until=at if ended else use.until)

        return self.database.write(work)

    def _moment(self, connection: Connection) -> str:
        """Now, as all who share the database have it: the clocks of their machines may differ."""
        if self.database.path is not None:
            return self.stamp()
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC).isoformat(timespec="milliseconds")

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
    return None if row is None else _endpoint(row)


def _endpoint(row: RowMapping) -> ModelEndpoint:
    fields: dict[str, Any] = {**dict(row), "spans": msgspec.convert(row["spans"] or (), tuple[Span, ...])}
    return ModelEndpoint(**fields)


def _stored(fields: dict[str, Any]) -> dict[str, Any]:
    """As the columns have them."""
    return {name: msgspec.to_builtins(value) if name == "spans" else value for name, value in fields.items()}


def _is(served: ModelEndpoint) -> ColumnElement[bool]:
    return and_(model_endpoints.c.endpoint_key == served.endpoint_key, model_endpoints.c.attempt == served.attempt)


def _changed(fields: dict[str, Any]) -> dict[str, Any]:
    """Raises ConfigurationError for a field that an endpoint does not have, or keeps."""
    unknown = fields.keys() - _CHANGEABLE
    if unknown:
        raise ConfigurationError(f"an endpoint has no field {', '.join(sorted(unknown))} to change")
    return fields
