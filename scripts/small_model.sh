#!/bin/sh
# Builds the small ToolLLaMA of docs/small-model.md, in a folder: data, model, benchmark.
#   scripts/small_model.sh small
# It needs the extras hub and train. About three and a half hours on two cores: 83 minutes are the
# training, most of the rest the base model's benchmark. The same command goes on where it stopped.
set -eu
mkdir -p "${1:?give a folder}" && cd "$1"
teacher=simulated:strong,mistake=0,early=0,repeat=0,settle=0,thoughts=route
for level in 1:2500 2:2500 3:2000; do
  out=a${level%:*}
  [ -f "$out/sft/data.json" ] || toolgrove data annotate --suite "hub:train-i${level%:*}" \
    --limit "${level#*:}" --planner dfsdt --model "$teacher" --faults mixed --format sft \
    --no-parquet --out "$out"
done
[ -f data/data.json ] || toolgrove export a1/run a2/run a3/run --format sft --shape chat --per path \
  --policy functions:texts=short,shown=160 --offer 7-11 --max-errors 2 --no-parquet --out data
base=$(python -m toolgrove.models.smollm2 gguf)
# Two processes of one thread each do a fifth more than one of two.
export OMP_NUM_THREADS=1
[ -f model/toolgrove.json ] || torchrun --nproc_per_node 2 -m toolgrove train toolllama \
  --base "$base" --data data --out model --config smollm2-hub.toml --accumulate 2 --threads 1 \
  $([ ! -d model/checkpoints ] || echo --resume)
suites=hub:i1-inst,hub:i2-inst,hub:i3-inst,hub:i1-tool,hub:i1-cat,hub:i2-cat
for who in tuned base; do
  case $who in
    tuned) spec=hf:model ;;
    base) spec="hf:$base,calls=brief" ;;
  esac
  toolgrove bench --suite $suites --limit 20 --planner dfsdt --planner react --match calls \
    --reference dfsdt --model "$spec,max_tokens=128,temperature=0.3,threads=1" \
    --policy functions:texts=short,shown=160 --judge truth --budget calls=10 --concurrency 24 \
    --out "$who"
done
