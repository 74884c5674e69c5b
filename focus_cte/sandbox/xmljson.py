"""`requisicao` and `protocolo` of a complete consultation: an element of the XML as JSON.

The vendor says only that they hold the whole document and SEFAZ's whole answer, and publishes no
names: these are the XML's own, a list where an element is repeated.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any


def as_json(root: ET.Element | None, name: str) -> dict[str, Any]:
    """The first element of that local name under `root`; {} if there is none."""
    found = (
        None
        if root is None
        else next((element for element in root.iter() if local(element) == name), None)
    )
    value = {} if found is None else _value(found)
    return value if isinstance(value, dict) else {}


def local(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _value(element: ET.Element) -> Any:
    if not len(element):
        return element.text or ""
    fields: dict[str, Any] = {}
    for child in element:
        name, value = local(child), _value(child)
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields
