#!/bin/sh
# Runs a compiler and prints the CPU seconds (user and system) that it took:  timed.sh SOURCE COMMAND...
source=$1
shift
"$@"
status=$?
report=$(mktemp)
times > "$report" # not in a pipe: a subshell's children are not ours
tail -n 1 "$report" | tr -d s | awk -v source="$source" '{
  split($1, user, "m"); split($2, kernel, "m")
  printf "%7.2f CPU s  %s\n", 60 * (user[1] + kernel[1]) + user[2] + kernel[2], source
}'
rm -f "$report"
exit $status
