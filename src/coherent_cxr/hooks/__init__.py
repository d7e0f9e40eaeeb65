"""Kedro hooks, one file each."""

from coherent_cxr.hooks.garbage import GarbageHook
from coherent_cxr.hooks.labels import LabelsHook
from coherent_cxr.hooks.missing_artifacts import MissingArtifactsHook
from coherent_cxr.hooks.one_at_a_time import OneAtATimeHook
from coherent_cxr.hooks.pieces import PiecesHook
from coherent_cxr.hooks.raw_data import RawDataHook
from coherent_cxr.hooks.run_log import RunLogHook
from coherent_cxr.hooks.side_by_side import SideBySideHook
from coherent_cxr.hooks.systems import SystemsHook
from coherent_cxr.hooks.threads import ThreadsHook
from coherent_cxr.hooks.tracking.redaction import RedactionHook
from coherent_cxr.hooks.tracking.runs import TrackingHook
from coherent_cxr.hooks.tracking.utility_runs import UtilityRunsHook

HOOKS = (
    UtilityRunsHook(),  # of those that go before kedro-mlflow the last: the others may stop the run
    RunLogHook(),
    SystemsHook(),
    LabelsHook(),
    RawDataHook(),
    PiecesHook(),
    MissingArtifactsHook(),
    RedactionHook(),
    TrackingHook(),
    OneAtATimeHook(),
    ThreadsHook(),
    SideBySideHook(),
    GarbageHook(),
)
