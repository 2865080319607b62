#!/usr/bin/env bash
# One instance of each service for all who ask, started by whoever asks first.
#   shared.sh mysql|mariadb|kafka|elasticsearch|opensearch   prints its port
#   shared.sh stop                                           stops all of them and forgets their data
. "$(dirname "$0")/env.sh"
base=$MILLRACE_STATE/shared
mkdir -p "$base"

case "${1:-}" in
mysql | mariadb | kafka) up=("$HERE/$1.sh" up "$base/$1") ;;
elasticsearch) up=("$HERE/search.sh" up "$base/$1" 8.19.21) ;;
opensearch) up=("$HERE/search.sh" up "$base/$1" os-2.19.6) ;;
stop)
    for dir in "$base"/*/; do stop "${dir%/}"; done
    rm -rf "$base"
    exit 0
    ;;
*) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
esac
# Tests of several processes may ask at the same moment; the lock closes with this shell, not with the service.
exec 9> "$base/$1.lock"
flock 9
# What a service that was killed left behind is nobody's, and may keep its successor from starting (a torn log, a
# port that somebody took meanwhile). A start that fails is tried once more, from nothing and on other ports.
alive "$base/$1" || rm -rf "${base:?}/$1"
"${up[@]}" 9>&- && exit 0
say "$1 did not start; once more, from nothing ..."
stop "$base/$1"
rm -rf "${base:?}/$1"
"${up[@]}" 9>&-
