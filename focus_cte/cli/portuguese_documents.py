"""What `focus-cte` says of documents, in Portuguese. Data only, as `portuguese`."""

from __future__ import annotations

from typing import Final

OF_DOCUMENTS: Final[dict[str, str]] = {
    # list, show, get, deadlines, changes
    "Documents of the archive, the newest first.": (
        "Documentos do acervo, do mais novo ao mais antigo."
    ),
    "only freight that one of your companies pays for": (
        "só fretes que uma das suas empresas paga"
    ),
    "CNPJ or CPF of who pays, known from the XML": "CNPJ ou CPF de quem paga, conforme o XML",
    "the key of an NF-e that it carries, known from the XML": (
        "a chave de uma NF-e que ele transporta, conforme o XML"
    ),
    "month of the emission": "mês da emissão",
    "autorizada, cancelada, denegada": "autorizada, cancelada, denegada",
    "CNPJ or CPF of the issuer": "CNPJ ou CPF do emitente",
    "CSV, for programs": "CSV, para programas",
    "CSV for Excel: ; and decimal comma, keys as text": (
        "CSV para o Excel: ; e vírgula decimal, chaves como texto"
    ),
    "of {count} more documents who pays is not known, before their XML is there": (
        "de mais {count} documentos não se sabe quem paga, antes de o XML chegar"
    ),
    "one of --json, --csv and --br, not several": "só um de --json, --csv e --br",
    "key": "chave",
    "issued": "emissão",
    "status": "situação",
    "issuer": "emitente",
    "All that is known of one document.": "Tudo o que se sabe de um documento.",
    "what was known at the end of that day": "o que se sabia no fim daquele dia",
    "{chave}: the archive has no such document{when}": "{chave}: o acervo não o tem{when}",
    "at {when}": "em {when}",
    "value": "valor",
    "received by": "recebido por",
    "protocol": "protocolo",
    "authorized": "autorizado",
    "cancelled": "cancelado",
    "corrected": "corrigido",
    "Parts": "Partes",
    "Values": "Valores",
    "freight": "frete",
    "receivable": "a receber",
    "Versions": "Versões",
    "Events": "Eventos",
    "Term": "Prazo",
    "Verification": "Verificação",
    "Desacordo": "Desacordo",
    "Files": "Arquivos",
    "until": "até",
    "not known": "desconhecido",
    "it is over": "terminou",
    "estimated": "estimado",
    "{count} days left": "faltam {count} dias",
    "signature": "assinatura",
    "there is no XML yet": "ainda não há XML",
    "it is what was signed": "é o que foi assinado",
    "it is NOT what was signed": "NÃO é o que foi assinado",
    "Files of one document, from the archive or the API.": (
        "Arquivos de um documento, do acervo ou da API."
    ),
    "the XML; it is the default": "o XML; é o padrão",
    "the DACTe": "o DACTe",
    "where to put them": "onde colocá-los",
    "What can still be disputed, by the days that are left.": (
        "O que ainda pode ser contestado, pelos dias que faltam."
    ),
    "only terms that end in less than this": "só prazos que terminam em menos que isto",
    "days": "dias",
    "payer": "tomador",
    "~: estimated, and who pays is not known, before the XML is there": (
        "~: estimado, e quem paga não se sabe, antes de o XML chegar"
    ),
    "What changed, by number. Keep the last one that you processed.": (
        "O que mudou, por número. Guarde o último que você processou."
    ),
    "the number to go on behind": "o número depois do qual continuar",
    "JSON Lines, for programs": "JSON Lines, para programas",
    "number": "número",
    "seen": "visto",
    "what": "o quê",
    "details": "detalhes",
    # desacordo
    "Look at a desacordo, send it, see what became of it.": (
        "Examina um desacordo, envia, vê no que deu."
    ),
    "Tell what SEFAZ would refuse. Nothing is sent; it costs 3 credits.": (
        "Diz o que a SEFAZ recusaria. Nada é enviado; custa 3 créditos."
    ),
    "Register it at SEFAZ. The vendor cannot take it back.": (
        "Registra-o na SEFAZ. O fornecedor não pode desfazê-lo."
    ),
    "What the API and the archive know of a document's desacordo.": (
        "O que a API e o acervo sabem do desacordo de um documento."
    ),
    "All desacordos of the archive: who, when, and the answer.": (
        "Todos os desacordos do acervo: quem, quando, e a resposta."
    ),
    "the text, 15 to 255 characters": "o texto, 15 a 255 caracteres",
    "in scripts: the key once more, in place of the question": (
        "em scripts: a chave outra vez, no lugar da pergunta"
    ),
    "who wants it, for the record": "quem o quer, para o registro",
    "{chave}: say with --cnpj who registers it": "{chave}: diga com --cnpj quem o registra",
    "as": "como",
    "text": "texto",
    "Nothing is known that stands against it.": "Nada se sabe que o impeça.",
    "nobody can be asked here: give the key again, and --actor with a name": (
        "aqui não há a quem perguntar: dê a chave outra vez, e --actor com um nome"
    ),
    "{confirm!r} is not the key {chave}": "{confirm!r} não é a chave {chave}",
    "say who wants it": "diga quem o quer",
    "It will be registered at SEFAZ, and the vendor cannot take it back.": (
        "Será registrado na SEFAZ, e o fornecedor não pode desfazê-lo."
    ),
    "The last {count} characters of the key, to send it": (
        "Os últimos {count} caracteres da chave, para enviar"
    ),
    "{typed!r} is not its end: nothing was sent": "{typed!r} não é o fim dela: nada foi enviado",
    "stopped; it may be registered: `focus-cte desacordo status {chave}` tells": (
        "interrompido; pode ter sido registrado: `focus-cte desacordo status {chave}` diz"
    ),
    "the archive is of {archive}, and the token for {token}": (
        "o acervo é de {archive}, e o token de {token}"
    ),
    "registering: the vendor cannot take it back": "registrando: o fornecedor não pode desfazer",
    "registered: {status} {message}, protocol {protocolo}": (
        "registrado: {status} {message}, protocolo {protocolo}"
    ),
    "the API knows of no desacordo of it": "a API não conhece desacordo dele",
    "registered": "registrado",
    "at": "em",
    "outcome": "resultado",
    "who": "quem",
    # export, verify
    "XMLs and events of a month, in a ZIP with a manifest.": (
        "XMLs e eventos de um mês, em um ZIP com um manifesto."
    ),
    "the file to write": "o arquivo a gravar",
    "--zip {path}: name a file in a folder": "--zip {path}: diga um arquivo em uma pasta",
    "{path}: {count} files": "{path}: {count} arquivos",
    "{chave}: its XML is not there yet": "{chave}: seu XML ainda não chegou",
    "{count} documents of others' freight have no XML here, as with --keep tomador": (
        "{count} documentos de fretes de outros não têm XML aqui, como com --keep tomador"
    ),
    "{chave}: its XML is NOT what was signed": "{chave}: seu XML NÃO é o que foi assinado",
    "{chave}: the XML of its event {tipo} is not there": (
        "{chave}: falta o XML do seu evento {tipo}"
    ),
    "Prove that the archive is whole. With --remote, that no document is missing.": (
        "Prova que o acervo está inteiro. Com --remote, que nenhum documento falta."
    ),
    "read the listings again, and compare": "lê as listagens outra vez, e compara",
    "have what is damaged fetched again by the next sync": (
        "faz o próximo sync baixar de novo o que está danificado"
    ),
    "repair without asking": "repara sem perguntar",
    "nobody can be asked here: say --yes": "aqui não há a quem perguntar: diga --yes",
    "{count} files looked at": "{count} arquivos examinados",
    "{count} documents compared with the listing, {requests} requests": (
        "{count} documentos comparados com a listagem, {requests} requisições"
    ),
    "{cnpj}: not compared, for --config does not name it": (
        "{cnpj}: não comparado, pois --config não o traz"
    ),
    "nothing is wrong": "está tudo certo",
    "to repair it costs about {credits} credits, {minutes} minutes or more": (
        "reparar custa cerca de {credits} créditos, {minutes} minutos ou mais"
    ),
    "Repair it?": "Reparar?",
    "{count} repaired: the next sync fetches the files": (
        "{count} reparados: o próximo sync baixa os arquivos"
    ),
    "not repaired: {why}": "não reparado: {why}",
    # sandbox
    "An API to try it all with. It prints its URL, token and CNPJ.": (
        "Uma API para experimentar tudo. Ela mostra URL, token e CNPJ."
    ),
    "0: a free one": "0: uma livre",
    "serve the CT-e XMLs of this folder instead": "serve os XMLs de CT-e desta pasta",
    "documents at the start": "documentos no início",
    "a minute; 0: no limit": "por minuto; 0: sem limite",
}
