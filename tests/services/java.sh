#!/usr/bin/env bash
# java.sh POM   the jars that a pom depends on, in the cache; prints their class path. Programs of one source file run with
#               `java -cp PATH File.java`.
. "$(dirname "$0")/env.sh"
need javac openjdk-17-jdk-headless
need mvn maven
jars=$MILLRACE_CACHE/java-$(sha256sum "$1" | cut -c 1-12)
if [ ! -e "$jars/.complete" ]; then
    rm -rf "$jars"
    fetching "jars of $1" mvn -B -q -f "$1" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$jars"
    touch "$jars/.complete"
fi
echo "$jars/*"
