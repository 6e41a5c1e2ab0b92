#!/usr/bin/env bash
# build.sh   Builds the FHIR server with Maven, when anything in its sources is newer than the last build.
# Environment: MAVEN_REPO (another local repository)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
stamp=$here/target/.built

mkdir -p "$here/target"
exec 9>"$here/target/.lock"
! command -v flock >/dev/null || flock 9 # several may ask at once: one builds, the others wait

if [ ! -f "$stamp" ] || [ -n "$(find "$here/pom.xml" "$here/src" -newer "$stamp" -print -quit)" ]; then
  echo "building the FHIR server; the first time Maven fetches 340 MB" >&2
  (cd "$here" && mvn -B -q -Dstyle.color=never ${MAVEN_REPO:+-Dmaven.repo.local="$MAVEN_REPO"} process-classes) >&2
  touch "$stamp"
fi
