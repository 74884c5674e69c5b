"""A folder of real files as the API's documents."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from sandbox_http import Plain

from focus_cte.sandbox import Sandbox

SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples"
CTE = "http://www.portalfiscal.inf.br/cte"
CHAVE = "41150302618946000141570010000000521000000497"
OTHER = "35260712ABC34501DE35570010000000011000000010"
US = "07270824000120"


def infcte(chave: str = CHAVE, *, ide: str = "", body: str = "") -> str:
    return (
        f'<infCte versao="4.00" Id="CTe{chave}"><ide><mod>57</mod>{ide}</ide>'
        f"<emit><CNPJ>02618946000141</CNPJ><xNome>Ação &amp; Cia</xNome></emit>{body}</infCte>"
    )


def cteproc(inner: str | None = None, *, xmlns: str = f' xmlns="{CTE}"', tail: str = "") -> str:
    return f'<cteProc versao="4.00"{xmlns}><CTe>{inner or infcte()}</CTe>{tail}</cteProc>'


def event(chave: str = CHAVE, kind: str = "110111", number: str = "1", detail: str = "") -> str:
    return (
        f'<procEventoCTe xmlns="{CTE}"><eventoCTe><infEvento><chCTe>{chave}</chCTe>'
        f"<dhEvento>2026-07-10T10:00:00-04:00</dhEvento><tpEvento>{kind}</tpEvento>"
        f"<nSeqEvento>{number}</nSeqEvento><detEvento>{detail}</detEvento></infEvento></eventoCTe>"
        f"<retEventoCTe/></procEventoCTe>"
    )


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.xml").write_bytes(raw)
    return folder


async def serve(plain: Plain, folder: Path) -> list[dict[str, Any]]:
    async with Sandbox(acervo=folder, credits=None) as sandbox:
        return await plain.everything(sandbox)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the public samples are not beside the project")
class TestSamples:
    async def test_every_file_is_served_or_has_a_reason(self, plain: Plain) -> None:
        async with Sandbox(acervo=SAMPLES, credits=None) as sandbox:
            items = {item["chave"]: item for item in await plain.everything(sandbox)}
            assert set(items) == {
                CHAVE,
                "35131111319532000102570010000019501011529288",
                "35131075892067000187570040000001081211931324",
                "9" * 44,
                "17241000000000000000570010000008611099999990",
            }
            assert set(sandbox.skipped) == {
                "4.00-procCTe-unsigned.xml",  # masked, with the same key as the CT-e OS
                "4.00-desacordo-610110-request.xml",
                "4.00-desacordo-cancel-610111-request.xml",
            }
            assert sandbox.cnpj == US
            assert sandbox.chaves == tuple(items)

    async def test_an_item_says_what_its_file_says(self, plain: Plain) -> None:
        items = {item["chave"]: item for item in await serve(plain, SAMPLES)}
        assert items[CHAVE] == {
            "nome_emitente": "GARRA IND. MOV. E ACES. EM METAL EIRELI - ME",
            "documento_emitente": "02618946000141",
            "chave": CHAVE,
            "valor_total": "3700.00",
            "data_emissao": "2015-03-24T17:35:23-03:00",
            "situacao": "autorizada",
            "tipo_cte": "0",
            "versao": items[CHAVE]["versao"],
            "digest_value": "QXa8YoNioWGxTwpBRhMsZwuzcBw=",
            "cnpj_destinatario": US,
        }
        simple = items["17241000000000000000570010000008611099999990"]
        assert (simple["tipo_cte"], simple["valor_total"]) == ("5", "1.00")

    async def test_bytes_are_untouched(self, plain: Plain) -> None:
        cancelled = "35131075892067000187570040000001081211931324"
        corrected = "35131111319532000102570010000019501011529288"
        files = {
            f"/{CHAVE}.xml": "41150302618946000141570010000000521000000497-procCTe.xml",
            f"/{cancelled}/cancelamento.xml": (
                "42131175892067000187570040000001091211932160-110111-procEventoCTe.xml"
            ),
            f"/{corrected}/carta_correcao.xml": (
                "35131111319532000102570010000019501011529288-110110-procEventoCTe.xml"
            ),
        }
        async with Sandbox(acervo=SAMPLES, credits=None) as sandbox:
            for path, name in files.items():
                reply = await plain.send(sandbox, path)
                assert reply.body == (SAMPLES / name).read_bytes()

    async def test_an_event_without_its_document(self, plain: Plain) -> None:
        cancelled = "35131075892067000187570040000001081211931324"
        async with Sandbox(acervo=SAMPLES, credits=None) as sandbox:
            item = (await plain.send(sandbox, f"/{cancelled}")).json()
            assert item["situacao"] == "cancelada"
            assert item["documento_emitente"] == "75892067000187"
            assert item["data_cancelamento"] == "2013-10-31T09:44:20-03:00"
            assert item["justificativa_cancelamento"] == "TESTE DE ENVIO DE CANCELAMENTO VIA EVENTO"
            assert (item["nome_emitente"], item["valor_total"]) == (None, None)
            for suffix in (".xml", ".pdf"):
                assert (await plain.send(sandbox, f"/{cancelled}{suffix}")).status == 404
            whole = await plain.send(sandbox, f"/{cancelled}", params={"completa": "1"})
            assert whole.json()["requisicao"] == {}

    async def test_a_correction_letter_in_words(self, plain: Plain) -> None:
        items = {item["chave"]: item for item in await serve(plain, SAMPLES)}
        corrected = items["35131111319532000102570010000019501011529288"]
        assert corrected["carta_correcao"] == "rem/nro: 170\nrem/fone: 14991001000"
        assert corrected["data_carta_correcao"] == "2013-11-23T08:47:15-03:00"
        assert corrected["situacao"] == "autorizada"


@pytest.mark.parametrize(
    "content",
    [
        cteproc(),
        cteproc(xmlns=""),
        b"\xef\xbb\xbf" + cteproc().encode(),
        cteproc().encode("utf-16"),
        b'<?xml version="1.0" encoding="iso-8859-1"?>' + cteproc().encode("iso-8859-1"),
        f'<c:cteProc xmlns:c="{CTE}"><c:CTe>'
        + infcte().replace("</", "</c:").replace("<", "<c:").replace("<c:/c:", "</c:")
        + "</c:CTe></c:cteProc>",
        f"<CTe>{infcte()}</CTe>",
        f"<cteOSProc><CTeOS>{infcte()}</CTeOS></cteOSProc>",
        f"<CTeOS>{infcte()}</CTeOS>",
        f"<cteSimpProc><CTeSimp>{infcte()}</CTeSimp></cteSimpProc>",
        f"<CTeSimp>{infcte()}</CTeSimp>",
        f"<GTVe>{infcte()}</GTVe>",
    ],
)
async def test_roots_namespaces_and_encodings(
    plain: Plain, tmp_path: Path, content: str | bytes
) -> None:
    write(tmp_path, one=content)
    async with Sandbox(acervo=tmp_path) as sandbox:
        (item,) = await plain.everything(sandbox)
        assert item["chave"] == CHAVE
        assert item["nome_emitente"] == "Ação & Cia"
        stored = (await plain.send(sandbox, f"/{CHAVE}.xml")).body
    assert stored == (tmp_path / "one.xml").read_bytes()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-07-06T08:00:00", "2026-07-06T08:00:00-03:00"),
        ("2026-07-06T08:00:00-04:00", "2026-07-06T08:00:00-04:00"),
        ("ontem", "ontem"),
    ],
)
async def test_dates(plain: Plain, tmp_path: Path, written: str, expected: str) -> None:
    write(tmp_path, one=cteproc(infcte(ide=f"<dhEmi>{written}</dhEmi>")))
    async with Sandbox(acervo=tmp_path) as sandbox:
        (item,) = await plain.everything(sandbox)
        assert item["data_emissao"] == expected
        sandbox.cancel(CHAVE)
        assert (await plain.send(sandbox, f"/{CHAVE}")).json()["data_cancelamento"]


@pytest.mark.parametrize(("status", "situacao"), [("100", "autorizada"), ("110", "denegada")])
async def test_the_protocol_gives_situation_and_digest(
    plain: Plain, tmp_path: Path, status: str, situacao: str
) -> None:
    protocol = f"<protCTe><infProt><digVal>AAAA</digVal><cStat>{status}</cStat></infProt></protCTe>"
    write(tmp_path, one=cteproc(tail=protocol))
    (item,) = await serve(plain, tmp_path)
    assert (item["situacao"], item["digest_value"]) == (situacao, "AAAA")


async def test_values_of_each_layout(plain: Plain, tmp_path: Path) -> None:
    write(
        tmp_path,
        a=cteproc(infcte(body="<vPrest><vTPrest>10.50</vTPrest></vPrest>")),
        b=f"<CTeSimp>{infcte(OTHER, body='<total><vTPrest>7.00</vTPrest></total>')}</CTeSimp>",
    )
    values = {item["chave"]: item["valor_total"] for item in await serve(plain, tmp_path)}
    assert values == {CHAVE: "10.50", OTHER: "7.00"}


@pytest.mark.parametrize(
    ("ide", "body"),
    [
        ("<toma3><toma>0</toma></toma3>", f"<rem><CNPJ>{US}</CNPJ></rem>"),
        ("<toma03><toma>1</toma></toma03>", f"<exped><CNPJ>{US}</CNPJ></exped>"),
        (f"<toma4><toma>4</toma><CNPJ>{US}</CNPJ></toma4>", ""),
        (f"<toma04><toma>4</toma><CNPJ>{US}</CNPJ></toma04>", ""),
        ("", f"<toma><CNPJ>{US}</CNPJ></toma>"),
        ("<toma><toma>3</toma></toma>", f"<dest><CNPJ>{US}</CNPJ></dest>"),
        (f"<tomaTerceiro><CNPJ>{US}</CNPJ></tomaTerceiro>", ""),
        ("<toma3><toma>0</toma></toma3>", f"<dest><CNPJ>{US}</CNPJ></dest>"),
    ],
)
def test_our_company_is_the_tomador_or_the_addressee(tmp_path: Path, ide: str, body: str) -> None:
    write(tmp_path, one=cteproc(infcte(ide=ide, body=body)))
    assert Sandbox(acervo=tmp_path).cnpj == US


def test_the_most_frequent_company_is_ours(tmp_path: Path) -> None:
    masked = "<dest><CNPJ>99999999999999</CNPJ></dest>"
    rare = "<dest><CNPJ>17155342000345</CNPJ></dest>"
    often = f"<dest><CNPJ>{US}</CNPJ></dest>"
    parties = [masked] * 5 + [rare] + [often] * 2
    for number, body in enumerate(parties):
        write(tmp_path, **{f"f{number}": cteproc(infcte(f"{CHAVE[:-1]}{number}", body=body))})
    assert Sandbox(acervo=tmp_path).cnpj == US


def test_without_any_company_the_seed_gives_one(tmp_path: Path) -> None:
    write(tmp_path, one=cteproc())
    assert Sandbox(acervo=tmp_path, seed=3).cnpj == Sandbox(seed=3).cnpj


async def test_events_change_their_document(plain: Plain, tmp_path: Path) -> None:
    fix = (
        "<infCorrecao><grupoAlterado>ide</grupoAlterado><campoAlterado>UFIni</campoAlterado>"
        "<valorAlterado>{}</valorAlterado></infCorrecao>"
    )
    files = {
        "a": event(kind="110110", number="2", detail=fix.format("SP")),
        "b": event(kind="110110", number="1", detail=fix.format("RJ")),
        "c": event(detail="<evCancCTe><xJust>Emissão em duplicidade</xJust></evCancCTe>"),
        "d": cteproc(),
    }
    write(tmp_path, **files)
    async with Sandbox(acervo=tmp_path) as sandbox:
        (item,) = await plain.everything(sandbox)
        assert item["situacao"] == "cancelada"
        assert item["justificativa_cancelamento"] == "Emissão em duplicidade"
        assert item["data_cancelamento"] == "2026-07-10T10:00:00-04:00"
        assert item["carta_correcao"] == "ide/UFIni: SP"
        letter = await plain.send(sandbox, f"/{CHAVE}/carta_correcao.xml")
        assert letter.text == files["a"]
        assert list(sandbox.skipped) == ["b.xml"]
        assert "later event" in sandbox.skipped["b.xml"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<nota/>", "nota"),
        ("texto", "not well-formed"),
        ("", "not well-formed"),
        (cteproc().replace("</cteProc>", ""), "not well-formed"),
        ("<cteProc/>", "no infCte"),
        (cteproc(infcte("123")), "no access key"),
        (cteproc(infcte(CHAVE[:-1] + "X")), "no access key"),
        (cteproc(infcte(OTHER.lower())), "no access key"),
        (event(kind="610110"), "610110"),
        (event(chave="1"), "no access key"),
        ("<procEventoCTe/>", "infEvento"),
        ('<!DOCTYPE cteProc [<!ENTITY a "b">]>' + cteproc(), "DTD"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd">' + cteproc(), "DTD"),
        (b'<?xml version="1.0" encoding="x-none"?><cteProc/>', "not well-formed"),
    ],
)
async def test_what_is_skipped(
    plain: Plain, tmp_path: Path, content: str | bytes, reason: str
) -> None:
    write(tmp_path, bad=content, good=cteproc(infcte(OTHER)))
    async with Sandbox(acervo=tmp_path) as sandbox:
        assert [item["chave"] for item in await plain.everything(sandbox)] == [OTHER]
        assert list(sandbox.skipped) == ["bad.xml"]
        assert reason in sandbox.skipped["bad.xml"]


async def test_of_two_files_with_one_key_the_first_is_served(plain: Plain, tmp_path: Path) -> None:
    write(tmp_path, a=cteproc(), b=cteproc(infcte(body="<x/>")))
    async with Sandbox(acervo=tmp_path) as sandbox:
        assert len(await plain.everything(sandbox)) == 1
        stored = (await plain.send(sandbox, f"/{CHAVE}.xml")).body
    assert stored == (tmp_path / "a.xml").read_bytes()
    assert CHAVE in sandbox.skipped["b.xml"]


async def test_only_xml_files_count(plain: Plain, tmp_path: Path) -> None:
    write(tmp_path, one=cteproc())
    (tmp_path / "leia-me.txt").write_text("x")
    (tmp_path / "pasta.xml").mkdir()
    (tmp_path / "DOIS.XML").write_text(cteproc(infcte(OTHER)), encoding="utf-8")
    async with Sandbox(acervo=tmp_path) as sandbox:
        assert len(await plain.everything(sandbox)) == 2
    assert not sandbox.skipped


async def test_more_documents_may_arrive(plain: Plain, tmp_path: Path) -> None:
    write(tmp_path, one=cteproc())
    async with Sandbox(acervo=tmp_path, credits=None) as sandbox:
        (fresh,) = sandbox.receive()
        sandbox.correct(CHAVE, "Onde se lê um, leia-se dois")
        items = await plain.everything(sandbox)
        assert [item["chave"] for item in items] == [fresh, CHAVE]
        assert ET.fromstring((await plain.send(sandbox, f"/{fresh}.xml")).body) is not None
        assert (await plain.send(sandbox, f"/{CHAVE}/carta_correcao.xml")).status == 200
        text = {"observacoes": "Frete cobrado em duplicidade"}
        path = f"/{CHAVE}/desacordo"
        reply = await plain.send(sandbox, path, method="POST", json=text)
        assert reply.json()["status"] == "evento_registrado"


def test_a_folder_that_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nenhuma"):
        Sandbox(acervo=tmp_path / "nenhuma")
    file = tmp_path / "arquivo"
    file.write_text("x")
    with pytest.raises(NotADirectoryError, match="arquivo"):
        Sandbox(acervo=file)
    empty = tmp_path / "vazia"
    empty.mkdir()
    with pytest.raises(ValueError, match="vazia"):
        Sandbox(acervo=empty)
    write(empty, ruim="<nota/>")
    with pytest.raises(ValueError, match=r"ruim\.xml: root element nota"):
        Sandbox(acervo=str(empty))
