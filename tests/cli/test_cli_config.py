"""companies.toml and the environment: what is wrong is named, and no token is ever shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from focus_cte.cli import config
from focus_cte.cli.config import ConfigError, from_environment, from_file

CNPJ, OTHER = "28730186000153", "07642113000148"
SECRET = "a-secret-that-no-message-holds"
COMPANY = f'[[companies]]\ncnpj = "{CNPJ}"\n'
HERE = 'ambiente = "producao"\n'

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str | bytes, *, mode: int = 0o644) -> Path:
        path = tmp_path / "companies.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return written


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (config.TOKEN, config.AMBIENTE, config.BASE_URL):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("companies = [", "Invalid"),
        (b'nome = "S\xe3o"', "utf-8"),
        ("", "it names no companies"),
        ("companies = []", "it names no companies"),
        ('companies = "28730186000153"', "it names no companies"),
        ("companies = [1]", "it names no companies"),
        (f'token = "{SECRET}"\n{COMPANY}', "token? It may have ambiente, base_url, companies"),
        (f'{HERE}{COMPANY}tokens = "{SECRET}"', "tokens? It may have"),
        (f"{HERE}[[companies]]\n", "a company: it has no cnpj"),
        (f'{HERE}[[companies]]\nnome = "Matriz"', "Matriz: it has no cnpj"),
        (f'{HERE}[[companies]]\ncnpj = "287301860001"', "287301860001: "),
        (f"{HERE}[[companies]]\ncnpj = 28730186000153", "cnpj must be a text, not int"),
        (f"{HERE}{COMPANY}token_command = 5", "token_command must be a text, not int"),
        (f"ambiente = 1\n{COMPANY}", "ambiente must be a text, not int"),
        (COMPANY, "ambiente is not set: say homologacao or producao"),
        (f'{COMPANY}ambiente = "teste"', "'teste' is not known: say homologacao or producao"),
        (f'{COMPANY}{HERE}base_url = "http://127.0.0.1:1"', "one of ambiente and base_url"),
        (f"{HERE}{COMPANY}{COMPANY}", f"{CNPJ} is there twice"),
        (
            f'{HERE}{COMPANY}[[companies]]\ncnpj = "28.730.186/0001-53"',
            f"{CNPJ} is there twice",
        ),
        (
            f'{HERE}{COMPANY}token_env = "A"\ntoken_command = "b"',
            "one of token_env and token_command, not both",
        ),
        (
            f'{HERE}{COMPANY}token_command = ["b"]\ntoken = "{SECRET}"',
            "one of token_command and token, not both",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_name(
    write: Write, text: str | bytes, why: str
) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as refused:
        from_file(path)
    assert str(path) in str(refused.value)
    assert why in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        from_file(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        from_file(tmp_path)


def test_each_company_is_in_its_own_environment_or_in_the_files(write: Write) -> None:
    path = write(
        f"{HERE}{COMPANY}"
        f'[[companies]]\ncnpj = "{OTHER}"\nnome = "Filial"\nambiente = "homologacao"\n'
    )
    first, second = from_file(path)
    assert (first.cnpj, first.nome, first.where) == (CNPJ, None, "produção")
    assert (second.cnpj, second.nome, second.where) == (OTHER, "Filial", "homologação")


def test_a_company_with_an_address_of_its_own_is_not_in_the_files_environment(
    write: Write,
) -> None:
    (company,) = from_file(write(f'{HERE}{COMPANY}base_url = "http://127.0.0.1:8000"'))
    assert (company.ambiente, company.where) == (None, "http://127.0.0.1:8000")


def test_only_the_companies_that_are_named(write: Write) -> None:
    path = write(f'{HERE}{COMPANY}[[companies]]\ncnpj = "{OTHER}"')
    assert [each.cnpj for each in from_file(path, ["07.642.113/0001-48"])] == [OTHER]
    with pytest.raises(ConfigError, match="33592510000154 is not one of its companies"):
        from_file(path, ["33592510000154"])


def test_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="FOCUS_NFE_AMBIENTE is not set: say homologacao or"):
        from_environment([CNPJ])
    monkeypatch.setenv("FOCUS_NFE_AMBIENTE", "teste")
    with pytest.raises(ConfigError, match="FOCUS_NFE_AMBIENTE: 'teste' is not known"):
        from_environment([CNPJ])
    monkeypatch.setenv("FOCUS_NFE_AMBIENTE", "homologacao")
    with pytest.raises(ConfigError, match="FOCUS_NFE_TOKEN is not set"):
        from_environment([CNPJ])
    monkeypatch.setenv("FOCUS_NFE_TOKEN", SECRET)
    first, second = from_environment([CNPJ, OTHER, "28.730.186/0001-53"])
    assert (first.cnpj, second.cnpj) == (CNPJ, OTHER)
    assert (first.where, first.access().token) == ("homologação", SECRET)


def test_an_address_in_the_environment_goes_before_an_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FOCUS_NFE_AMBIENTE", "producao")
    monkeypatch.setenv("FOCUS_NFE_BASE_URL", "http://127.0.0.1:8000")
    monkeypatch.setenv("FOCUS_NFE_TOKEN", SECRET)
    (company,) = from_environment([CNPJ])
    assert company.where == company.access().where == "http://127.0.0.1:8000"


def test_the_vendors_own_addresses_are_called_by_name() -> None:
    for host, name in (("api", "produção"), ("homologacao", "homologação")):
        access = config.Access(SECRET, None, f"https://{host}.focusnfe.com.br")
        assert access.where == name


def test_no_token_is_in_a_repr_or_a_fingerprint(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOCUS_NFE_TOKEN", SECRET)
    (company,) = from_file(write(f"{HERE}{COMPANY}"))
    access = company.access()
    assert access.token == SECRET
    for shown in (repr(company), repr(access), access.fingerprint()):
        assert SECRET not in shown


def test_a_fingerprint_is_of_a_token_at_an_api() -> None:
    marks = {
        config.Access(token, ambiente, None).fingerprint()
        for token in ("one", "two")
        for ambiente in ("producao", "homologacao")
    }
    assert len(marks) == 4
    assert config.Access("one", "producao", None).fingerprint() in marks
