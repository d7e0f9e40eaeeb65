"""Ribs, clavicles and spine, with the fractures in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.phantom.anatomy import SIGN, Anatomy, Chest, Field
from coherent_cxr.images.phantom.description import Finding, Side
from coherent_cxr.images.phantom.shadows import curve, stroke

Line = tuple[NDArray[np.float64], float]
RIBS = 9
BROKEN_RIB = {"upper": 2, "middle": 4, "lower": 6}
RIB_WIDTH = 0.024
CLAVICLE_WIDTH = 0.026


def draw_skeleton(chest: Chest, fractures: Sequence[Finding]) -> Field:
    """Return the brightness that bones add over air (size, size), 0 to about 0.4."""
    posterior: list[Line] = []
    anterior: list[Line] = []
    clavicles: list[Line] = []
    callus = np.zeros((chest.size, chest.size), dtype=np.float32)
    for side in SIGN:
        here = [finding for finding in fractures if finding.side == side]
        broken = {BROKEN_RIB[f.zone] + k: f.severity for f in here if f.kind == "rib" for k in (0, 1)}
        for rib in range(RIBS):
            back, front = _rib(chest.anatomy, side, rib)
            anterior.append((front, RIB_WIDTH * 0.8))
            pieces = _break(back, broken[rib]) if rib in broken else [back]
            posterior += [(piece, RIB_WIDTH) for piece in pieces]
            if rib in broken:
                callus += _callus(chest, pieces, broken[rib])
        clavicle = _clavicle(chest.anatomy, side)
        snapped = [finding.severity for finding in here if finding.kind == "clavicle"]
        pieces = _break(clavicle, snapped[0]) if snapped else [clavicle]
        clavicles += [(piece, CLAVICLE_WIDTH) for piece in pieces]
        if snapped:
            callus += _callus(chest, pieces, snapped[0])
    hollow = stroke(chest, [(points, width * 0.45) for points, width in posterior + clavicles])
    ribs = 0.18 * stroke(chest, posterior) + 0.10 * stroke(chest, anterior)
    bones = ribs + 0.20 * stroke(chest, clavicles) - 0.06 * hollow + _spine(chest)
    for side in SIGN:
        below = chest.edge(chest.v - chest.diaphragm[side]) * (chest.outward(side) > 0)
        bones = bones * (1 - 0.6 * below)
    return np.asarray(bones + callus, dtype=np.float32)


def _rib(anatomy: Anatomy, side: Side, rib: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a rib's posterior and anterior part (24, 2) each."""
    sign = SIGN[side]
    bottom = max(anatomy.domes) + 0.06
    head = anatomy.apex - 0.005 + rib * (bottom - anatomy.apex) / RIBS
    reach = anatomy.thorax * (0.62 + 0.40 * min(1.0, (rib + 0.4) / 3.0))
    drop = 0.045 + 0.012 * rib
    posterior = curve(
        (sign * 0.035, head),
        (sign * 0.45 * reach, head - 0.018),
        (sign * 0.85 * reach, head + 0.45 * drop),
        (sign * reach, head + drop + 0.03),
    )
    end = 0.42 * anatomy.thorax + 0.012 * rib
    anterior = curve(
        (sign * reach, head + drop + 0.03),
        (sign * 0.88 * reach, head + drop + 0.085),
        (sign * end, head + drop + 0.15),
    )
    return posterior, anterior


def _break(bone: NDArray[np.float64], severity: float) -> list[NDArray[np.float64]]:
    """Cut a bone in two and step its outer end down."""
    cut = len(bone) * 6 // 10
    return [bone[: cut - 1], bone[cut + 1 :] + np.array([0.0, 0.034 * severity])]


def _callus(chest: Chest, pieces: list[NDArray[np.float64]], severity: float) -> Field:
    """Dense new bone along the two ends of a break."""
    ends = [(pieces[0][-6:], RIB_WIDTH * 1.2), (pieces[1][:6], RIB_WIDTH * 1.2)]
    return 0.30 * (0.3 + 0.7 * severity) * stroke(chest, ends)


def _clavicle(anatomy: Anatomy, side: Side) -> NDArray[np.float64]:
    sign, v = SIGN[side], anatomy.apex + 0.075
    return curve(
        (sign * 0.05, v + 0.035),
        (sign * 0.16, v),
        (sign * 0.28, v - 0.022),
        (sign * (anatomy.thorax + 0.04), v - 0.045),
    )


def _spine(chest: Chest) -> Field:
    column = chest.edge(0.032 - np.abs(chest.u), 0.012)
    bodies = 0.65 + 0.35 * np.sin(chest.v * np.float32(2 * np.pi / 0.052))
    return np.asarray(0.055 * column * bodies, dtype=np.float32)
