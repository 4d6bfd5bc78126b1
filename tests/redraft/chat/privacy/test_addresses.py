"""Addresses of houses, and measures that only look so."""

from __future__ import annotations

import pytest

from redraft.chat.privacy.addresses import ADDRESS


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Hauptstraße 12a, 12345 Berlin", ""),
        ("Hauptstr. 12\n12345 Berlin", ""),
        ("Am Weg 12", ""),
        ("Kurt-Schumacher-Platz 3", ""),
        ("Berliner Allee 7", ""),
        ("wohne in 12345 Berlin", "wohne in "),
        ("D-12345 Berlin", ""),
        ("PLZ 12345 Berlin", "PLZ "),
        ("Via Roma 10", ""),
        ("via dei Mille, 10", ""),
        ("Plaza Mayor 3", ""),
        ("12 Baker Street", ""),
        ("M4 3BD", ""),
        ("NY 10001", ""),
        ("Portland, OR 97201", ""),
    ],
)
def test_where_somebody_lives(text: str, left: str) -> None:
    assert ADDRESS.sub("", text) == left


@pytest.mark.parametrize(
    "text",
    ["10000 Schritte", "20000 Euro", "15000 Menschen da", "in 10000 Jahren", "via WhatsApp um 10", "via Zoom um 18 Uhr",
     "via Zoom 18", "der Weg 12 km", "Der Weg 12", "Mein Platz 3", "Auf Platz 3", "Heimweg 20", "Schlossallee 5 km",
     "Parkplatz 12", "A4 3BD", "E5 2GB", "in piazza alle 10", "OK 12345", "IN 20000"],
)  # fmt: skip
def test_what_only_looks_so(text: str) -> None:
    assert ADDRESS.search(text) is None
