"""The sharding configurations: what accelerate and DeepSpeed read in them; nothing is run."""

# ruff: noqa: E402 - they skip before they import torch
from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

for package in ("torch", "peft", "trl", "datasets", "accelerate", "tensorboard"):
    pytest.importorskip(package, reason="the extra train is not installed")

from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
DATA = Path(str(files("toolgrove.training.finetune"))) / "data"


def launched() -> dict[str, str]:
    """What ``accelerate launch --config_file fsdp.yaml`` tells its processes of FSDP."""
    words = ["--config_file", str(DATA / "fsdp.yaml"), "-m", "toolgrove", "train", "toolllama"]
    args, _, _ = _validate_launch_command(launch_command_parser().parse_args(words))
    assert args.use_fsdp and args.num_processes == 8 and args.mixed_precision == "bf16"
    told: dict[str, str] = prepare_multi_gpu_env(args)
    return {key: value for key, value in told.items() if "FSDP" in key}


def test_fsdp_yaml_is_what_accelerate_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import FullyShardedDataParallelPlugin

    for key, value in launched().items():
        monkeypatch.setenv(key, value)
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2 and plugin.reshard_after_forward is True
    assert plugin.state_dict_type.name == "FULL_STATE_DICT"
    assert plugin.auto_wrap_policy.__name__ == "transformer_auto_wrap_policy"
    assert not plugin.cpu_ram_efficient_loading


def test_zero3_json_is_what_accelerate_reads() -> None:
    from accelerate.utils.deepspeed import HfDeepSpeedConfig

    config = HfDeepSpeedConfig(str(DATA / "zero3.json"))
    assert config.is_zero3() and not config.is_offload()


def test_zero3_json_is_what_deepspeed_takes() -> None:
    """With the numbers that transformers puts in place of ``auto``."""
    config = pytest.importorskip("deepspeed.runtime.config", reason="deepspeed is not installed")
    given: dict[str, Any] = json.loads((DATA / "zero3.json").read_text())
    zero = given["zero_optimization"]
    assert {key for key, value in zero.items() if value == "auto"} == {
        "reduce_bucket_size", "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold",
    }  # fmt: skip
    zero |= {key: 1000 for key, value in zero.items() if value == "auto"}
    given |= {"bf16": {"enabled": True}, "gradient_accumulation_steps": 8, "train_batch_size": 64}
    given |= {"gradient_clipping": 1.0, "train_micro_batch_size_per_gpu": 8}
    made = config.DeepSpeedConfig(given)
    assert made.zero_optimization_stage == 3 and made.gradient_accumulation_steps == 8
    assert made.zero_config.gather_16bit_weights_on_model_save
