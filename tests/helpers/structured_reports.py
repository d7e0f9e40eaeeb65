"""Findings as a structured report lists them, and the marks that open its lines."""

NAMES = {
    "pneumothorax": "Pneumothorax",
    "pleural effusion": "Pleural Effusion",
    "cardiomegaly": "Cardiomegaly",
    "edema": "Edema",
    "consolidation": "Consolidation",
    "atelectasis": "Atelectasis",
    "fracture": "Fracture",
    "pneumonia": "Pneumonia",
}


MARKS = ("- ", "* ", "• ", "– ", "· ", "1. ", "2) ", "| ", "")
