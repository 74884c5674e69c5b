"""What the archive tells of documents: all that meet the question, once, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from focus_cte import CTeRecebida, FocusCTe, InvalidArgument, Situacao, TipoCTe
from focus_cte.mirror import lease, pull, query
from focus_cte.mirror.schema import ctes, eventos, files, instant, nfes, recebimentos
from focus_cte.mirror.store import Store
from focus_cte.sandbox import Sandbox
from focus_cte.xml import Papel

OURS, OTHER = "24178617000110", "11222333000181"
BRASILIA = timezone(timedelta(hours=-3))
START = datetime(2026, 7, 1, 8, tzinfo=BRASILIA)
NEVER = datetime.max.replace(tzinfo=BRASILIA)
NFE = "35260712ABC34501DE35550010000000011000000014"


def chave(number: int) -> str:
    return f"352607123456780001955700100000{number:04}1000000017"


async def put(store: Store, documents: Sequence[dict[str, Any]], cnpj: str = OURS) -> None:
    """Documents as the pull stores them, each with what is particular to it."""
    plain = {
        "situacao": "autorizada",
        "tipo_cte": "0",
        "documento_emitente": "12345678000195",
        "tomador": None,
        "papel_tomador": None,
        "competencia": "2026-07",
        "valor_total": Decimal("295.66"),
        "prazo_estimado": True,
        **instant("emissao", START),
    }
    async with store.writing() as writer:
        await writer.insert(ctes, [{**plain, **document} for document in documents])
        rows = [
            {"cnpj": cnpj, "chave": d["chave"], "versao": n, "first_seen": writer.now}
            for n, d in enumerate(documents, 1)
        ]
        await writer.insert(recebimentos, rows)


async def found(store: Store, **asked: Any) -> list[str]:
    return [document.chave async for document in query.ctes(store, **asked)]


def moment(number: int) -> dict[str, Any]:
    return dict(instant("emissao", START + timedelta(hours=number)))


async def test_a_document_is_told_as_it_came(store: Store) -> None:
    special = {
        "chave": chave(1),
        "tipo_cte": "9",
        "tomador": "12345678909",
        "papel_tomador": "destinatario",
    }
    await put(store, [special])
    await put(store, [special], OTHER)
    async with store.writing() as writer:
        row = {"chave": chave(1), "kind": "xml", "state": "stored", "wanted_at": writer.now}
        await writer.insert(files, [row])
    document = await query.get(store, "3526 0712 3456 7800 0195" + chave(1)[20:])
    assert document is not None
    assert document.cnpjs == (OTHER, OURS)
    assert document.situacao is Situacao.AUTORIZADA
    assert document.tipo_cte == "9"
    assert not isinstance(document.tipo_cte, TipoCTe)
    assert document.papel_tomador is Papel.DESTINATARIO
    assert document.valor_total == Decimal("295.66")
    assert document.emissao == START
    assert document.emissao.isoformat() == "2026-07-01T08:00:00-03:00"
    assert document.tem_xml
    assert (document.verificado, document.problemas) == (None, ())
    assert await query.get(store, chave(2)) is None


async def test_a_file_that_is_wanted_is_none_yet(store: Store) -> None:
    await put(store, [{"chave": chave(1)}])
    async with store.writing() as writer:
        wanted = {"chave": chave(1), "kind": "xml", "state": "wanted", "wanted_at": writer.now}
        stored = {**wanted, "kind": "dacte", "state": "stored"}
        await writer.insert(files, [wanted, stored])
    document = await query.get(store, chave(1))
    assert document is not None
    assert not document.tem_xml


async def test_each_question_finds_what_meets_it(store: Store) -> None:
    await put(
        store,
        [
            {"chave": chave(1), **moment(5)},
            {"chave": chave(2), "situacao": "cancelada", **moment(4)},
            {"chave": chave(3), "tomador": OURS, **moment(3)},
            {"chave": chave(4), "tomador": "12345678909", **moment(2)},
            {"chave": chave(5), "documento_emitente": "12ABC34501DE35", **moment(1)},
            {"chave": chave(6), "competencia": "2026-06", **moment(0)},
        ],
    )
    await put(store, [{"chave": chave(7)}], OTHER)
    async with store.writing() as writer:
        await writer.insert(nfes, [{"chave": chave(n), "chave_nfe": NFE} for n in (2, 4)])
    assert await found(store, cnpj="11.222.333/0001-81") == [chave(7)]
    assert await found(store, cnpj=OURS) == [chave(n) for n in range(1, 7)]
    for word in ("cancelada", "Cancelado", Situacao.CANCELADA):
        assert await found(store, situacao=word) == [chave(2)]
    assert await found(store, tomador="24.178.617/0001-10") == [chave(3)]
    assert await found(store, tomador="123.456.789-09") == [chave(4)]
    assert await found(store, emitente="12.abc.345/01de-35") == [chave(5)]
    assert await found(store, competencia="2026-06") == [chave(6)]
    assert await found(store, nfe=f"{NFE[:10]} {NFE[10:]}") == [chave(2), chave(4)]
    assert await found(store, nfe=NFE, situacao="autorizada") == [chave(4)]
    assert await found(store, nfe=NFE, cnpj=OTHER) == []


async def test_a_document_without_emission_is_of_the_month_of_its_key(store: Store) -> None:
    nowhen: dict[str, Any] = {"emissao": None, "emissao_offset": None, "competencia": None}
    june = {"chave": chave(3), "competencia": "2026-06"}
    await put(store, [{"chave": chave(1)}, {"chave": chave(2), **nowhen}, june])
    assert await found(store, competencia="2026-07") == [chave(1), chave(2)]
    for month in ("2026-06", "1926-07"):
        assert chave(2) not in await found(store, competencia=month)


async def test_a_term_ends_after_one_moment_and_until_another(store: Store) -> None:
    """Of the range, the first moment is not part, and the last is."""
    days = [START + timedelta(days=n) for n in range(4)]
    await put(store, [{"chave": chave(n), "prazo": day} for n, day in enumerate(days)])
    await put(store, [{"chave": chave(9), "prazo": None}], OTHER)
    inside = timedelta(microseconds=1)
    assert await found(store, due_after=days[0]) == [chave(1), chave(2), chave(3)]
    assert await found(store, due_after=days[1] - inside, due_before=days[2]) == [
        chave(1),
        chave(2),
    ]
    assert await found(store, due_before=days[2] - inside) == [chave(0), chave(1)]
    assert await found(store, due_before=days[1].astimezone(UTC)) == [chave(0), chave(1)]
    assert await found(store, due_after=days[2], due_before=days[2]) == []
    assert await found(store, due_after=days[0], cnpj=OTHER) == []
    assert await found(store) == [chave(n) for n in (0, 1, 2, 3, 9)]


@pytest.mark.parametrize("count", [0, 1, query.PAGE, 2 * query.PAGE + 3])
async def test_they_come_once_each_the_newest_first_then_by_key(store: Store, count: int) -> None:
    """Five a moment, so that a page ends among equals; and some whose emission is not known."""
    nowhen: dict[str, Any] = {"emissao": None, "emissao_offset": None}
    documents: list[dict[str, Any]] = [
        {"chave": chave(n), **(moment(n // 5) if n % 3 else nowhen)} for n in range(count)
    ]
    await put(store, documents)
    floor = datetime.min.replace(tzinfo=UTC)
    expected = sorted(documents, key=lambda d: d["chave"])
    expected.sort(key=lambda d: d["emissao"] or floor, reverse=True)
    assert await found(store) == [document["chave"] for document in expected]


async def test_nothing_is_open_while_the_caller_works(store: Store) -> None:
    await put(store, [{"chave": chave(n), **moment(n)} for n in range(3)])
    async for _ in query.ctes(store):
        assert store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        await put(store, [{"chave": chave(99), **moment(99)}])
        break


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"cnpj": "1"}, "CNPJ"),
        ({"tomador": "1"}, "tomador"),
        ({"emitente": 1}, "emitente"),
        ({"competencia": "2026-13"}, "competencia"),
        ({"competencia": "07/2026"}, "competencia"),
        ({"competencia": "2026-07\n"}, "competencia"),
        ({"nfe": "1"}, "access key"),
        ({"situacao": " "}, "situacao"),
        ({"due_after": datetime(2026, 7, 1)}, "due_after must be .* offset"),  # noqa: DTZ001
        ({"due_before": "2026-07-01"}, "due_before must be .* '2026-07-01'"),
        ({"due_before": NEVER}, "due_before=.* ends of time"),
    ],
)
def test_a_wrong_question_is_refused_at_once(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        query.ctes(Store("sqlite:///unused.db"), **asked)


async def test_events_are_told_oldest_first(store: Store) -> None:
    async with store.writing() as writer:
        for sequencia, hour in ((2, 9), (1, 3)):
            row = {
                "chave": chave(1),
                "tipo": "110110",
                "sequencia": sequencia,
                "sha256": f"{sequencia}" * 64,
                **instant("at", START + timedelta(hours=hour)),
                "path": f"xml/2607/{chave(1)}-110110-{sequencia:02}.xml",
                "seen_at": writer.now,
            }
            await writer.insert(eventos, [row])
    events = await query.eventos(store, chave(1))
    assert [event.sequencia for event in events] == [1, 2]
    assert events[0].at.isoformat() == "2026-07-01T11:00:00-03:00"
    assert await query.eventos(store, chave(2)) == ()


async def test_what_was_known_when(store: Store, sandbox: Sandbox, focus: FocusCTe) -> None:
    held, key = await lease.take(store, sandbox.cnpj), sandbox.chaves[0]
    first = datetime(2026, 8, 1, tzinfo=UTC)
    store.clock = lambda: first
    await pull.store_items(store, held, (await focus.listar(sandbox.cnpj)).ctes)
    sandbox.cancel(key)
    later = first + timedelta(minutes=2)
    store.clock = lambda: later
    await pull.store_items(store, held, [await focus.consultar(key)])

    def said(items: tuple[CTeRecebida, ...]) -> list[Any]:
        return [item.situacao for item in items]

    both = [Situacao.AUTORIZADA, Situacao.CANCELADA]
    assert said(await query.historico(store, key)) == both
    assert said(await query.historico(store, key, as_of=later)) == both
    assert said(await query.historico(store, key, as_of=first)) == both[:1]
    assert await query.historico(store, key, as_of=first - timedelta(seconds=1)) == ()
    amounts = {item.valor_total for item in await query.historico(store, key)}
    assert amounts == {(await focus.consultar(key)).valor_total}


@pytest.mark.parametrize("as_of", ["2026-07-01", datetime(2026, 7, 1)])  # noqa: DTZ001
async def test_a_moment_without_an_offset_is_refused(store: Store, as_of: Any) -> None:
    with pytest.raises(InvalidArgument, match="as_of"):
        await query.historico(store, chave(1), as_of=as_of)


async def test_a_moment_outside_of_time_is_refused(store: Store) -> None:
    east = datetime.min.replace(tzinfo=timezone(timedelta(hours=3)))
    with pytest.raises(InvalidArgument, match="as_of"):
        await query.historico(store, chave(1), as_of=east)
