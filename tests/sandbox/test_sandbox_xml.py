"""The XML of generated CT-es and events: structure, protocol and digests."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from base64 import b64decode, b64encode
from typing import Any

import pytest
from sandbox_http import Plain

from focus_cte.sandbox import Sandbox

CTE = "http://www.portalfiscal.inf.br/cte"
NS = {"c": CTE, "d": "http://www.w3.org/2000/09/xmldsig#"}


def sha1(content: bytes) -> str:
    return b64encode(hashlib.sha1(content).digest()).decode()


def canonical(element: ET.Element) -> bytes:
    """For one default namespace, no comments and no empty text, C14N 2.0 writes what 1.0 writes."""
    ET.register_namespace("", CTE)
    return ET.canonicalize(ET.tostring(element, encoding="unicode")).encode()


def text(root: ET.Element, path: str) -> str | None:
    return root.findtext(path, namespaces=NS)


async def test_the_digest_is_right_everywhere(plain: Plain) -> None:
    async with Sandbox(ctes=60, credits=None) as sandbox:
        for item in (await plain.listing(sandbox)).json():
            content = (await plain.send(sandbox, f"/{item['chave']}.xml")).body
            root = ET.fromstring(content)
            signed = root.find("c:CTe/c:infCte", NS)
            assert signed is not None
            digest = sha1(canonical(signed))
            # The bytes as they are stored, with the xmlns that the parent declares.
            start, end = content.index(b"<infCte "), content.index(b"</infCte>") + 9
            bare = content[start:end].replace(b"<infCte ", f'<infCte xmlns="{CTE}" '.encode(), 1)
            assert sha1(bare) == digest
            assert text(root, ".//d:DigestValue") == digest
            assert text(root, "c:protCTe/c:infProt/c:digVal") == digest
            assert item["digest_value"] == digest


async def test_the_digest_verifies_with_libxml(plain: Plain, sandbox: Sandbox) -> None:
    etree = pytest.importorskip("lxml.etree", reason="lxml gives a second opinion on C14N 1.0")
    sandbox.cancel(sandbox.chaves[1])
    sandbox.correct(sandbox.chaves[0], "Onde se lê <A> & B, leia-se Ç")
    paths = [f"/{chave}.xml" for chave in sandbox.chaves]
    paths += [
        f"/{sandbox.chaves[-2]}/cancelamento.xml",
        f"/{sandbox.chaves[-1]}/carta_correcao.xml",
    ]
    for path in paths:
        root = etree.fromstring((await plain.send(sandbox, path)).body)
        ident = root.find(".//{*}Reference").get("URI")[1:]
        (signed,) = root.xpath(f"//*[@Id='{ident}']")
        raw = etree.tostring(signed, method="c14n", exclusive=True)
        assert sha1(raw) == root.findtext(".//{*}DigestValue")


async def test_a_cteproc_says_what_the_listing_says(plain: Plain) -> None:
    async with Sandbox(ctes=60, credits=None) as sandbox:
        tomadores = set()
        for item in (await plain.listing(sandbox)).json():
            chave = item["chave"]
            root = ET.fromstring((await plain.send(sandbox, f"/{chave}.xml")).body)
            assert root.tag == f"{{{CTE}}}cteProc"
            assert root.get("versao") == "4.00"
            info = root.find("c:CTe/c:infCte", NS)
            assert info is not None
            assert info.get("Id") == f"CTe{chave}"
            assert text(root, ".//c:ide/c:mod") == chave[20:22] == "57"
            assert text(root, ".//c:ide/c:cDV") == chave[43]
            assert text(root, ".//c:ide/c:cCT") == chave[35:43]
            assert text(root, ".//c:ide/c:dhEmi") == item["data_emissao"]
            assert item["data_emissao"][2:4] + item["data_emissao"][5:7] == chave[2:6]
            assert text(root, ".//c:ide/c:tpCTe") == item["tipo_cte"]
            assert text(root, ".//c:emit/c:xNome") == item["nome_emitente"]
            issuer = text(root, ".//c:emit/c:CNPJ") or text(root, ".//c:emit/c:CPF")
            assert issuer == item["documento_emitente"]
            assert text(root, ".//c:vPrest/c:vTPrest") == item["valor_total"]
            assert text(root, "c:protCTe/c:infProt/c:chCTe") == chave
            denied = text(root, "c:protCTe/c:infProt/c:cStat") == "110"
            assert denied == (item["situacao"] == "denegada")
            tomadores.add(tomador(root) == sandbox.cnpj)
    assert tomadores == {True, False}


def tomador(root: ET.Element) -> str | None:
    code = text(root, ".//c:toma3/c:toma")
    party = {"0": "c:rem", "3": "c:dest", None: "c:ide/c:toma4"}[code]
    return text(root, f".//c:infCte/{party}/c:CNPJ")


async def test_each_kind_of_cte_has_its_group(plain: Plain) -> None:
    async with Sandbox(ctes=100, credits=None) as sandbox:
        kinds: dict[str, ET.Element] = {}
        for item in (await plain.listing(sandbox)).json():
            root = ET.fromstring((await plain.send(sandbox, f"/{item['chave']}.xml")).body)
            kinds[item["tipo_cte"]] = root
    assert len(text(kinds["0"], ".//c:infCTeNorm/c:infDoc/c:infNFe/c:chave") or "") == 44
    assert kinds["1"].find(".//c:infCTeNorm", NS) is None
    assert len(text(kinds["1"], ".//c:infCteComp/c:chCTe") or "") == 44
    assert len(text(kinds["3"], ".//c:infCTeNorm/c:infCteSub/c:chCte") or "") == 44


async def test_the_certificate_says_who_made_it_and_for_whom(
    plain: Plain, sandbox: Sandbox
) -> None:
    root = ET.fromstring((await plain.send(sandbox, f"/{sandbox.chaves[0]}.xml")).body)
    held = b64decode(text(root, ".//d:X509Certificate") or "")
    assert b"focus_cte sandbox: not of ICP-Brasil" in held
    assert f":{text(root, './/c:emit/c:CNPJ')}".encode() in held


async def event(plain: Plain, sandbox: Sandbox, chave: str, name: str) -> Any:
    reply = await plain.send(sandbox, f"/{chave}/{name}.xml")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/xml")
    root = ET.fromstring(reply.body)
    assert root.tag == f"{{{CTE}}}procEventoCTe"
    signed = root.find("c:eventoCTe/c:infEvento", NS)
    assert signed is not None
    assert text(root, ".//d:DigestValue") == sha1(canonical(signed))
    assert text(root, "c:eventoCTe/c:infEvento/c:chCTe") == chave
    assert text(root, "c:retEventoCTe/c:infEvento/c:chCTe") == chave
    assert text(root, "c:retEventoCTe/c:infEvento/c:cStat") == "135"
    return root, signed


async def test_a_cancellation(plain: Plain, sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    authorized = ET.fromstring((await plain.send(sandbox, f"/{chave}.xml")).body)
    sandbox.cancel(chave, 'Emissão "errada" & duplicada')
    _, signed = await event(plain, sandbox, chave, "cancelamento")
    assert signed.get("Id") == f"ID110111{chave}001"
    assert text(signed, ".//c:evCancCTe/c:xJust") == 'Emissão "errada" & duplicada'
    assert text(signed, ".//c:evCancCTe/c:nProt") == text(authorized, ".//c:infProt/c:nProt")
    item = (await plain.send(sandbox, f"/{chave}")).json()
    assert text(signed, "c:dhEvento") == item["data_cancelamento"]


async def test_the_last_of_three_corrections(plain: Plain, sandbox: Sandbox) -> None:
    chave = sandbox.chaves[0]
    sandbox.correct(chave, "Primeira correção")
    sandbox.correct(chave, "Segunda correção")
    sandbox.correct(chave, "Terceira correção")
    _, signed = await event(plain, sandbox, chave, "carta_correcao")
    assert signed.get("Id") == f"ID110110{chave}003"
    assert text(signed, "c:nSeqEvento") == "3"
    assert text(signed, ".//c:infCorrecao/c:valorAlterado") == "Terceira correção"


async def test_generated_events_have_their_xml(plain: Plain) -> None:
    async with Sandbox(ctes=100, credits=None) as sandbox:
        items = (await plain.listing(sandbox)).json()
        cancelled = [item for item in items if "data_cancelamento" in item]
        corrected = [item for item in items if "carta_correcao" in item]
        assert cancelled
        assert corrected
        for item in cancelled:
            _, signed = await event(plain, sandbox, item["chave"], "cancelamento")
            assert text(signed, ".//c:xJust") == item["justificativa_cancelamento"]
        for item in corrected:
            await event(plain, sandbox, item["chave"], "carta_correcao")


async def test_names_that_xml_must_escape(plain: Plain) -> None:
    async with Sandbox(ctes=300, credits=None) as sandbox:
        named = [item for item in await plain.everything(sandbox) if "&" in item["nome_emitente"]]
        assert named
        content = (await plain.send(sandbox, f"/{named[0]['chave']}.xml")).body
    assert b" &amp; " in content
