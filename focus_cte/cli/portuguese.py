"""What `focus-cte` says, in Portuguese. Data only; a test holds that nothing is missing or left."""

from __future__ import annotations

from typing import Final

from focus_cte.cli.portuguese_documents import OF_DOCUMENTS

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
    "{folder}: it is no folder": "{folder}: não é uma pasta",
    "name another archive with --from, or bring its copy back": (
        "indique outro acervo com --from, ou traga a cópia dele de volta"
    ),
    "name another archive with --from, or the other environment": (
        "indique outro acervo com --from, ou o outro ambiente"
    ),
    "stopped; what is stored is whole: the same command goes on from here": (
        "interrompido; o que está guardado está inteiro: o mesmo comando continua daqui"
    ),
    "stopped: nothing was done": "interrompido: nada foi feito",
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
    "{count} files never came, and are asked for no more": (
        "{count} arquivos nunca vieram, e não são mais pedidos"
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
    **OF_DOCUMENTS,
}
