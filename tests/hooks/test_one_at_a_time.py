"""Under a ThreadRunner, stages that draw from PyTorch's one generator do not disturb each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from kedro.pipeline import Node

from coherent_cxr.hooks.one_at_a_time import OneAtATimeHook, draws
from coherent_cxr.pipeline_registry import register_pipelines


def _work(seed: int) -> list[float]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return [float(torch.rand(2000).sum()) for _ in range(200)]


def _node(stage: str) -> Node:
    def train(seed: int) -> list[float]:
        return _work(seed)

    train.__module__ = f"coherent_cxr.pipelines.{stage}.nodes"
    return Node(train, "seed", "weights", name=stage)


def test_two_trainings_in_threads_draw_what_each_draws_alone() -> None:
    alone = [_work(seed) for seed in range(6)]
    hook, node = OneAtATimeHook(), _node("mle_training")

    def run(seed: int) -> list[float]:
        hook.before_node_run(node=node)
        drawn: list[float] = node.func(seed)
        hook.after_node_run(node=node)
        return drawn

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(run, range(6))) == alone


def test_a_training_that_fails_lets_the_next_begin_and_other_stages_do_not_wait() -> None:
    hook, training, tables = OneAtATimeHook(), _node("rl_fine_tuning"), _node("report_parsing")
    hook.before_node_run(node=training)
    hook.before_node_run(node=tables)
    hook.after_node_run(node=tables)
    hook.on_node_error(node=training)
    begun = threading.Event()

    def begin() -> None:
        hook.before_node_run(node=training)
        begun.set()

    threading.Thread(target=begin, daemon=True).start()
    assert begun.wait(10)


def test_a_run_after_one_that_was_interrupted_in_a_node_does_not_wait() -> None:
    hook, training = OneAtATimeHook(), _node("mle_training")
    hook.before_node_run(node=training)  # and Ctrl-C in a notebook: Kedro calls no hook
    hook.before_pipeline_run()
    begun = threading.Event()

    def run() -> None:
        hook.before_node_run(node=training)
        hook.after_node_run(node=training)
        begun.set()

    threading.Thread(target=run, daemon=True).start()
    assert begun.wait(10)


def test_the_stages_with_a_network_are_meant() -> None:
    nodes = [node for stage in register_pipelines().values() for node in stage.nodes]
    found = {node.name.rpartition(".")[2] for node in nodes if draws(node)}
    assert {"pretrain_encoder", "train_mle", "generate_reports", "score_candidates"} <= found
    assert not found & {"parse_reports", "extract_findings", "label_findings", "prepare_images"}
