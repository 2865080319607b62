# What every service script shares: where things are kept, how ports are chosen, how to wait and to stop.
# Sourced, not run.
#
# MILLRACE_CACHE  downloads and unpacked programs; outside the tree, kept between runs
# MILLRACE_STATE  data of running instances
set -eu
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ "$(id -u)" = 0 ]; then home=/var/cache/millrace; else home=${XDG_CACHE_HOME:-$HOME/.cache}/millrace; fi
export MILLRACE_CACHE=${MILLRACE_CACHE:-$home}
export MILLRACE_STATE=${MILLRACE_STATE:-$MILLRACE_CACHE/state}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# One line saying what is being fetched and, afterwards, how long it took.
fetching() {
    local what=$1 start=$SECONDS
    shift
    say "fetching $what ..."
    "$@" >&2
    say "fetched $what in $((SECONDS - start)) s"
}

# Below the range that the system takes the ports of outgoing connections from: the seconds until a service listens
# would be enough for one of the tests' many connections to have its port.
free_port() {
    python3 - <<'PY'
import random, socket
while True:
    port = random.randint(15000, 32000)
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
PY
}

# port_of DIR [PORT]: the port an instance had before, the one asked for, or a free one. A restart keeps its port.
port_of() {
    mkdir -p "$1"
    [ -n "${2:-}" ] && echo "$2" > "$1/port"
    [ -s "$1/port" ] || free_port > "$1/port"
    cat "$1/port"
}

# A process that has ended and waits to be reaped still takes signals, so its state is asked for too.
alive() {
    local pid
    [ -s "$1/pid" ] && pid=$(cat "$1/pid") && kill -0 "$pid" 2> /dev/null && ! grep -qs '^State:.Z' "/proc/$pid/status"
}

answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# wait_for DIR SECONDS COMMAND...: until the command succeeds; fails at once when the process has ended.
wait_for() {
    local dir=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" > /dev/null 2>&1; do
        alive "$dir" || { tail -n 20 "$dir/log" >&2; die "the service in $dir ended at start; its log is $dir/log"; }
        [ $SECONDS -lt $end ] || { tail -n 20 "$dir/log" >&2; die "the service in $dir did not answer in time; its log is $dir/log"; }
        sleep 0.1
    done
}

# launch DIR COMMAND...: in a session of its own, so that it can be stopped with all its children.
launch() {
    local dir=$1
    shift
    setsid nohup "$@" > "$dir/log" 2>&1 < /dev/null &
    echo $! > "$dir/pid"
}

stop() {
    local dir=$1 pid
    [ -s "$dir/pid" ] || return 0
    pid=$(cat "$dir/pid")
    kill -TERM -- "-$pid" 2> /dev/null || kill -TERM "$pid" 2> /dev/null || true
    for _ in $(seq 300); do
        kill -0 -- "-$pid" 2> /dev/null || kill -0 "$pid" 2> /dev/null || break
        sleep 0.1
    done
    kill -KILL -- "-$pid" 2> /dev/null || true
    rm -f "$dir/pid"
}

# need COMMAND PACKAGE: installs a Debian package for a missing command when it may, else says what to do.
need() {
    command -v "$1" > /dev/null && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        fetching "$2" sh -c "apt-get -q update && apt-get -q install -y --no-install-recommends $2"
    fi
    command -v "$1" > /dev/null || die "\`$1\` is missing; install it with: sudo apt-get install $2"
}

# loader ROOT: the dynamic loader of an unpacked Debian root with the folders of its libraries, as the start of a command.
loader() {
    local root=$1 machine program
    machine=$(uname -m)
    for program in "$root"/lib*/ld-linux-* "$root"/usr/lib*/ld-linux-*; do [ -e "$program" ] && break; done
    echo "$program --library-path $root/usr/lib/$machine-linux-gnu:$root/lib/$machine-linux-gnu"
}

# maven GROUP:ARTIFACT:VERSION:TYPE FOLDER: one file from Maven Central.
maven() {
    need java openjdk-17-jre-headless
    need mvn maven
    mkdir -p "$2"
    mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="$1" -DoutputDirectory="$2" -Dmdep.useBaseVersion=true
}
