"""A DACTe of one page: small, but a PDF that readers open."""

from __future__ import annotations

from .documents import Document


def dacte(document: Document) -> bytes:
    """Key, issuer and value, in a font that every reader has."""
    value = document.valor_total or "-"
    return page(
        "DACTE - SANDBOX - SEM VALOR FISCAL",
        f"Chave: {document.chave}",
        f"Emitente: {document.nome_emitente or '-'} ({document.documento_emitente})",
        f"Emissão: {document.data_emissao or '-'}",
        f"Valor total do serviço: R$ {value}",
        f"Situação: {document.situacao}",
    )


def page(*lines: str) -> bytes:
    """One A4 page with one line of text for each of `lines`."""
    text = b"\n".join(b"(" + _escape(line) + b") Tj T*" for line in lines)
    stream = b"BT /F1 11 Tf 50 790 Td 18 TL\n" + text + b"\nET"
    return _file(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )


def _escape(line: str) -> bytes:
    raw = line.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(*objects: bytes) -> bytes:
    # The comment of high bytes tells transfer programs that the file is binary (ISO 32000-1,
    # 7.5.2).
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)
