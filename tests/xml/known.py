"""The sample files that lie beside the project, none of which it contains."""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"

CTE = "41150302618946000141570010000000521000000497-procCTe.xml"
CORRECAO = "35131111319532000102570010000019501011529288-110110-procEventoCTe.xml"
CANCELAMENTO = "42131175892067000187570040000001091211932160-110111-procEventoCTe.xml"
NORMAL = "4.00-procCTe-unsigned.xml"
OS = "3.00-procCTeOS-unsigned.xml"
SIMPLIFICADO = "4.00-CTeSimp-unsigned.xml"
DESACORDO = "4.00-desacordo-610110-request.xml"
DESISTENCIA = "4.00-desacordo-cancel-610111-request.xml"

SIGNED = (CTE, CORRECAO, CANCELAMENTO)
UNSIGNED = (NORMAL, OS, SIMPLIFICADO, DESACORDO, DESISTENCIA)
CTES = (CTE, NORMAL, OS, SIMPLIFICADO)
EVENTOS = (CORRECAO, CANCELAMENTO, DESACORDO, DESISTENCIA)


def sample(name: str) -> bytes:
    """Its bytes as stored; without it, the test is skipped."""
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"no ../shared/samples/{name} beside the project")
    return path.read_bytes()
