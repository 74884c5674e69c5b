"""How a file is written, and its signature put in: what issuers' programs do each in their way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markup import BOM, Element, attributed, prefixed, source, spaced
from signing import Signer, signature, signer

CTE = "http://www.portalfiscal.inf.br/cte"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, kw_only=True)
class Style:
    """The usual file, but for what is said."""

    prefix: str = ""
    ds: str = ""
    """The prefix of the signature."""
    namespace: str | None = CTE
    xsi: bool = False
    bom: bool = False
    encoding: str = "UTF-8"
    declaration: bool = True
    spaced: bool = False
    sha: str = "sha1"

    def dressed(self, root: Element) -> Element:
        """The tree with its namespaces, ready to be signed."""
        if self.namespace and not self.prefix and "roc" in root.name:
            # Once on the wrapper and again on what is wrapped, as nearly all do.
            inner, *rest = root.content
            assert isinstance(inner, Element)
            root = replace(root, content=(attributed(inner, ("xmlns", self.namespace)), *rest))
        root = prefixed(root, self.prefix)
        if self.xsi:
            schema = ("xsi:schemaLocation", f"{self.namespace} procCTe_v4.00.xsd")
            root = attributed(root, ("xmlns:xsi", XSI), schema)
        if self.namespace:
            name = f"xmlns:{self.prefix}" if self.prefix else "xmlns"
            root = attributed(root, (name, self.namespace))
        return spaced(root) if self.spaced else root

    def written(self, root: Element) -> bytes:
        head = f'<?xml version="1.0" encoding="{self.encoding}"?>' if self.declaration else ""
        return (BOM if self.bom else b"") + (head + source(root)).encode(self.encoding)


def finished(root: Element, signed: str, documento: str, style: Style, by: Signer | None) -> bytes:
    """The file of a tree whose `signed` (infCte or infEvento) is signed `by`, or by nobody.

    An empty digVal gets the digest: of whose signature, if nobody's, does not matter.
    """
    root = style.dressed(root)
    *above, target = root.path(signed)
    made = signature(above, target, by or signer(documento), prefix=style.ds, sha=style.sha)
    value = made.path("DigestValue")[-1].content
    if by:
        last = above[-1]
        root = changed(root, last, replace(last, content=(*last.content, made)))
    for digval in root.path("digVal")[-1:]:
        root = changed(root, digval, replace(digval, content=digval.content or value))
    return style.written(root)


def changed(root: Element, old: Element, new: Element) -> Element:
    """The tree with one element in the place of another."""
    if root is old:
        return new
    return replace(
        root,
        content=tuple(changed(c, old, new) if isinstance(c, Element) else c for c in root.content),
    )
