#!/usr/bin/env bash
# A single Kafka 4.3 broker (KRaft), one partition per topic unless asked otherwise.
#   kafka.sh up DIR [PORT]          prints the port; data stays in DIR
#   kafka.sh secure DIR             the same with two more listeners, see kafka/secure.sh
#   kafka.sh down DIR
#   kafka.sh tool CLASS [args]      runs a command-line tool, e.g. org.apache.kafka.tools.TopicCommand
# KAFKA_HEAP: heap of the broker (default 512m).
. "$(dirname "$0")/env.sh"
libs=$MILLRACE_CACHE/kafka-4.3.1

install() {
    # The mark has the state of the recipe in it: a folder that an older recipe filled is filled again.
    local mark
    mark=$libs/.complete-$(cksum < "$HERE/kafka/pom.xml" | tr ' ' -)
    [ -e "$mark" ] && return 0
    need java openjdk-17-jre-headless
    need mvn maven
    fetching "Kafka 4.3.1 (110 MB)" mvn -B -q -f "$HERE/kafka/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$libs"
    touch "$mark"
}
options=(-XX:+UseSerialGC -Djava.awt.headless=true "-Dlog4j2.configurationFile=$HERE/kafka/log4j2.yaml" -cp "$libs/*")

case "${1:-}" in
up | secure)
    install
    mode=$1 dir=$2 port=$(port_of "$2" "${3:-}")
    dir=$(cd "$dir" && pwd)
    alive "$dir" && { echo "$port"; exit 0; }
    [ -s "$dir/controller-port" ] || free_port > "$dir/controller-port"
    controller=$(cat "$dir/controller-port")
    cat > "$dir/broker.properties" << X
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.threads=1
message.max.bytes=10485760
replica.fetch.max.bytes=10485760
X
    scram=()
    [ "$mode" = up ] || . "$HERE/kafka/secure.sh"
    if [ ! -f "$dir/data/meta.properties" ]; then
        id=$(java -Xmx64m "${options[@]}" kafka.tools.StorageTool random-uuid 2> /dev/null | tail -n 1)
        java -Xmx128m "${options[@]}" kafka.tools.StorageTool format -t "$id" -c "$dir/broker.properties" "${scram[@]}" > "$dir/log" 2>&1 || { cat "$dir/log" >&2; die "kafka could not format $dir/data"; }
    fi
    launch "$dir" java "-Xmx${KAFKA_HEAP:-512m}" "${options[@]}" kafka.Kafka "$dir/broker.properties"
    wait_for "$dir" 90 answers "$port"
    echo "$port"
    ;;
down) stop "$2" ;;
tool)
    install
    shift
    exec java -Xmx128m "${options[@]}" "$@"
    ;;
*) sed -n '2,7s/^# //p' "$0"; exit 2 ;;
esac
