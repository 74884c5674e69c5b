"""focus-cte show: all that is known of a document, now and at the end of a day."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from scenes import Scene

NO_KEY = "29260700083497183660579200000010011057168787"


def sections(text: str) -> dict[str, list[str]]:
    """The lines below each title."""
    found: dict[str, list[str]] = {}
    for block in text.split("\n\n")[1:]:
        title, *lines = block.splitlines()
        found[title] = [" ".join(line.split()) for line in lines]
    return found


async def test_all_is_shown_by_sections(stored: Scene) -> None:
    done = await stored.run("show", stored.corrected)
    assert (done.code, done.err, done.lines[0]) == (0, "", stored.heading)
    found = sections(done.out)
    assert list(found) == [
        stored.corrected,
        "Parts",
        "Values",
        "Versions",
        "Events",
        "Term",
        "Verification",
        "Files",
    ]
    assert "value R$ 135,85" in found[stored.corrected]
    assert any("leia-se XYZ9K87" in line for line in found[stored.corrected])
    assert found["Parts"][0] == (
        "emitente 69.859.781/0001-70 Expresso Sertão Livre Ltda CAXIAS DO SUL/RS"
    )
    assert "ICMS R$ 16,30" in found["Values"]
    assert found["Versions"] == ["1048 autorizada"]
    assert found["Events"][0].startswith("110110-01 06/07/2026")
    assert found["Term"][0].endswith("it is over")
    assert found["Verification"] == ["signature it is what was signed"]
    assert len(found["Files"]) == 2


def test_who_is_a_person_is_masked(stored: Scene) -> None:
    done = stored.invoke("show", stored.sandbox.chaves[0])
    assert "***.971.836-**  José Aparecido da Conceição" in done.out
    assert "834.971.836-60" not in done.out.replace(stored.sandbox.chaves[0], "")


def test_json_is_whole_on_a_terminal_of_any_width(stored: Scene) -> None:
    done = stored.invoke("show", stored.cancelled, "--json")
    assert (done.code, done.err) == (0, f"{stored.heading}\n")
    known = json.loads(done.out)
    assert known["documento"]["situacao"] == "cancelada"
    assert [each["versao"] for each in known["versoes"]] == [1049]
    assert known["eventos"][0]["tipo"] == "110111"
    assert known["files"].keys() == {"xml", "cancelamento"}


async def test_json_is_not_broken_by_the_width_of_a_terminal(stored: Scene) -> None:
    done = await stored.on_a_terminal("show", stored.cancelled, "--json")
    heading, data = done.lines
    assert heading == stored.heading
    assert json.loads(data)["documento"]["chave"] == stored.cancelled


def test_as_of_a_day_is_what_was_known_then(filled: Scene) -> None:
    chave = filled.sandbox.chaves[0]
    yesterday = datetime.now().astimezone() - timedelta(days=1)
    filled.sql(
        "UPDATE versoes SET seen_at = :then",
        then=f"{yesterday.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
    )
    filled.sandbox.correct(chave)
    asyncio.run(filled.sync())
    before = sections(filled.invoke("show", chave, "--as-of", f"{yesterday:%Y-%m-%d}").out)
    after = sections(
        filled.invoke("show", chave, "--as-of", f"{datetime.now().astimezone():%d/%m/%Y}").out
    )
    assert [len(found["Versions"]) for found in (before, after)] == [1, 2]
    assert not any(line.startswith("corrected") for line in before[chave])
    assert any("leia-se XYZ9K87" in line for line in after[chave])
    long_ago = filled.invoke("show", chave, "--as-of", "2020-01-01")
    assert (long_ago.code, long_ago.out) == (1, "")
    assert "the archive has no such document at 01/01/2020 23:59" in long_ago.err


def test_as_of_a_day_before_its_xml_came_nothing_of_it_was_known(stored: Scene) -> None:
    chave = stored.cancelled
    then = "2026-07-08T12:00:00.000000Z"
    stored.sql("UPDATE versoes SET seen_at = :then", then=then)
    stored.sql("UPDATE changes SET at = :then WHERE what = 'received'", then=then)
    found = sections(stored.invoke("show", chave, "--as-of", "2026-07-08").out)
    assert not found.keys() & {"Parts", "Values", "Events", "Files"}
    assert found["Verification"] == ["signature there is no XML yet"]
    assert found["Term"][0].endswith("42 days left, estimated")
    assert not any(line.startswith(("protocol", "authorized")) for line in found[chave])
    known = json.loads(stored.invoke("show", chave, "--as-of", "2026-07-08", "--json").out)
    document = known["documento"]
    assert (document["tem_xml"], document["tomador"], document["prazo_estimado"]) == (
        False,
        None,
        True,
    )
    assert (known["cte"], known["files"], known["eventos"]) == (None, {}, [])
    now = json.loads(stored.invoke("show", chave, "--as-of", "2030-01-01", "--json").out)
    assert now == json.loads(stored.invoke("show", chave, "--json").out)


def test_json_as_of_a_day_has_the_status_of_that_day(filled: Scene) -> None:
    chave = filled.sandbox.chaves[0]
    for statement in ("UPDATE versoes SET seen_at = :then", "UPDATE changes SET at = :then"):
        filled.sql(statement, then="2026-07-08T12:00:00.000000Z")
    filled.sandbox.cancel(chave)
    asyncio.run(filled.sync())
    known = json.loads(filled.invoke("show", chave, "--as-of", "2026-07-08", "--json").out)
    assert known["documento"]["situacao"] == "autorizada"
    assert known["documento"]["data_cancelamento"] is None
    assert known["files"].keys() == {"xml"}


def test_what_is_cancelled_stays_so_though_another_companys_listing_is_older(
    stored: Scene,
) -> None:
    chave = stored.cancelled
    other = {"cnpj": "11222333000181", "chave": chave}
    stored.sql(
        "INSERT INTO recebimentos (cnpj, chave, versao, first_seen, origin)"
        " SELECT :cnpj, chave, 7, first_seen, origin FROM recebimentos WHERE chave = :chave",
        **other,
    )
    stored.sql(
        "INSERT INTO versoes (cnpj, chave, versao, raw, seen_at, origin)"
        " SELECT :cnpj, chave, 7, :raw, '2030-01-01T00:00:00.000000Z', origin FROM versoes"
        " WHERE chave = :chave",
        raw=json.dumps({"chave": chave, "versao": 7, "situacao": "autorizada"}),
        **other,
    )
    stored.sql(
        "INSERT INTO changes (seq, cnpj, chave, what, after, at, origin)"
        " SELECT 1000, :cnpj, :chave, 'received', '{\"versao\": 7}', at, origin FROM changes"
        " WHERE seq = 1",
        **other,
    )
    found = sections(stored.invoke("show", chave).out)
    assert found["Versions"] == ["1049 cancelada", "7 autorizada"]
    assert "status cancelada" in found[chave]
    assert any(line.startswith("cancelled ") for line in found[chave])


def test_a_value_that_is_not_known_is_no_line(stored: Scene) -> None:
    stored.sql("UPDATE ctes SET valor_total = NULL")
    stored.sql("UPDATE versoes SET raw = json_remove(raw, '$.valor_total')")
    found = sections(stored.invoke("show", stored.corrected).out)
    assert not any(line.startswith("value") for line in found[stored.corrected])


def test_a_document_that_the_archive_has_not_is_said(stored: Scene) -> None:
    done = stored.invoke("show", NO_KEY)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"focus-cte: {NO_KEY}: the archive has no such document\n"


def test_what_is_no_key_or_no_date_is_a_usage_error(stored: Scene) -> None:
    assert stored.invoke("show", "123").code == 2
    done = stored.invoke("show", stored.corrected, "--as-of", "yesterday")
    assert (done.code, done.out) == (2, "")
    assert "'yesterday' is no date such as 2026-10-31" in done.err


def test_a_document_whose_xml_is_not_there_or_not_to_be_read_is_shown(stored: Scene) -> None:
    chave = stored.corrected
    (xml,) = stored.acervo.rglob(f"{chave}-cte.xml")
    xml.write_bytes(b"<cteProc")
    broken = sections(stored.invoke("show", chave).out)
    xml.unlink()
    gone = sections(stored.invoke("show", chave).out)
    for found in (broken, gone):
        assert "Parts" not in found
        assert "value R$ 135,85" in found[chave]
    assert len(gone["Files"]) == len(broken["Files"]) - 1
