#!/usr/bin/env bash
# Runs the simulated region of several seeds; each must come out as the truth says.
#   seeds.sh target/release/guichet [FIRST] [LAST]
set -euo pipefail

guichet=$1 first=${2:-1} last=${3:-20} failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for seed in $(seq "$first" "$last"); do
  if ! timeout 300 "$guichet" -q demo --once --seed "$seed" >"$log" 2>&1 </dev/null; then
    failed=$((failed + 1))
    echo "seed $seed: the publication is not the truth"
    tail -n 40 "$log"
  fi
done
echo "demo: $((last - first + 1 - failed)) of $((last - first + 1)) seeds hold"
[ "$failed" -eq 0 ]
