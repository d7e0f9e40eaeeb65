"""Sections of Spanish reports: reports of our own."""

import pytest

from coherent_cxr.corpora.sections.sectioning import Sectioner, findings_of

SECTIONER = Sectioner("spanish")
REPORT = """Radiografía de tórax PA y lateral
Motivo de consulta: tos y fiebre.

TÉCNICA: Proyecciones posteroanterior y lateral.

HALLAZGOS:
Infiltrado alveolar en el lóbulo inferior derecho.
CORAZÓN: tamaño normal.

IMPRESIÓN DIAGNÓSTICA: Neumonía en LID.
"""


def test_a_whole_report() -> None:
    parts = SECTIONER.split(REPORT)
    assert parts["indication"] == "tos y fiebre."
    assert parts["technique"] == "Proyecciones posteroanterior y lateral."
    assert parts["findings"].splitlines() == [
        "Infiltrado alveolar en el lóbulo inferior derecho.",
        "CORAZÓN: tamaño normal.",
    ]
    assert parts["impression"] == "Neumonía en LID."
    assert findings_of(parts)[1] == "findings"


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("Hallazgos:", "findings"),
        ("HALLAZGOS", "findings"),
        ("INFORME RADIOLÓGICO:", "findings"),
        ("Descripción:", "findings"),
        ("Conclusión:", "impression"),
        ("CONCLUSION:", "impression"),
        ("CONCLUSIÓN", "impression"),
        ("Impresion:", "impression"),
        ("Juicio diagnóstico:", "impression"),
        ("HALLAZGOS E IMPRESIÓN:", "findings_and_impression"),
        ("Técnica:", "technique"),
        ("Indicación clínica:", "indication"),
        ("ANTECEDENTES:", "indication"),
        ("Comparación:", "comparison"),
        ("ESTUDIO PREVIO:", "comparison"),
        ("Recomendación:", "recommendation"),
        ("IMPRESIÓM:", "impression"),  # a letter wrong
        ("1. HALLAZGOS:", "findings"),
    ],
)
def test_headings(heading: str, section: str) -> None:
    assert SECTIONER.split(f"{heading}\nSin derrame pleural.") == {section: "Sin derrame pleural."}


def test_a_section_that_says_it_has_nothing_is_absent() -> None:
    parts = SECTIONER.split("Hallazgos: ver conclusión.\n\nConclusión: Sin hallazgos.")
    assert parts == {"impression": "Sin hallazgos."}


def test_a_report_without_headings_is_a_body() -> None:
    assert findings_of(SECTIONER.split("No se observa derrame.")) == ("No se observa derrame.", "body")
