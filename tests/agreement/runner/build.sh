#!/usr/bin/env bash
# build.sh   Builds the runner of the CQL engine with Maven, when anything in its sources is newer than the last build.
# Environment: MAVEN_REPO (another local repository)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
stamp=$here/target/.built

mkdir -p "$here/target"
exec 9>"$here/target/.lock"
! command -v flock >/dev/null || flock 9 # several may ask at once: one builds, the others wait

if [ ! -f "$stamp" ] || [ -n "$(find "$here/pom.xml" "$here/src" -newer "$stamp" -print -quit)" ]; then
  (cd "$here" && mvn -B -q ${MAVEN_REPO:+-Dmaven.repo.local="$MAVEN_REPO"} process-classes) >&2
  touch "$stamp"
fi
