"""What a new user does first, run with the installed wheel and type-checked against it."""

import asyncio

from focus_cte import FocusCTe
from focus_cte.sandbox import Sandbox


async def main() -> None:
    async with (
        Sandbox(ctes=120) as sandbox,
        FocusCTe(sandbox.token, base_url=sandbox.url) as focus,
    ):
        ctes = [cte async for cte in focus.sync(sandbox.cnpj)]
        assert len(ctes) == len({cte.chave for cte in ctes}) == 120
        xml = await focus.baixar_xml(ctes[0].chave)
        assert ctes[0].chave.encode() in xml
    print(f"{len(ctes)} CT-es")


asyncio.run(main())
