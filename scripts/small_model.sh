#!/bin/sh
# Builds the small ToolLLaMA of docs/small-model.md, in a folder: data, model, benchmark.
#   scripts/small_model.sh small
# It needs the extras hub and train. Three to four hours on two cores with AMX, half of them training.
# The same command goes on where it stopped.
set -eu
mkdir -p "${1:?give a folder}" && cd "$1"
annotated() { # annotated OUT LEVEL LIMIT SEED TEACHER
  [ -f "$1/sft/data.json" ] || toolgrove data annotate --suite "hub:train-i$2" --limit "$3" \
    --seed "$4" --planner dfsdt --model "simulated:strong,early=0,repeat=0,settle=0,$5" \
    --faults mixed --format sft --no-parquet --out "$1"
}
# One teacher calls the right functions, and meets faults; another makes mistakes, sees them at
# once and goes back.
for level in 1 2 3; do
  annotated "a$level" "$level" 3500 0 thoughts=route,mistake=0
  annotated "m$level" "$level" 1000 1 thoughts=route,mistake=0.35,sticky=0,fix=0,give_up=1
done
[ -f data/data.json ] || toolgrove export a1/run a2/run a3/run m1/run m2/run m3/run --format sft \
  --shape chat --per path --policy functions:texts=short,shown=160 --offer 7-11 --max-errors 2 \
  --going-back 1 --no-parquet --out data
base=$(python -m toolgrove.models.smollm2 gguf)
# Two processes of one thread each do a fifth more than one of two; bfloat16 by AMX does a quarter more.
export OMP_NUM_THREADS=1
narrow=$(grep -qs amx_bf16 /proc/cpuinfo && echo --bf16 || true)
[ -f model/toolgrove.json ] || torchrun --nproc_per_node 2 -m toolgrove train toolllama \
  --base "$base" --data data --out model --config smollm2-hub.toml --accumulate 4 --threads 1 \
  $narrow $([ ! -d model/checkpoints ] || echo --resume)
suites=hub:i1-inst,hub:i2-inst,hub:i3-inst,hub:i1-tool,hub:i1-cat,hub:i2-cat
for who in tuned base; do
  case $who in
    tuned) spec=hf:model ;;
    base) spec="hf:$base,calls=brief" ;;
  esac
  toolgrove bench --suite $suites --limit 20 --planner dfsdt --planner react --match calls \
    --reference dfsdt --model "$spec,max_tokens=128,temperature=0,again=1,threads=1" \
    --policy functions:texts=short,shown=160 --judge truth --budget calls=10 --concurrency 24 \
    --out "$who"
done
