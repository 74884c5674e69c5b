"""What `focus-cte` says, in Portuguese. Data only; a test holds that nothing is missing or left."""

from __future__ import annotations

from typing import Final

TEXTS: Final[dict[str, str]] = {
    # The program.
    "Every CT-e issued against your companies, kept in a folder, through Focus NFe.": (
        "Todo CT-e emitido contra as suas empresas, guardado em uma pasta, pela Focus NFe."
    ),
    "FOCUS_NFE_TOKEN and FOCUS_NFE_AMBIENTE (homologacao or producao) say who you are, or"
    " --config a companies.toml.": (
        "FOCUS_NFE_TOKEN e FOCUS_NFE_AMBIENTE (homologacao ou producao) dizem quem você é, ou"
        " --config um companies.toml."
    ),
    "Exit codes: 0 done, 1 error, 2 usage, 3 files overdue or unusable, 4 token refused, 5"
    " another process is at it, 6 silence.": (
        "Códigos de saída: 0 feito, 1 erro, 2 uso, 3 arquivos atrasados ou inutilizáveis, 4 token"
        " recusado, 5 outro processo está nisso, 6 silêncio."
    ),
    "of messages; by default, of LANG": "das mensagens; por padrão, o de LANG",
    "stopped; what is stored is whole: the same command goes on from here": (
        "interrompido; o que está guardado está inteiro: o mesmo comando continua daqui"
    ),
    "no environment yet": "ainda sem ambiente",
    # Arguments.
    "{folder}: there is no archive; `focus-cte sync --to {folder}` makes one": (
        "{folder}: não há acervo; `focus-cte sync --to {folder}` cria um"
    ),
    "{folder}: there is no such folder": "{folder}: essa pasta não existe",
    "{text!r} is no date such as 2026-10-31": "{text!r} não é uma data como 2026-10-31",
    "{text!r} is no length of time such as 2h, 30min or 10d": (
        "{text!r} não é um tempo como 2h, 30min ou 10d"
    ),
    "the archive: the folder that sync made": "o acervo: a pasta que o sync criou",
    "the archive: a folder, made where it is not there": (
        "o acervo: uma pasta, criada onde não existir"
    ),
    "the access key, 44 characters": "a chave de acesso, 44 caracteres",
    "which of your companies": "qual das suas empresas",
    "which of your companies; may be repeated": "qual das suas empresas; pode ser repetido",
    "a companies.toml: companies, environments, where their tokens are": (
        "um companies.toml: empresas, ambientes, onde estão os tokens"
    ),
    "JSON, for programs": "JSON, para programas",
    "{file} has several tokens: say with --cnpj which company this is for": (
        "{file} tem vários tokens: diga com --cnpj para qual empresa é"
    ),
    # sync
    "Bring the archive up to date: the listing, then the files.": (
        "Atualiza o acervo: a listagem, depois os arquivos."
    ),
    "no files of documents emitted before": "sem arquivos de documentos emitidos antes",
    "tomador: only files of freight that you pay for": (
        "tomador: só arquivos de fretes que você paga"
    ),
    "fetch the DACTEs too": "baixa os DACTEs também",
    "go on for ever, with such a pause: 2h": "continua sempre, com uma pausa assim: 2h",
    "credits of each minute left to others": "créditos de cada minuto deixados a outros",
    "say which companies: --cnpj, or --config with a file": (
        "diga quais empresas: --cnpj, ou --config com um arquivo"
    ),
    "an archive is of one environment, and these companies of {several}": (
        "um acervo é de um ambiente só, e estas empresas são de {several}"
    ),
    "next pass in {time}": "próxima passada em {time}",
    "not asked: the token was refused in {where} less than five minutes ago, and the vendor"
    " blocks who insists; correct it, or wait {seconds:.0f} s": (
        "não consultado: o token foi recusado em {where} há menos de cinco minutos, e o fornecedor"
        " bloqueia quem insiste; corrija-o, ou espere {seconds:.0f} s"
    ),
    "{cnpj}  {new} new, {changed} changed, {files} files; {pending} waiting, {overdue} overdue;"
    " versao {versao}, {requests} requests": (
        "{cnpj}  {new} novos, {changed} alterados, {files} arquivos; {pending} esperando,"
        " {overdue} atrasados; versao {versao}, {requests} requisições"
    ),
    "documents": "documentos",
    "files": "arquivos",
    "{count} credits": "{count} créditos",
    "{time} to go": "faltam {time}",
    # status
    "How each company stands. No request is sent.": ("Como está cada empresa. Nada é requisitado."),
    "checked": "consultado",
    "waiting": "esperam",
    "term": "prazo",
    "the last listing was refused: {why}": "a última listagem foi recusada: {why}",
    "{count} files are overdue: wanted for more than a day": (
        "{count} arquivos atrasados: esperados há mais de um dia"
    ),
    "{count} files are not what was asked for, and lie beside as .rejected": (
        "{count} arquivos não são o que se pediu, e estão ao lado como .rejected"
    ),
    "{count} items of the listing cannot be used": (
        "{count} itens da listagem não podem ser usados"
    ),
    "no document since {day}, far longer than usual": (
        "nenhum documento desde {day}, muito mais que o normal"
    ),
    # doctor
    "Find what stands in the way, and say what to do.": (
        "Encontra o que atrapalha, e diz o que fazer."
    ),
    "no company was named, and so no token was tried": (
        "nenhuma empresa foi dita, e por isso nenhum token foi testado"
    ),
    "say --cnpj or --config": "diga --cnpj ou --config",
    "no archive can be written there: choose another folder, or give access": (
        "não se pode gravar um acervo ali: escolha outra pasta, ou dê acesso"
    ),
    "{folder}: everybody on this machine may look into it": (
        "{folder}: todos nesta máquina podem ver o que há nela"
    ),
    "{folder}: {free:.1f} GiB free": "{folder}: {free:.1f} GiB livres",
    "make room on the disk": "libere espaço no disco",
    "set it, and again": "defina-o, e de novo",
    "{name}: not asked, since its token was refused": (
        "{name}: não consultado, pois seu token foi recusado"
    ),
    "correct the token; as it is, it rests for five minutes": (
        "corrija o token; como está, ele descansa cinco minutos"
    ),
    "each environment has its own token: take it from the vendor's panel, as it is there": (
        "cada ambiente tem o seu token: copie-o do painel do fornecedor, como está lá"
    ),
    "enable Recebimento de CTes for this CNPJ in the vendor's panel": (
        "habilite Recebimento de CTes para este CNPJ no painel do fornecedor"
    ),
    "look at the network (a proxy, a firewall), and try again": (
        "examine a rede (um proxy, um firewall), e tente de novo"
    ),
    "{name}: {count} documents": "{name}: {count} documentos",
    "homologacao has no real documents: use producao for those": (
        "homologacao não tem documentos reais: para esses, use producao"
    ),
    "if there should be some: is Recebimento de CTes enabled for this CNPJ?": (
        "se deveria haver algum: o Recebimento de CTes está habilitado para este CNPJ?"
    ),
    "clock: {seconds:.0f} s from the API's": "relógio: a {seconds:.0f} s do da API",
    "set this machine's clock: terms are counted by it": (
        "acerte o relógio desta máquina: os prazos são contados por ele"
    ),
    # list, show, get, deadlines, changes
    "Documents of the archive, the newest first.": (
        "Documentos do acervo, do mais novo ao mais antigo."
    ),
    "only freight that one of your companies pays for": (
        "só fretes que uma das suas empresas paga"
    ),
    "CNPJ or CPF of who pays": "CNPJ ou CPF de quem paga",
    "the key of an NF-e that it carries": "a chave de uma NF-e que ele transporta",
    "month of the emission": "mês da emissão",
    "autorizada, cancelada, denegada": "autorizada, cancelada, denegada",
    "CNPJ or CPF of the issuer": "CNPJ ou CPF do emitente",
    "CSV, for programs": "CSV, para programas",
    "CSV for Excel: ; and decimal comma, keys as text": (
        "CSV para o Excel: ; e vírgula decimal, chaves como texto"
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
