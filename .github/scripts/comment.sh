#!/usr/bin/env bash
# comment.sh NUMBER: says what a pull request would change in a comment on it, one for all its plans.
#
# Reads plan/summary.md and, where there is one, hosts/plan.json. RUN is the address of the run.
set -euo pipefail
number=$1 mark='<!-- kafkalab: plan -->' most=30000 # a comment has at most 65,536 characters

short() {
  awk -v most="$most" -v run="$RUN" '
    cut || (size += length($0) + 1) > most { cut = 1; next } # read on, or who writes would fail
    { print; if ($0 ~ /^``````/) open = !open }
    END { if (cut) { if (open) print "``````"; print "\n… cut here: [the whole](" run ")" } }'
}

{
  echo "$mark"
  short < plan/summary.md
  echo
  echo "## Hosts and clusters"
  echo
  if [ -f hosts/plan.json ]; then
    jq -r -f .github/scripts/hosts.jq hosts/plan.json | short
  else
    echo "Not planned: [the run]($RUN) tells why. What is on the hosts is not rolled by this merge."
  fi
} > comment.md

api() { gh api "repos/$GITHUB_REPOSITORY/$1" "${@:2}"; }
theirs="map(select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$mark\"))))"
id=$(api "issues/$number/comments?per_page=100" --jq "$theirs | .[0].id // \"\"")
if [ -n "$id" ]; then
  api "issues/comments/$id" --method PATCH --field body=@comment.md --jq .html_url
else
  api "issues/$number/comments" --method POST --field body=@comment.md --jq .html_url
fi
