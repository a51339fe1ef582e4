#!/usr/bin/env bash
# The step of the GitHub Action: runs `dcmlint check` with the inputs of action.yml, which come as DCMLINT_* variables.
# Ends with the exit code of dcmlint, after the outputs of the step are written.
set -uo pipefail

paths=()
while IFS= read -r line; do
  line=${line%$'\r'}
  [ -n "${line//[[:space:]]/}" ] && paths+=("$line")
done <<<"${DCMLINT_PATHS:-}"
if [ "${#paths[@]}" = 0 ]; then
  echo "::error title=dcmlint::the input paths is empty"
  exit 2
fi

reports=${DCMLINT_REPORTS:-dcmlint-reports}
mkdir -p -- "$reports" || exit 2

options=(
  --profile "${DCMLINT_PROFILE:-wsi}" --fail-on "${DCMLINT_FAIL_ON:-error}"
  -f github -f "html=$reports/dcmlint.html" -f "junit=$reports/dcmlint.xml" -f "sarif=$reports/dcmlint.sarif"
)
[ -n "${DCMLINT_BASELINE:-}" ] && options+=(--baseline "$DCMLINT_BASELINE")

dcmlint check "${options[@]}" -- "${paths[@]}"
code=$?
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'exit-code=%s\nreports=%s\n' "$code" "$reports" >>"$GITHUB_OUTPUT"
fi
exit "$code"
