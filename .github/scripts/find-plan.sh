#!/usr/bin/env bash
# find-plan.sh COMMIT [RUN]: which run of plan.yml made the plan that belongs to COMMIT.
#
# Prints `run=NUMBER` (empty when there is none) and `same=true` when the files that were planned are
# those of COMMIT. Without RUN it is the last good run on the pull request that COMMIT has merged.
# What a plan says of itself is not asked: which files it was made from is GitHub's own record.
set -euo pipefail
commit=$1 run=${2:-}

api() { gh api "repos/$GITHUB_REPOSITORY/$1" --jq "$2"; }
none() { echo "::notice::$1" >&2; echo "run="; exit 0; }
refuse() { echo "::error::$1" >&2; exit 1; }

if [ -z "$run" ]; then
  head=$(api "commits/$commit/pulls" 'map(select(.merged_at != null)) | .[0].head.sha // ""')
  [ -n "$head" ] || none "$commit was not merged by a pull request: there is no reviewed plan"
  query="head_sha=$head&event=pull_request&status=success"
  run=$(api "actions/workflows/plan.yml/runs?$query" '.workflow_runs[0].id // ""')
  [ -n "$run" ] || none "no plan was made for the pull request's last commit, $head"
fi
[[ $run =~ ^[0-9]+$ ]] || refuse "not the number of a run: $run"

told=$(api "actions/runs/$run" \
  '[.path, .event, .conclusion, .head_repository.full_name, .head_sha] | join(" ")')
read -r path event conclusion repository head <<< "$told"
[ "$path" = .github/workflows/plan.yml ] || refuse "run $run is not one of plan.yml but of $path"
[ "$repository" = "$GITHUB_REPOSITORY" ] || refuse "run $run is of $repository"
[ "$conclusion" = success ] || refuse "run $run ended with $conclusion"
case $event in
  pull_request | workflow_dispatch) ;;
  *) refuse "run $run was started by $event" ;;
esac

planned=$(api "git/commits/$head" .tree.sha)
here=$(api "git/commits/$commit" .tree.sha)
echo "run=$run"
if [ "$planned" = "$here" ]; then echo "same=true"; else echo "same=false"; fi
